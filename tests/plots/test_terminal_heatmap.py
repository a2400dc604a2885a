"""The heat map of the terminal: nothing out of line, nothing wider than the terminal."""

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from nmtcli.plots.heatmap import Heatmap, colour_of
from nmtcli.plots.terminal_heatmap import SHADES, fit, render_heatmap

KOREAN = Heatmap(
    np.array([[0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]), ["나는", "집에", "간다!"], ["I", "go"], "한국어"
)


def shown(heatmap, width=80, **console):
    """What stands on the terminal, line by line."""
    stream = io.StringIO()
    options = {"color_system": None, **console}
    Console(file=stream, width=width, **options).print(render_heatmap(heatmap, width))
    return stream.getvalue().splitlines()


def test_source_words_stand_upright_above_their_columns():
    assert shown(KOREAN) == [
        "한국어",
        "       간",
        "   나집다",
        "   는에! ",
        " I   @@  ",
        "go ::::++",  # 0.25 and 0.5 of nine steps: 2 and 5
        "weight 0 [ .:-=+*#%@] 1",
    ]


def test_a_narrow_terminal_numbers_the_columns():
    heatmap = Heatmap(np.eye(12), [f"word{i}" for i in range(1, 13)], list("abcdefghijkl"))
    lines = shown(heatmap, 25)
    assert lines[:5] == [
        "           111",
        "  123456789012",
        "a @           ",
        "b  @          ",
        "c   @         ",
    ]
    assert lines[14:16] == [" 1 word1   2 word2", " 3 word3   4 word4"]


def test_a_sentence_wider_than_the_terminal_is_shown_in_parts():
    heatmap = Heatmap(np.eye(30), [str(i) for i in range(30)], ["a"] * 30)
    lines = shown(heatmap, 24)
    assert lines[:2] == ["           1111111111222", "  1234567890123456789012"]
    assert lines[32:34] == ["  22222223", "  34567890"]
    assert sum(line.count("@") for line in lines[:64]) == 30


def test_colours_are_those_of_the_pictures():
    lines = shown(KOREAN, color_system="truecolor", force_terminal=True, no_color=False)
    red, green, blue = colour_of(1)
    row = next(line for line in lines if line.startswith(" I "))
    assert f"48;2;{red};{green};{blue}m  " in row and "48;2;255;255;255m  " in row
    assert "@" not in "".join(lines)


@pytest.mark.parametrize("console", [{"no_color": True}, {"color_system": "standard"}])
def test_without_enough_colours_weights_are_characters(console):
    lines = shown(KOREAN, force_terminal=True, **{"color_system": "truecolor", **console})
    assert " I   @@  " in lines and "48;" not in "".join(lines)


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    lines = shown(KOREAN, color_system="truecolor", force_terminal=True)
    assert " I   @@  " in lines


def test_the_window_is_in_brackets():
    window = np.array([[1, 1, 0], [0, 0, 1]], bool)
    heatmap = Heatmap(np.array([[0.5, 0.5, 0], [0, 0, 1.0]]), list("abc"), list("xy"), "", window)
    assert shown(heatmap)[1:3] == ["x [++]  ", "y     []"]
    coloured = shown(heatmap, 20, color_system="truecolor", force_terminal=True, no_color=False)
    assert sum(line.count("]") for line in coloured) == 2


def test_shades_follow_the_weight():
    heatmap = Heatmap([np.arange(10) / 9], list("abcdefghij"), ["x"])
    assert shown(heatmap)[1] == "x " + "".join(2 * shade for shade in SHADES)


words = st.lists(
    st.text(
        st.one_of(
            st.characters(min_codepoint=0x20, max_codepoint=0x17F),
            st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
            st.sampled_from("漢字かなㅋ\u0301…\t\n"),
        ),
        max_size=30,
    ),
    min_size=1,
    max_size=30,
)


@given(words, words, st.integers(1, 100), st.text(max_size=99), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_line_is_wider_than_the_terminal(source, target, width, title, in_colour):
    weights = np.full((len(target), len(source)), 0.5)
    heatmap = Heatmap(weights, source, target, title, weights > 0)
    for line in render_heatmap(heatmap, width).lines(in_colour):
        assert line.cell_len <= max(width, 24)
        assert "\n" not in line.plain


@given(words, words)
@settings(max_examples=30, deadline=None)
def test_every_row_of_cells_ends_in_the_same_column(source, target):
    heatmap = Heatmap(np.ones((len(target), len(source))), source, target)
    cells = [line for line in shown(heatmap, 120) if line.endswith("@@" * len(source))]
    assert len({cell_len(line) for line in cells}) == 1 and len(cells) >= len(target)


@given(st.text(), st.integers(1, 30))
def test_a_fitted_text_fits(text, width):
    assert cell_len(fit(text, width)) <= width
    if cell_len(text) <= width:
        assert fit(text, width) == text


def test_the_middle_of_a_long_word_goes():
    assert fit("가나다라마바사", 9) == "가나…바사"
    assert fit("international", 9) == "inte…onal"


def test_the_terminal_needs_no_matplotlib():
    code = (
        "import sys; import nmtcli.plots.terminal_heatmap\n"
        "assert not {'matplotlib', 'keras', 'tensorflow'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
