"""A heat map shows each weight in its colour, and each word as letters."""

import io
import warnings
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers.log import silently
from nmtcli.errors import NmtError, UsageError
from nmtcli.plots.heatmap import (
    COLOUR_STOPS,
    Heatmap,
    clean_word,
    colour_of,
    draw_heatmap,
    save_heatmap,
)

KOREAN = Heatmap(
    np.array([[0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]), ["나는", "집에", "간다"], ["I", "go"], "한국어"
)


def words(source, target, **more):
    weights = np.full((target, source), 1 / source)
    return Heatmap(
        weights, [f"s{i}" for i in range(source)], [f"t{i}" for i in range(target)], **more
    )


def pixels(figure):
    """The figure as it is drawn, uint8, (height, width, 4), first row on top."""
    stream = io.BytesIO()
    figure.savefig(stream, format="rgba")
    width, height = FigureCanvasAgg(figure).get_width_height()
    return np.frombuffer(stream.getvalue(), np.uint8).reshape(height, width, 4)


def centre(figure, row, column):
    """Pixel row and column of the middle of a cell."""
    x, y = figure.axes[0].transData.transform((column + 0.5, row + 0.5))
    return round(figure.get_size_inches()[1] * figure.dpi - y), round(x)


def svg_texts(path):
    return [node.text for node in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def lightness(colour):
    """L* of CIELAB of an sRGB colour (IEC 61966-2-1, CIE 15)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def test_more_weight_is_darker_in_even_steps():
    scale = [lightness([c / 255 for c in colour_of(w)]) for w in np.linspace(0, 1, 21)]
    steps = -np.diff(scale)
    assert scale[0] == pytest.approx(100, abs=0.1) and scale[-1] < 15
    assert steps.min() > 0 and steps.max() < 1.5 * steps.min()


def test_colours_are_the_stops_and_straight_lines_between_them():
    assert colour_of(0) == (255, 255, 255)
    assert colour_of(1 / 12) == (0xCE, 0xF5, 0xFD)
    assert colour_of(1 / 24) == (round((255 + 0xCE) / 2), round((255 + 0xF5) / 2), 254)
    assert colour_of(1) == colour_of(1.01) == (0x19, 0x19, 0x28)
    assert colour_of(-0.01) == (255, 255, 255)
    assert len(COLOUR_STOPS) == 13


def test_each_cell_has_the_colour_of_its_weight():
    figure = silently(draw_heatmap, KOREAN)
    image = pixels(figure)
    for row in range(2):
        for column in range(3):
            drawn = image[centre(figure, row, column)][:3].astype(int)
            wanted = colour_of(KOREAN.weights[row, column])
            assert np.abs(drawn - wanted).max() <= 3, (row, column)  # matplotlib has 256 colours


def test_cells_are_square_and_words_stay_on_the_page():
    maps = [words(*size) for size in [(1, 1), (5, 5), (60, 60), (3, 30), (30, 3)]]
    maps.append(Heatmap(np.eye(2), ["a", "M" * 40], ["M" * 50, "b"]))
    maps.append(Heatmap([[1]], ["a"], ["b"], "M" * 120))
    for heatmap in maps:
        figure = draw_heatmap(heatmap)
        box = figure.axes[0].get_window_extent()
        assert box.width / len(heatmap.source_words) == pytest.approx(
            box.height / len(heatmap.target_words)
        )
        renderer = FigureCanvasAgg(figure).get_renderer()
        for text in [*figure.axes[0].texts, *figure.texts, *figure.axes[1].get_yticklabels()]:
            extent = text.get_window_extent(renderer)
            assert extent.x0 >= 0 and extent.y0 >= 0, text
            assert extent.x1 <= figure.bbox.width and extent.y1 <= figure.bbox.height, text


@pytest.mark.parametrize("count", [5, 20, 21, 40, 41, 80])
def test_neighbouring_words_do_not_touch(count):
    long = Heatmap(np.eye(count), ["lgbpqdfjy"] * count, ["Wörtergq"] * count)
    figure = draw_heatmap(long)
    image = pixels(figure)[..., 0].astype(int)
    renderer = FigureCanvasAgg(figure).get_renderer()
    rows, columns = figure.axes[0].texts[count:], figure.axes[0].texts[:count]
    boxes = [text.get_window_extent(renderer) for text in rows]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))
    # Sloping words: a line of paper lies between two neighbours, along the slope.
    height, length = image.shape[0], 40
    for text, after in list(pairwise(columns))[:3]:
        x, y = np.mean(
            [figure.axes[0].transData.transform(each.get_position()) for each in (text, after)], 0
        )
        lanes = [
            [image[round(height - y) - i, round(x) + shift + i] for i in range(length)]
            for shift in range(-12, 13)
        ]
        assert max(min(lane) for lane in lanes) > 200


def test_words_are_text_in_svg_with_the_fonts_that_have_them(tmp_path):
    silently(save_heatmap, KOREAN, tmp_path / "a.svg")
    assert set(svg_texts(tmp_path / "a.svg")) >= {
        "나는",
        "집에",
        "간다",
        "I",
        "go",
        "한국어",
        "weight",
    }
    assert "'DejaVu Sans', 'NanumGothic', sans-serif" in ((tmp_path / "a.svg").read_text("utf-8"))


def test_hangul_is_drawn_as_letters_and_not_as_boxes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of a glyph that no font has
        image = pixels(silently(draw_heatmap, KOREAN))
    assert (image[..., 0] < 100).any()


def test_signs_of_formulas_are_letters(tmp_path):
    strange = ["$x^2$", "a_b", r"\alpha", "<b>&amp;", "$", "$$"]
    save_heatmap(Heatmap(np.eye(6), strange, strange, "5 $ & 6 $"), tmp_path / "a.svg")
    texts = svg_texts(tmp_path / "a.svg")
    assert all(texts.count(word) == 2 for word in strange)
    assert "5 $ & 6 $" in texts


def test_what_xml_cannot_hold_is_replaced(tmp_path):
    rubbish = ["a\x00b", "tab\tnew\nline", "\ud800", "x\uffff", "e\u0301"]
    save_heatmap(Heatmap(np.eye(5), rubbish, rubbish, "\x1b[31m"), tmp_path / "a.svg")
    assert {"a\ufffdb", "tab\ufffdnew\ufffdline", "x\ufffd", "é"} <= set(
        svg_texts(tmp_path / "a.svg")
    )
    assert clean_word("\ud800") == "\ufffd"


def test_a_long_word_loses_its_middle(tmp_path):
    word = "".join(chr(0x4E00 + i) for i in range(41))
    save_heatmap(Heatmap([[1.0, 0.0]], [word, word[:40]], ["x"]), tmp_path / "a.svg")
    assert {word[:20] + "…" + word[-19:], word[:40]} <= set(svg_texts(tmp_path / "a.svg"))


def test_the_window_is_outlined_as_a_staircase():
    window = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], bool)
    figure = draw_heatmap(Heatmap(np.full((3, 4), 0.25), list("abcd"), list("xyz"), window=window))
    (lines,) = figure.axes[0].collections[1:]
    drawn = {tuple(map(tuple, line)) for line in np.array(lines.get_segments()).astype(int)}
    upright = {(0, 0), (2, 0), (1, 1), (3, 1), (3, 2), (4, 2)}  # left and right end of each row
    level = {(0, 0), (1, 0), (0, 1), (2, 1), (1, 2), (2, 2), (3, 2), (3, 3)}
    assert drawn == {((x, y), (x, y + 1)) for x, y in upright} | {
        ((x, y), (x + 1, y)) for x, y in level
    }
    image = pixels(figure)
    column, row = figure.axes[0].transData.transform((2, 0.5))
    assert image[round(image.shape[0] - row), round(column)].tolist()[:3] == [0xE8, 0x59, 0x0C]


def test_a_sentence_too_long_to_draw_is_cut_and_that_is_said(caplog):
    figure = draw_heatmap(words(123, 90, window=np.ones((90, 123), bool)))
    assert caplog.messages == [
        "drew the first 80 of 123 source words and the first 80 of 90 target words"
    ]
    assert figure.axes[0].get_xlim() == (0, 80) and len(figure.axes[0].texts) == 160
    caplog.clear()
    draw_heatmap(words(7, 81))
    assert caplog.messages == ["drew all 7 source words and the first 80 of 81 target words"]
    silently(draw_heatmap, words(80, 80))


def test_letters_without_a_font_are_told_once_and_the_picture_is_drawn(
    tmp_path, monkeypatch, caplog
):
    from nmtcli.plots import fonts

    monkeypatch.setattr(
        fonts, "having", lambda family, some: {each for each in some if each < "\u1100"}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_heatmap(Heatmap(np.eye(2), ["가", "나"], ["가", "a"]), tmp_path / "a.png")
    assert (
        len(caplog.messages) == 1
        and "no font has the glyphs of Hangul (가 나)" in caplog.messages[0]
    )
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_map_makes_the_same_bytes(tmp_path, ending, monkeypatch):
    import matplotlib

    save_heatmap(KOREAN, tmp_path / f"a.{ending}")
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)  # a user's own matplotlibrc
    monkeypatch.setitem(matplotlib.rcParams, "figure.facecolor", "red")
    save_heatmap(KOREAN, tmp_path / f"b.{ending.upper()}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content == (tmp_path / f"b.{ending.upper()}").read_bytes()
    assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.png.gz"])
def test_another_ending_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"a picture must end in \.png or \.svg"):
        save_heatmap(KOREAN, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere: no such folder; make it, or name another"):
        save_heatmap(KOREAN, tmp_path / "nowhere" / "a.png")


def test_a_place_that_cannot_be_written_is_an_error_of_one_line(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(NmtError, match=r"a\.png: the file cannot be written"):
        save_heatmap(KOREAN, tmp_path / "a.png")


def test_shapes_must_fit_the_words():
    with pytest.raises(
        ValueError, match=r"weights must have .* expected \(1, 2\), received \(2, 1\)"
    ):
        Heatmap(np.ones((2, 1)), ["a", "b"], ["c"])
    with pytest.raises(
        ValueError, match=r"window must have .* expected \(1, 1\), received \(1, 2\)"
    ):
        Heatmap(np.ones((1, 1)), ["a"], ["b"], window=np.ones((1, 2), bool))


def test_weights_must_be_numbers():
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="weights must be finite numbers; received NaN or inf"):
            Heatmap([[bad]], ["a"], ["b"])


def test_an_empty_sentence_has_no_map():
    with pytest.raises(
        ValueError, match="at least one source and one target word; received 0 and 1"
    ):
        Heatmap(np.ones((1, 0)), [], ["b"])
