"""`nmt bleu` apart from its numbers: properties, bad input, and processes."""

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmtcli.cli.main import run
from nmtcli.errors import UsageError
from nmtcli.metrics import sacrebleu_scores as bleu


@pytest.fixture
def text(tmp_path) -> str:
    """A file of many lines."""
    path = tmp_path / "text"
    path.write_text("a small house by the lake\n" * 2000, encoding="utf-8")
    return str(path)


LINES = st.lists(
    st.lists(st.sampled_from(["a", "b", "the", "cat", ".", "개", "😀"]), max_size=9).map(" ".join),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_references_changes_neither_bleu_nor_ter(data):
    hypotheses = data.draw(LINES)
    same_length = st.lists(
        st.sampled_from(["the cat", "a b c the .", "", "개 😀 a b"]),
        min_size=len(hypotheses),
        max_size=len(hypotheses),
    )
    references = data.draw(st.lists(same_length, min_size=2, max_size=4))
    options = [bleu.BleuOptions(), bleu.TerOptions()]  # chrF takes the first of equal references
    forwards = bleu.corpus_scores(references, hypotheses, options)
    backwards = bleu.corpus_scores(references[::-1], hypotheses, options)
    for one, other in zip(forwards, backwards):
        assert one.value == pytest.approx(other.value, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(LINES)
def test_identical_texts_have_the_best_score(lines):
    lines = [*lines, "the cat sat on a mat"]
    scores = bleu.corpus_scores(
        [lines], lines, [bleu.BleuOptions(), bleu.ChrfOptions(), bleu.TerOptions()]
    )
    assert [score.value for score in scores] == [pytest.approx(100), pytest.approx(100), 0]


def test_the_library_refuses_texts_that_are_not_parallel():
    for references, hypotheses in ([["a"], ["a", "b"]], ["a"]), ([], ["a"]), ([[]], []):
        with pytest.raises(UsageError):
            bleu.corpus_scores(references, hypotheses)


@pytest.mark.parametrize(("tokenizer", "extra"), [("ko-mecab", "ko"), ("ja-mecab", "ja")])
def test_a_missing_tokenizer_names_the_extra(tokenizer, extra, text, capsys, monkeypatch):
    monkeypatch.setattr(bleu, "find_spec", lambda name: None)
    assert run(["bleu", text, text, "-tok", tokenizer]) == 2
    assert f"pip install 'nmtcli[{extra}]'" in capsys.readouterr().err


BAD = [
    ("REF", "at least two files"),
    ("REF nowhere", "nowhere: there is no such file"),
    ("REF FOLDER", "is a directory"),
    ("REF LONGER", "REF has 3 lines, LONGER has 4"),
    ("REF LONGER HYP", "LONGER has 4 lines, HYP has 3"),
    ("REF HYP LONGER --paired", "LONGER has 4 lines, REF has 3"),
    ("REF HYP --by-length 10 --source LONGER", "LONGER has 4 lines, REF has 3"),
    ("REF HYP EMPTY --confidence", "EMPTY: is empty"),
    ("REF --confidence", "at least two files: REF HYP..."),
    ("REF EMPTY", "EMPTY: is empty"),
    ("REF BROKEN", "BROKEN: line 2 is not UTF-8"),
    ("- -", "only one file can be -"),
    ("REF HYP -m rouge", "not 'rouge'"),
    ("REF HYP -m chrf++", "--chrf-word-order 2"),
    ("REF HYP -m bleu,", "not ''"),
    ("REF HYP -tok 14a", "13a, intl"),
    ("REF HYP -s best", "exp, floor"),
    ("REF HYP -sv 3", "floor or add-k"),
    ("REF HYP -s floor -sv nan", "from 0 to 1000"),
    ("REF HYP -cw 2", "options of chrf"),
    ("REF HYP -m ter -lc", "options of bleu"),
    ("REF HYP -w -1", "--width"),
    ("REF HYP --by-length 10,x", "whole numbers"),
    ("REF HYP --by-length 10,10", "must ascend"),
    ("REF HYP --by-length 10 -m ter", "name bleu"),
    ("REF HYP --source REF", "--by-length"),
    ("REF HYP -sl -m bleu,ter", "one metric"),
    ("REF HYP -sl --by-length 10", "leave out --sentence-level"),
    ("REF HYP -b --by-length 10", "--score-only cannot print the table of --by-length"),
    ("REF HYP -b --json", "--score-only and --json"),
    ("REF HYP --paired", "two or more after the reference"),
    ("REF HYP OTHER --paired --references 2", "two or more after the reference"),
    ("REF HYP --references 2", "leaves no translation: there are 2 files"),
    ("REF HYP --references 0", "--references"),
    ("REF HYP ./HYP --confidence", "./HYP is given twice"),
    ("REF HYP OTHER --references 1 -sl", "leave out --sentence-level"),
    ("REF HYP -sl --confidence", "leave out --sentence-level"),
    ("REF HYP OTHER --references 1 -b", "--score-only cannot print the table of several"),
    ("REF HYP --bootstrap 0", "--bootstrap needs --by-length, --confidence or --paired"),
    ("REF HYP --confidence --bootstrap 0", "--confidence needs resamples"),
    ("REF HYP OTHER --paired --bootstrap 0", "--paired needs resamples"),
    ("REF HYP --confidence --bootstrap 39", "from 40 to 1000000, not 39"),
    ("REF HYP --confidence --bootstrap -1", "from 40 to 1000000, not -1"),
    ("REF HYP --by-length 20,10", "10 follows 20"),
    ("REF HYP --by-length 0", "at least 1"),
    ("REF HYP --by-length  10,,20", "whole numbers"),
    ("REF HYP --plot a.png", "--plot draws the table of --by-length"),
    ("REF HYP --by-length 10 --plot a.pdf", "a.pdf: the name must end in .png or .svg"),
    ("REF HYP --by-length 10 --plot png", "png: the name must end in .png or .svg"),
    ("REF HYP --by-length 10 --plot no/a.png", "there is no folder no; make it first"),
    ("REF HYP --by-length 10 --plot FOLDER.svg", "FOLDER.svg: is a directory"),
    ("REF HYP --by-length 10 --title x", "give --plot too"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input_is_one_line_and_status_2(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    contents = {"REF": b"a\nb\nc\n", "HYP": b"a\nb\nd\n", "LONGER": b"a\n\n\n\n", "EMPTY": b""}
    contents["OTHER"] = contents["HYP"]
    for name, content in (contents | {"BROKEN": b"a\n\xff\xfe\nc\n"}).items():
        Path(name).write_bytes(content)
    Path("FOLDER").mkdir()
    Path("FOLDER.svg").mkdir()
    assert run(["bleu", *words.split()]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.count("\n") == 1 and printed.err.startswith("nmt: ")


@pytest.mark.parametrize("command", [["--help"], ["bleu", "--help"], ["bleu", "FILE", "FILE"]])
def test_nothing_heavy_is_imported(command, text):
    words = [text if word == "FILE" else word for word in command]
    program = (
        "import sys; from nmtcli.cli.main import run; status = run(sys.argv[1:]); "
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'numpy'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    result = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


def test_a_closed_pipe_ends_quietly(text):
    command = [sys.executable, "-m", "nmtcli", "bleu", text, text, "-sl"]
    reader, writer = os.pipe()
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        os.close(reader)
        assert process.stderr.read() == b""


def test_files_that_differ_in_what_cannot_be_seen_keep_their_score_and_are_named(tmp_path, capsys):
    lines = ["그는 공항에 도착했어요.", "어제 비가 왔어요.", "Only letters of ASCII here."] * 3
    (tmp_path / "nfc").write_text("\n".join(lines) + "\n", encoding="utf-8")
    decomposed = unicodedata.normalize("NFD", "\n".join(lines) + "\n")
    (tmp_path / "nfd").write_text(decomposed, encoding="utf-8")
    files = [str(tmp_path / "nfc"), str(tmp_path / "nfd")]
    assert run(["bleu", *files, "--score-only"]) == 0
    out, errors = capsys.readouterr()
    score = bleu.corpus_scores([lines], decomposed.splitlines(), [bleu.BleuOptions()])[0].value
    assert float(out) == pytest.approx(score, abs=0.05) and score < 60
    assert "6 of 9 lines" in errors and "composed and decomposed characters" in errors
    assert "normalise both" in errors and len(errors.splitlines()) == 1
    assert run(["bleu", files[0], files[0], "--score-only"]) == 0
    assert capsys.readouterr().err == ""
