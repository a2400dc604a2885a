"""`nmt preprocess`, as a user runs it."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from helpers.preprocess_case import NMT, SMALL, corpus_of, fails, listing, write_lines
from nmtcli.cli.main import run
from nmtcli.data import vocabulary
from nmtcli.data.learn_subwords import learn
from nmtcli.data.prepared import PreparedData
from nmtcli.text.subwords import Subwords


def test_prepared_data_hold_the_text_as_ids(here):
    assert run(["preprocess", "--train", "s", "t", "--valid", "vs", "vt", *SMALL]) == 0
    data = PreparedData("prepared")
    source, target = Subwords(data.source_model), Subwords(data.target_model)
    sources, targets = corpus_of(100)
    assert [source.decode(data.train.source(i)) for i in range(100)] == sources
    assert [target.decode(data.train.target(i)) for i in range(100)] == targets
    valid = data.valid_source_lines(), data.valid_target_lines()
    assert valid == corpus_of(10, seed=2)
    assert target.decode(data.valid.target(3)) == data.valid_target_lines()[3]
    assert data.joint and source.model_proto == target.model_proto and source.size == 60


def test_prepared_json_says_what_was_made_from_what(here):
    run(["preprocess", "--train", "s", "t", *SMALL])
    facts = json.loads(Path("prepared/prepared.json").read_text())
    assert facts["format"] == 1 and facts["config"]["subwords"]["vocabulary_size"] == 60
    hashes = [hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in "st"]
    assert facts["inputs"] == {"train": hashes}
    model = Path("prepared/subwords.source.model").read_bytes()
    assert facts["models"] == [hashlib.sha256(model).hexdigest()] * 2
    assert facts["vocabulary"] == {"source": 60, "target": 60}
    assert facts["counts"]["train"]["kept"] == 100
    assert facts["command"][0] == "nmt"
    assert PreparedData("prepared").valid is None
    assert PreparedData("prepared").valid_source_lines() == []


def test_separate_models_differ_and_see_one_side_each(here):
    assert run(["preprocess", "--train", "s", "t", "--separate", "--vocab-size", "40"]) == 0
    data = PreparedData("prepared")
    source, target = Subwords(data.source_model), Subwords(data.target_model)
    assert not data.joint
    assert 1 in source.encode("ABC") and 1 not in source.encode("abc")
    assert 1 in target.encode("abc") and 1 not in target.encode("ABC")


def test_the_same_text_gives_the_same_bytes(here):
    for out in ("a", "b"):
        assert run(["preprocess", "--train", "s", "t", *SMALL, "--out", out]) == 0
    for path in Path("a").rglob("*"):
        if path.is_file() and path.name != "prepared.json":
            assert path.read_bytes() == Path("b", path.relative_to("a")).read_bytes()


def test_every_rule_is_counted_and_its_pairs_are_kept_on_request(here, capsys):
    sources, targets = corpus_of(50)
    bad = {
        "empty": ("", "X"),
        "invalid UTF-8": ("b\udcffad", "BAD"),
        "too long": ("x" * 1_000_000, "y"),
        "length ratio": ("ab" * 40, "A"),
        "identical": ("same text", "same text"),
        "duplicate": (sources[0], targets[0]),
        "too many pieces": ("a b c d e f g " * 9, "A B C D E F G " * 9),
    }
    write_lines(here / "bs", sources + [pair[0] for pair in bad.values()])
    write_lines(here / "bt", targets + [pair[1] for pair in bad.values()])
    arguments = ["--train", "bs", "bt", "--keep-rejected", "--set", "subwords.max_pieces=60"]
    assert run(["preprocess", *arguments, *SMALL]) == 0
    counts = PreparedData("prepared").facts["counts"]["train"]
    assert counts["rejected"] == dict.fromkeys(bad, 1)
    assert (counts["read"], counts["kept"]) == (57, 50)
    assert counts["characters"][0] == sum(map(len, sources))
    assert counts["pieces"][0] == PreparedData("prepared").train.source_lengths.sum()
    lines = Path("prepared/rejected.tsv").read_text().split("\n")
    rejected = [line.split("\t") for line in lines if line]
    assert {(rule, int(line)) for rule, line, _, _ in rejected} == set(zip(bad, range(51, 58)))
    shown = capsys.readouterr().err
    assert all(f"- {rule}" in shown for rule in bad)
    assert "50 of 57 training pairs" in shown


def test_pairs_are_cut_into_sentences_where_both_sides_have_equally_many(here, capsys):
    sources, targets = corpus_of(50)
    write_lines(
        here / "bs", [*sources, "Abc de. Fg abc!", "Ab. Cd. Ef", "Bad\udcff. Ab", "Ab. Ba."]
    )
    write_lines(here / "bt", [*targets, "가나 다. abc 마!", "ABC. DEF", "BAD. AB", "AB. Ba."])
    write_lines(here / "vs", ["Ab de. Fg", "", "Ab. Cd"])
    write_lines(here / "vt", ["AB DE. FG.", "", "AB CD"])
    arguments = ["--train", "bs", "bt", "--valid", "vs", "vt", "--by-sentence"]
    assert run(["preprocess", *arguments, "--keep-rejected", *SMALL]) == 0
    assert "54 of 56 training pairs, cut from 54 lines, in" in capsys.readouterr().err
    data = PreparedData("prepared")
    source, target = Subwords(data.source_model), Subwords(data.target_model)
    found = [
        (source.decode(data.train.source(n)), target.decode(data.train.target(n)))
        for n in range(50, 54)
    ]
    cut = [("Abc de.", "가나 다."), ("Fg abc!", "abc 마!")]
    assert found == [*cut, ("Ab. Cd. Ef", "ABC. DEF"), ("Ab.", "AB.")]
    rejected = [line.split("\t") for line in Path("prepared/rejected.tsv").read_text().split("\n")]
    assert [line[:2] for line in rejected[:-1]] == [["invalid UTF-8", "53"], ["identical", "54"]]
    assert data.valid_source_lines() == ["Ab de. Fg", "", "Ab. Cd"]
    assert [source.decode(data.valid.source(n)) for n in range(3)] == ["Ab de.", "Fg", "Ab. Cd"]


def test_lines_with_links_are_not_cut(here, capsys):
    write_lines(here / "l", [""] * 100)
    arguments = ["--train", "s", "t", "--alignments", "l", "--by-sentence"]
    fails(capsys, arguments, 2, "data.by_sentence", "data.alignments")


def test_tabs_in_rejected_pairs_are_escaped(here):
    sources, targets = corpus_of(50)
    write_lines(here / "bs", [*sources, "a\tb\\c\rd"])
    write_lines(here / "bt", [*targets, "a\tb\\c\rd"])
    older = ["--set", "data.normalization=nfc"]  # the new rule leaves no tabs
    run(["preprocess", "--train", "bs", "bt", "--keep-rejected", *older, *SMALL])
    line = Path("prepared/rejected.tsv").read_bytes()
    assert line == b"identical\t51" + b"\ta\\tb\\\\c\\rd" * 2 + b"\n"


@pytest.mark.parametrize(
    ("rule", "source", "target"),
    [
        ("clean", ["a b", "", "  c", "가"], ["A", "B", "C c", "가"]),
        ("nfc", ["a\u2028b", "", "  c", "가"], ["A", "B", "C\x85c", "가"]),
    ],
)
def test_all_readable_validation_lines_are_kept_normalised(here, rule, source, target):
    write_lines(here / "vs", ["a\u2028b", "", "bad\udcff", "  c\r", "가".encode().decode()])
    write_lines(here / "vt", ["A", "B", "C", "C\x85c", "\u1100\u1161"])
    options = ["--valid", "vs", "vt", "--set", f"data.normalization={rule}", *SMALL]
    assert run(["preprocess", "--train", "s", "t", *options]) == 0
    data = PreparedData("prepared")
    assert data.valid_source_lines() == source
    assert data.valid_target_lines() == target
    assert len(data.valid) == 3
    counts = data.facts["counts"]["valid"]
    assert counts["rejected"] == {"invalid UTF-8": 1, "empty": 1}


def test_shards_are_cut_as_asked(here):
    run(["preprocess", "--train", "s", "t", "--set", "data.shard_pairs=30", *SMALL])
    assert len(list(Path("prepared/train").glob("*.source.tokens.npy"))) == 4
    assert len(PreparedData("prepared").train) == 100


def test_subwords_are_learnt_from_a_sample_of_the_asked_size(monkeypatch, here):
    seen = []

    def remember(lines, options, name, symbols):
        seen.extend(lines)
        return Subwords(model).model_proto

    run(["preprocess", "--train", "s", "t", *SMALL, "--out", "first"])
    model = Path("first/subwords.source.model")
    monkeypatch.setattr(vocabulary, "learn_in_child", remember)
    run(["preprocess", "--train", "s", "t", *SMALL, "--set", "subwords.sample_pairs=25"])
    assert len(seen) == 50 and len(set(seen)) == 50
    assert seen[1::2] == [line.upper() for line in seen[::2]]


def test_subwords_are_learnt_from_a_sample_of_at_most_the_asked_characters(monkeypatch, here):
    seen = []

    def remember(lines, options, name, symbols):
        seen.append(list(lines))
        return learn(corpus_of(100)[0] + corpus_of(100)[1], options)

    monkeypatch.setattr(vocabulary, "learn_in_child", remember)
    command = ["preprocess", "--train", "s", "t", *SMALL, "--force"]
    texts = Path("s").read_text().split("\n") + Path("t").read_text().split("\n")
    for limit, joint in (
        (1000, "--joint"),
        (1000, "--separate"),
        (10**7, "--joint"),
        (1, "--joint"),
    ):
        seen.clear()
        assert run([*command, joint, "--set", f"subwords.sample_characters={limit}"]) == 0
        for lines in seen:
            characters = sum(map(len, lines))
            assert lines and set(lines) <= set(texts)
            if limit == 10**7:
                assert len(lines) == 200
            elif limit == 1000:  # at most one pair more
                assert 700 < characters < 1000 + 2 * max(map(len, texts))
            else:
                assert len(lines) == 2


def test_a_sample_is_in_order_the_same_every_time_and_fair():
    taken = list(vocabulary.sample(range(10_000), 10_000, 1000))
    assert len(taken) == 1000 and taken == sorted(taken)
    assert taken == list(vocabulary.sample(range(10_000), 10_000, 1000))
    assert abs(np.mean(taken) - 5000) < 400
    assert list(vocabulary.sample(range(5), 5, 9)) == [0, 1, 2, 3, 4]


def test_the_merged_options_are_printed_and_nothing_is_done(here, capsys):
    before = listing()
    assert run(["preprocess", "--train", "s", "t", *SMALL, "--dump-config"]) == 0
    output = capsys.readouterr().out
    assert "train_source: s\n" in output and "vocabulary_size: 60\n" in output
    assert listing() == before


def test_a_config_file_gives_the_paths_and_options_win(here):
    text = "data: {train_source: s, train_target: t}\nsubwords: {vocabulary_size: 50}\n"
    Path("c.yaml").write_text(text)
    assert run(["preprocess", "--config", "c.yaml", "--out", "a"]) == 0
    assert run(["preprocess", "--config", "c.yaml", "--out", "b", *SMALL]) == 0
    sizes = [PreparedData(out).facts["vocabulary"]["source"] for out in "ab"]
    assert sizes == [50, 60]


def test_nothing_goes_to_stdout_and_plain_text_to_a_pipe(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    output = capsys.readouterr()
    assert output.out == "" and "\x1b" not in output.err
    assert "learning subwords\n" in output.err


BAD_INPUTS = {
    "a missing file": (["none", "t"], {}, ["none: there is no such file"]),
    "a directory": (["s", "."], {}, [".: is a directory; give"]),
    "an empty file": (["s", "e"], {"e": []}, ["e: the file is empty; give"]),
    "unequal files": (["s", "u"], {"u": ["x"] * 99}, ["s has 100 lines", "u has 99"]),
    "a device": (["/dev/zero", "t"], {}, ["/dev/zero: is full of NUL bytes", "iconv"]),
    "no pair left": (["s", "s"], {}, ["s, s: ", "all 100 pairs (identical 100)"]),
    "only blank lines": (["b", "b"], {"b": [""] * 9}, ["all 9 pairs (empty 9)"]),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_training_text_is_refused_in_one_line_and_nothing_is_left(here, capsys, case):
    paths, files, words = BAD_INPUTS[case]
    for name, lines in files.items():
        write_lines(here / name, lines)
    fails(capsys, ["--train", *paths, *SMALL], 2, *words)


def test_bad_validation_text_is_refused_before_the_work(here, capsys):
    fails(capsys, ["--train", "s", "t", "--valid", "vs", "t", *SMALL], 2, "vs has 10", "t has 100")
    fails(
        capsys,
        ["--train", "s", "t", "--valid", "vs", "none", *SMALL],
        2,
        "none: there is no such file",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["a file of sources and a file of targets"]),
        (["--train", "s"], ["--train", "two files"]),
        (["--set", "data.train_source=s"], ["both source and target", "a file of each"]),
        (
            ["--train", "s", "t", "--vocab-size", "8000"],
            ["s and t: there is too little text", "8000 tokens"],
        ),
        (
            ["--train", "s", "t", "--vocab-size", "8000", "--separate"],
            ["s: there is too little text"],
        ),
        (["--train", "s", "t", "--vocab-size", "7"], ["at least 16, or 0 for an automatic size"]),
        (["--train", "s", "t", "--vocab-size", "16"], ["cannot hold every character"]),
        (["--train", "s", "t", "--subwords", "bert"], ["unigram, bpe, char, word", "'bert'"]),
        (["--train", "s", "t", "--set", "data.max_word=3"], ["did you mean 'max_words'"]),
        (["--train", "s", "t", "--config", "none.yaml"], ["none.yaml: no such"]),
        (["--train", "s", "t", *SMALL, "--out", "s"], ["s: is a file; choose another folder"]),
        (["--train", "s", "t", *SMALL, "--out", "s/x"], ["a file is in the way"]),
    ],
)
def test_wrong_options_are_refused_in_one_line_and_nothing_is_left(here, capsys, arguments, words):
    fails(capsys, arguments, 2, *words)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_of_something_else_is_never_touched(here, capsys, force):
    Path("mine").mkdir()
    Path("mine/thesis").write_text("years of work")
    arguments = ["--train", "s", "t", *SMALL, "--out", "mine", *force]
    fails(capsys, arguments, 2, "mine: exists but is not prepared data; choose another folder")
    assert Path("mine/thesis").read_text() == "years of work"


def test_an_empty_folder_is_filled_and_parents_are_made(here):
    Path("empty").mkdir()
    for out in ("empty", "a/b/c"):
        assert run(["preprocess", "--train", "s", "t", *SMALL, "--out", out]) == 0
        assert len(PreparedData(out).train) == 100
    assert not [name for name in listing() if name.startswith(".")]


def test_pipes_are_read_as_their_files_are(here):
    import subprocess

    (here / "s.gz").write_bytes(gzip.compress((here / "s").read_bytes()))
    pipes = "--train <(cat s.gz) <(cat t) --valid <(cat vs) <(cat vt) --out from-pipes"
    command = f"{' '.join(NMT)} preprocess {pipes} {' '.join(SMALL)}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = ["--train", "s", "t", "--valid", "vs", "vt", "--out", "from-files"]
    assert run(["preprocess", *files, *SMALL]) == 0
    facts = [json.loads((here / out / "prepared.json").read_text()) for out in PREPARED]
    assert facts[0]["inputs"] == facts[1]["inputs"] and facts[0]["counts"] == facts[1]["counts"]
    assert facts[0]["corpora"][0]["source"].startswith("/dev/fd/")
    assert listing() == sorted(["s", "t", "vs", "vt", "s.gz", *PREPARED])


PREPARED = ["from-pipes", "from-files"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--train", "s", "--out", "p"], "--train needs two files: --train SRC TGT"),
        (["--train", "s"], "--train needs two files: --train SRC TGT"),
        (["--train", "s", "t", "--valid", "vs", "--out", "p"], "--valid SRC TGT"),
        (["--train=s", "t", "--valid=vs"], "--valid needs two files: --valid SRC TGT"),
        (["s", "t"], "name files of text with --train SRC TGT"),
        (["--train", "s", "t", "u"], "(u); name files of text with --train"),
    ],
)
def test_a_missing_or_extra_file_is_told_with_what_to_write(here, capsys, arguments, words):
    fails(capsys, arguments, 2, words)
