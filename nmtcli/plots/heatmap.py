"""Heat maps of attention: the weight of each source word for each target word.

As in Bahdanau et al. (2015), arXiv:1409.0473, figure 3, the source words are across the top and the
target words down the side. `terminal_heatmap` shows the same as text.
"""

import io
import logging
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nmtcli.errors import UsageError
from nmtcli.plots.fonts import LATIN_FAMILY, font_families, quiet_fonts
from nmtcli.runs.atomic import write_atomically

logger = logging.getLogger(__name__)

# From white to near black in equal steps of Oklab, so that twice the weight looks twice as dark and
# zero is the paper's white. Between stops, sRGB is interpolated.
COLOUR_STOPS = (
    "#ffffff #cef5fd #a3e5f7 #7cd1f0 #5dbbe6 #48a4d9 #3e8cc7 #3a75b1 #385f98 #344a7d #2d3860 "
    "#242744 #191928"
).split()

MOST_WORDS = 80  # on each side of a picture
MOST_LETTERS = 40  # of a word
MOST_TITLE_LETTERS = 100
ENDINGS = (".png", ".svg")


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Attention weights of one sentence pair, by words.

    Attributes:
        weights: share of each source word for each target word, (T, S), 0 to 1.
        source_words: S words, at least one.
        target_words: T words, at least one.
        title: stands above; empty for none.
        window: bool, (T, S), True where local attention could look; None when it is global.

    Raises:
        ValueError: no words, shapes that do not fit them, or weights that are not finite.
    """

    weights: np.ndarray
    source_words: list[str]
    target_words: list[str]
    title: str = ""
    window: np.ndarray | None = None

    def __post_init__(self):
        shape = (len(self.target_words), len(self.source_words))
        if 0 in shape:
            raise ValueError(
                "a heat map needs at least one source and one target word;"
                f" received {shape[1]} and {shape[0]}"
            )
        for name in ("weights", "window"):
            value = getattr(self, name)
            if value is not None and np.shape(value) != shape:
                raise ValueError(
                    f"{name} must have a row for each target word and a column for each source"
                    f" word: expected {shape}, received {np.shape(value)}"
                )
        if not np.isfinite(np.asarray(self.weights, dtype=float)).all():
            raise ValueError("weights must be finite numbers; received NaN or infinity")


def colour_of(weight: float) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of a weight, which is clipped to 0 to 1."""
    place = min(max(float(weight), 0.0), 1.0) * (len(COLOUR_STOPS) - 1)
    low = min(int(place), len(COLOUR_STOPS) - 2)
    pair = [bytes.fromhex(stop[1:]) for stop in COLOUR_STOPS[low : low + 2]]
    return tuple(round(a + (b - a) * (place - low)) for a, b in zip(*pair))


def clean_word(word: str) -> str:
    """Return a word that fits on one line and is valid in XML: NFC, with U+FFFD for controls."""
    return "".join(
        "\ufffd"
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        or ord(letter) & 0xFFFE == 0xFFFE
        else letter
        for letter in unicodedata.normalize("NFC", word)
    )


def save_heatmap(heatmap: Heatmap, *paths) -> None:
    """Draw a heat map into PNG or SVG files; the same map gives the same bytes.

    In SVG, text stays text, with the list of fonts. Files are written atomically.

    Args:
        heatmap: the heat map.
        paths: the files, which end in .png or .svg, in existing folders.

    Raises:
        UsageError: a path has another ending, or its folder does not exist.
        NmtError: a file cannot be written.
    """
    paths = [Path(path) for path in paths]
    for path in paths:
        if path.suffix.lower() not in ENDINGS:
            raise UsageError(f"{path}: a picture must end in .png or .svg")
        if not path.parent.is_dir():
            raise UsageError(
                f"{path.parent}: no such folder; make it, or name another for {path.name}"
            )
    figure = draw_heatmap(heatmap)
    for path in paths:
        ending = path.suffix.lower()
        nothing = {"Date": None} if ending == ".svg" else {"Software": None}
        write_atomically(path, _rendered(figure, ending[1:], nothing))


def heatmap_svg(heatmap: Heatmap) -> str:
    """Draw a heat map as an SVG element that can stand in an HTML page.

    Words stay text: a browser shows them in a font of its own if it has none of the named ones.
    """
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    svg = _rendered(draw_heatmap(heatmap), "svg", nothing).decode("utf-8")
    svg = svg[svg.index("<svg") :]  # a page has no place for an XML declaration
    # A style of the picture must not become one of the page.
    svg = svg.replace(">*{", ">svg.nmt *{", 1)
    return svg.replace("<svg ", '<svg class="nmt" style="max-width: 100%" ', 1).strip()


def _rendered(figure, format: str, metadata: dict) -> bytes:
    """The bytes of a picture of a figure."""
    from matplotlib import rc_context

    stream = io.BytesIO()
    with quiet_fonts(), rc_context(_settings()):
        figure.savefig(stream, format=format, metadata=metadata)
    return stream.getvalue()


def draw_heatmap(heatmap: Heatmap):
    """Draw a heat map as a matplotlib figure; its size follows the number of words.

    Args:
        heatmap: the heat map; only the first 80 words of a side are drawn, with a warning.

    Returns:
        a `matplotlib.figure.Figure` without pyplot. Its first axes have the cells, target word t
        from y = t to t + 1, source word s from x = s to s + 1.
    """
    from matplotlib import rc_context

    from nmtcli.plots.heatmap_layout import Page

    heatmap = _first_words(heatmap)
    source = [_shorten(clean_word(word), MOST_LETTERS) for word in heatmap.source_words]
    target = [_shorten(clean_word(word), MOST_LETTERS) for word in heatmap.target_words]
    title = _shorten(clean_word(heatmap.title), MOST_TITLE_LETTERS)
    font_families([*source, *target, title])
    with quiet_fonts(), rc_context(_settings()):
        page = Page(source, target, title)
        page.draw_cells(heatmap.weights, COLOUR_STOPS)
        page.draw_words()
        if heatmap.window is not None:
            page.draw_outline(heatmap.window)
    return page.figure


def _first_words(heatmap: Heatmap) -> Heatmap:
    """The part of a heat map that is drawn."""
    source, target = heatmap.source_words, heatmap.target_words
    if max(len(source), len(target)) <= MOST_WORDS:
        return heatmap
    parts = [
        f"the first {MOST_WORDS} of {len(words)} {side} words"
        if len(words) > MOST_WORDS
        else f"all {len(words)} {side} words"
        for side, words in (("source", source), ("target", target))
    ]
    where = f"{heatmap.title}: " if heatmap.title else ""
    logger.warning("%sdrew %s and %s", where, *parts)
    part = (slice(MOST_WORDS), slice(MOST_WORDS))
    return replace(
        heatmap,
        weights=np.asarray(heatmap.weights)[part],
        source_words=source[:MOST_WORDS],
        target_words=target[:MOST_WORDS],
        window=None if heatmap.window is None else np.asarray(heatmap.window)[part],
    )


def _shorten(text: str, most: int) -> str:
    """At most `most` letters: beginning and end with an ellipsis between."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[len(text) - (most - 1) // 2 :]}"


def _settings() -> dict:
    """matplotlib's own defaults, whatever the user's are; text in SVG stays text."""
    from matplotlib import rcParamsDefault

    defaults = rcParamsDefault.items()
    ours = {"font.sans-serif": [LATIN_FAMILY], "svg.fonttype": "none", "svg.hashsalt": "nmt"}
    return {key: value for key, value in defaults if not key.startswith("backend")} | ours
