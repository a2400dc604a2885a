"""The picture of BLEU by length: what is drawn where, and the files that `--plot` writes."""

import logging
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nmtcli.cli.main import run
from nmtcli.metrics.bootstrap import Interval
from nmtcli.metrics.by_length import Bucket
from nmtcli.plots.bleu_by_length import figure_by_length, save_figure

SVG = "{http://www.w3.org/2000/svg}"


def bucket(low: int, high: int | None, score: float | None, width: float = 0) -> Bucket:
    interval = Interval(score, width, score - width, score + width) if width else None
    return Bucket(low, high, 0 if score is None else 9, score, interval)


TABLE = [
    bucket(0, 5, 40, 3),
    bucket(6, 10, 35, 2),
    bucket(11, 20, None),
    bucket(21, 30, 20, 4),
    bucket(31, None, None),
]


def lines_of(axes, kind: str) -> list:
    return [line for line in axes.get_lines() if line.get_marker() == kind]


def test_a_bucket_without_sentences_leaves_a_gap():
    (axes,) = figure_by_length([("system", TABLE)]).axes
    (line,) = lines_of(axes, "o")
    heights = [None if y != y else y for y in line.get_ydata()]
    assert heights == [40, 35, None, 20, None]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0-5\nn = 9", "6-10\nn = 9", "11-20\nn = 0", "21-30\nn = 9", ">30\nn = 0"]
    assert axes.get_ylabel() == "BLEU" and axes.get_ylim()[0] == 0 and axes.get_ylim()[1] > 43


def test_the_interval_is_a_band_or_a_bar_between_gaps():
    (axes,) = figure_by_length([("system", TABLE)]).axes
    (band,) = axes.collections
    corners = [tuple(point) for path in band.get_paths() for point in path.vertices]
    assert {(0, 37), (0, 43), (1, 33), (1, 37)} <= set(corners)
    (bar,) = lines_of(axes, "_")
    assert list(bar.get_xdata()) == [3, 3] and list(bar.get_ydata()) == [16, 24]


def test_systems_differ_without_colour():
    figure = figure_by_length([(f"system {number}", TABLE) for number in range(8)])
    (legend,) = figure.legends
    lines = legend.get_lines()
    assert len({line.get_marker() for line in lines}) == len(lines) == 8
    assert [line.get_linestyle() for line in lines[:4]] == ["-", "--", "-.", ":"]
    points = [line for line in figure.axes[0].get_lines() if line.get_marker() not in ("None", "_")]
    assert [line.get_marker() for line in points] == [line.get_marker() for line in lines]
    assert len({line.get_xdata()[0] for line in points}) == 8  # none hides another


def test_names_are_shown_as_they_are():
    names = ["_hidden", "$x^2$", "한국어 체계"]
    figure = figure_by_length([(name, TABLE) for name in names], title="$a_b$", caption="$c$")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == names
    shown = [*legend.get_texts(), legend.get_title(), figure.axes[0].title]
    assert not any(text.get_parse_math() for text in shown)


def test_an_svg_keeps_its_text_and_its_bytes(tmp_path):
    for name in "first.svg", "second.SVG":
        figure = figure_by_length([("한국어", TABLE), ("b & c", TABLE)], title="길이와 BLEU")
        save_figure(figure, tmp_path / name)
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.SVG").read_bytes()
    texts = {element.text for element in ElementTree.fromstring(first).iter(f"{SVG}text")}
    assert {"한국어", "b & c", "길이와 BLEU", "BLEU", "21-30", "n = 0"} <= texts


@pytest.fixture
def files(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("ref").write_text("a b c d e\na b c d e f g\n" * 5, encoding="utf-8")
    Path("one").write_text("a b c d e\na b c d f f g\n" * 5, encoding="utf-8")
    Path("다른").write_text("a b c e e\na b c d e f f\n" * 5, encoding="utf-8")
    return ["ref", "one", "다른"]


def test_the_command_writes_the_picture_beside_the_table(files, capsys):
    options = ["--by-length", "5,6,10", "--source", "ref", "--title", "길이", "--bootstrap", "50"]
    assert run(["bleu", *files, *options, "--plot", "a.svg"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1].startswith("all") and shown.err == ""
    root = ElementTree.fromstring(Path("a.svg").read_bytes())
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"one", "다른", "길이", "words in the source (n: sentences)"} <= set(texts)
    assert any("tok:13a" in text and "95 % of 50 resamples" in text for text in texts)
    assert run(["bleu", *files, *options, "--plot", "b.PNG"]) == 0
    assert Path("b.PNG").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_letters_that_no_font_has_are_warned_about(files, capsys, monkeypatch):
    def no_font(texts):
        assert {"one", "다른", "rare"} <= set(texts)
        logging.getLogger("nmtcli").warning("no font has this")
        return ["DejaVu Sans"]

    monkeypatch.setattr("nmtcli.plots.fonts.font_families", no_font)
    assert run(["bleu", *files, "--by-length", "5", "--plot", "a.png", "--title", "rare"]) == 0
    assert capsys.readouterr().err == "nmt: warning: no font has this\n"


def test_a_picture_is_not_written_when_something_is_wrong(files, capsys):
    Path("empty").write_bytes(b"")
    assert run(["bleu", "ref", "empty", "--by-length", "5", "--plot", "a.png"]) == 2
    assert not Path("a.png").exists()


def test_a_missing_matplotlib_is_named(files, capsys, monkeypatch):
    monkeypatch.setattr("nmtcli.cli.bleu_compare.find_spec", lambda name: None)
    assert run(["bleu", *files, "--by-length", "5", "--plot", "a.png"]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err


def test_matplotlib_is_imported_for_a_picture_only(files):
    program = (
        "import sys; from nmtcli.cli.main import run; status = run(sys.argv[1:]); "
        "heavy = {'tensorflow', 'keras', 'jax', 'matplotlib'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    words = ["bleu", *files, "--by-length", "5", "--paired", "--confidence"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
