"""`nmt bleu` against sacrebleu's own command, by length, and with bad input."""

import io
import json
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from nmtcli.cli.main import run
from nmtcli.metrics import sacrebleu_scores as bleu

REFERENCES = {
    "plain": 'The cat sat on the mat.\nIt is 3.5 km to the "old" town, isn\'t it?\nBye &amp; co!\n',
    "korean": "고양이가 매트 위에 앉았습니다.\n오늘은 날씨가 좋네요!\n서울에서 두 시간.\n",
    "asian": "猫はマットの上に座った。\n今天天气很好,我们去公园吧!\n東京タワーは333mです。\n",
    "emoji": "I ❤️ it 👩‍👩‍👧 so much 😀!\n🎉🎉 party — «now»\nnaïve café №5 ½ €3,50\n",
    "odd": "a\x85two three\u2028four five\nsix\x0bseven\x0ceight\r nine\nten\televen\u00a0x \x1c\n",
    "blank": "a first line of it\n\nthe third line of all\n",
    "unended": "one two three four five\nsix seven eight nine ten\neleven twelve",
}
HYPOTHESES = {
    "plain": 'A cat sat on the mat .\nIt is 3.5 miles to the "old" Town, is it?\nBye & Co!\n',
    "korean": "고양이는 매트 위에 앉았다.\n오늘은 날씨가 참 좋네요!\n서울까지 두 시간.\n",
    "asian": "猫がマットの上に座った。\n今天天气好,我们去公园!\n東京タワーは332mです。\n",
    "emoji": "I ❤️ it 👩‍👧 so 😀!\n🎉 party – «Now»\nnaive café №5 ½ €3.50\n",
    "odd": "a\x85two three\u2028four six\r\nsix\x0bseven\x0ceight\r nine\x85\nten\televen\u00a0y\n",
    "blank": "a first line of it\nsomething\n\n",
    "unended": "one two three four six\nsix seven eight nine ten\n\n",
}
OPTION_SETS = [
    "",
    "-m chrf",
    "-m ter",
    "-m bleu chrf ter -w 3",
    "-tok intl -lc",
    "-tok char -w 12",
    "-tok zh -b",
    "-tok none -s floor",
    "-s add-k -sv 2 -w 5",
    "-s none",
    "-m chrf -cw 2 -cc 4 --chrf-beta 3 --chrf-whitespace --chrf-lowercase",
    "-m chrf --chrf-eps-smoothing -w 6",
    "-m ter --ter-normalized --ter-no-punct --ter-asian-support --ter-case-sensitive -w 4",
    "-sl",
    "-sl -m chrf -b -w 4",
    "-sl -m ter",
    "-sl -lc -s floor -sv 0.5 -w 0",
    "-m ter chrf -b",
]
MECAB = [
    pytest.param(text, f"-tok {tokenizer}{more}", id=f"{text}-{tokenizer}{more}")
    for tokenizer in ("ko-mecab", "ja-mecab")
    for text in ("korean", "asian", "odd", "blank")
    for more in ("", " -sl")
]
CASES = [(text, options) for text in REFERENCES for options in OPTION_SETS]
CASES += [(f"{text}x3", options) for text in ("plain", "odd") for options in OPTION_SETS]
CASES += [("generated", options) for options in ("-m bleu chrf ter -w 9", "-sl -w 9")]
SEPARATOR = "=== end of case ===\n"
# sacrebleu replaces the streams, and closes the descriptors if the old ones are collected.
DRIVER = f"""
import json, sys
from sacrebleu.sacrebleu import main
kept = []
for arguments in json.load(open(sys.argv[1])):
    sys.stdin, sys.stdout = sys.__stdin__, sys.__stdout__
    sys.argv = ["sacrebleu", *arguments, "-f", "text", "--no-color"]
    try:
        main()
    except SystemExit:
        pass
    kept += [sys.stdin, sys.stdout]
    print({SEPARATOR!r}, end="", flush=True)
"""


def missing(tokenizer: str) -> bool:
    return any(find_spec(name) is None for name in bleu._EXTRAS[tokenizer][1])


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, list[str]]:
    """For each text the paths of its references and, last, of its hypotheses."""
    folder = tmp_path_factory.mktemp("texts")
    dice = random.Random(7)
    words = ["the", "a", "cat", "dog", "sat", "ran,", "on", "mat.", "Über", "가다", "3,5", "(x)"]
    made = [
        "".join(f"{' '.join(dice.choices(words, k=n % 17))}\n" for n in range(60)) for _ in "ab"
    ]
    texts = {name: [REFERENCES[name], HYPOTHESES[name]] for name in REFERENCES}
    texts["generated"] = made
    for name in ("plain", "odd"):
        others = [REFERENCES["unended"], REFERENCES["blank"]]
        texts[f"{name}x3"] = [REFERENCES[name], *others, HYPOTHESES[name]]
    paths = {}
    for name, contents in texts.items():
        paths[name] = [str(folder / f"{name}.{number}") for number in range(len(contents))]
        for path, content in zip(paths[name], contents):
            Path(path).write_bytes(content.encode())
    return paths


@pytest.fixture(scope="module")
def expected(files, tmp_path_factory) -> dict[tuple[str, str], str]:
    """What sacrebleu's command prints in each case; one process for all of them."""
    cases = list(CASES)
    cases += [param.values for param in MECAB if not missing(param.values[1].split()[1])]
    commands = [[*files[text][:-1], "-i", files[text][-1], *opts.split()] for text, opts in cases]
    listed = tmp_path_factory.mktemp("driver") / "cases.json"
    listed.write_text(json.dumps(commands), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-c", DRIVER, str(listed)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=True,
    )
    printed = result.stdout.decode().split(SEPARATOR)[:-1]
    assert len(printed) == len(cases)
    return dict(zip(cases, printed))


def ours(files: dict[str, list[str]], text: str, options: str) -> list[str]:
    """The command line of ours for sacrebleu's options: metrics are a comma list."""
    words = options.split()
    while len(words) > 2 and words[0] == "-m" and words[2] in bleu.METRICS:
        words[1:3] = [f"{words[1]},{words[2]}"]
    return ["bleu", *files[text], *words]


@pytest.mark.parametrize(("text", "options"), CASES)
def test_the_output_is_that_of_sacrebleu(text, options, files, expected, capsys):
    assert run(ours(files, text, options)) == 0
    printed = capsys.readouterr().out
    assert printed == expected[text, options]
    assert printed.strip()


@pytest.mark.parametrize(("text", "options"), MECAB)
def test_the_morphological_tokenizers_are_those_of_sacrebleu(
    text, options, files, expected, capsys
):
    if missing(options.split()[1]):
        pytest.skip("its dictionary is not installed")
    assert run(ours(files, text, options)) == 0
    assert capsys.readouterr().out == expected[text, options]


@pytest.mark.parametrize("position", [0, 1])
def test_a_dash_is_standard_input(position, files, expected, capsys, monkeypatch):
    names = list(files["plain"])
    stream = SimpleNamespace(buffer=io.BytesIO(Path(names[position]).read_bytes()))
    names[position] = "-"
    monkeypatch.setattr(sys, "stdin", stream)
    assert run(["bleu", *names]) == 0
    assert capsys.readouterr().out == expected["plain", ""]


def test_compressed_files_are_read_as_sacrebleu_reads_them(files, expected, tmp_path, capsys):
    import gzip

    packed = tmp_path / "hyp.gz"
    packed.write_bytes(gzip.compress(Path(files["plain"][1]).read_bytes()))
    assert run(["bleu", files["plain"][0], str(packed)]) == 0
    assert capsys.readouterr().out == expected["plain", ""]
    packed.write_bytes(packed.read_bytes()[:-12])
    assert run(["bleu", files["plain"][0], str(packed)]) == 2
    assert "hyp.gz: the gzip file is cut off" in capsys.readouterr().err


def test_repeated_metrics_are_a_list(files, expected, capsys):
    assert run(["bleu", *files["plain"], "-m", "ter", "-m", "BLEU,chrf", "-w", "3"]) == 0
    assert capsys.readouterr().out == expected["plain", "-m bleu chrf ter -w 3"]


def test_json_holds_the_scores_to_ten_decimals_and_the_table(files, capsys):
    options = ["-m", "bleu,ter", "--json", "--by-length", "1,4"]
    assert run(["bleu", *files["plain"], *options]) == 0
    report = json.loads(capsys.readouterr().out)
    lines = [Path(name).read_text(encoding="utf-8").splitlines() for name in files["plain"]]
    known = bleu.corpus_scores(lines[:1], lines[1], [bleu.BleuOptions(), bleu.TerOptions()])
    assert report["lines"] == 3
    assert [score["score"] for score in report["scores"]] == [round(one.value, 10) for one in known]
    assert [score["signature"] for score in report["scores"]] == [one.signature for one in known]
    empty = {"label": "0-1", "low": 0, "high": 1, "count": 0, "score": None, "interval": None}
    assert report["by_length"][0] == empty
    assert [bucket["count"] for bucket in report["by_length"]] == [0, 1, 2]


def test_json_by_sentence_is_an_object_a_line(files, capsys):
    assert run(["bleu", *files["plain"], "--json", "-sl", "-w", "2"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["line"] for one in objects] == [1, 2, 3]
    assert all(round(one["score"], 2) == one["score"] for one in objects)


def test_the_table_has_a_dash_where_there_is_no_sentence(files, capsys):
    source = files["plain"][0]  # lines of 6, 9 and 3 words
    assert run(["bleu", *files["plain"], "--by-length", "1,6", "--source", source]) == 0
    _, *table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in table] == [
        ["words", "sentences"],
        ["0-1", "0"],
        ["2-6", "2"],
        [">6", "1"],
        ["all", "3"],
    ]
    assert table[1][2] == "-" and float(table[2][2]) > 0
    assert table[3][3] == "(-)"  # every resample of one sentence is that sentence


def test_text_that_looks_tokenised_is_warned_about_once(tmp_path, capsys):
    text = tmp_path / "text"
    text.write_text("a small house .\n" * 100, encoding="utf-8")
    for options, warned in ([], 1), (["--force"], 0), (["-tok", "none"], 0), (["-m", "ter"], 0):
        assert run(["bleu", str(text), str(text), *options]) == 0
        assert capsys.readouterr().err.count("looks tokenised") == warned


def test_json_of_equal_texts_is_a_round_hundred(tmp_path, capsys):
    (tmp_path / "text").write_text("a b c d e\nf g h i j\n")
    assert run(["bleu", *[str(tmp_path / "text")] * 2, "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["score"] == 100.0 and score["precisions"] == [100.0] * 4


@pytest.mark.parametrize(("more", "noted"), [([], 1), (["--ter-normalized"], 0)])
def test_an_option_of_ter_without_effect_is_noted(files, capsys, more, noted):
    assert run(["bleu", *files["plain"], "-m", "ter", "--ter-asian-support", *more]) == 0
    assert capsys.readouterr().err.count("note: --ter-asian-support has no effect") == noted
