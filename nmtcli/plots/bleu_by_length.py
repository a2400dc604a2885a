"""Plot BLEU by sentence length: one line for each system, with its interval as a band.

The plot follows Bahdanau et al. (2015), arXiv:1409.0473, figure 2. matplotlib is imported only when
a plot is drawn, and without pyplot, so that there are no windows and no global state.
"""

from collections.abc import Sequence
from itertools import chain
from math import ceil, nan
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from nmtcli.metrics.by_length import Bucket

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Dashes and markers distinguish the lines without colours. The colours are those of Okabe and Ito,
# "Color Universal Design", which colour-blind people can distinguish. The lengths of the lists have
# no common factor, so that combinations repeat late.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_DASHES = ("-", "--", "-.", ":", (0, (8, 2, 1, 2, 1, 2)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LEGEND_LETTERS = 66  # letters that stand beside each other in the legend, dashes not counted
_BESIDE = 0.03  # buckets between the points of two systems, else one would hide the other


def figure_by_length(
    systems: Sequence[tuple[str, Sequence[Bucket]]],
    x_label: str = "words in the sentence",
    title: str | None = None,
    caption: str | None = None,
) -> "Figure":
    """Plot BLEU against sentence length.

    A bucket without sentences leaves a gap, and one without an interval has no band. An interval
    between two gaps is drawn as a bar, since a band needs two points.

    Args:
        systems: the name and the buckets of each system, shortest sentences first; all systems have
            the same buckets.
        x_label: the label of the lengths.
        title: the text above the plot.
        caption: small text below the plot, such as the signature of the scores.

    Returns:
        matplotlib's figure, for `save_figure`.
    """
    from matplotlib.figure import Figure

    from nmtcli.plots.fonts import font_families

    names, tables = zip(*systems)
    texts = [*names, x_label, title or "", caption or ""]
    families = [*font_families(texts), "sans-serif"]  # for viewers without the former
    height = 4.4 + 0.2 * ceil(len(names) / _legend_columns(names))
    figure = Figure(figsize=(max(6.4, 0.9 * len(tables[0])), height), layout="constrained")
    axes = figure.add_subplot()
    middle = (len(tables) - 1) / 2
    lines = [
        _draw_system(axes, buckets, number, _BESIDE * (number - middle))
        for number, buckets in enumerate(tables)
    ]
    _draw_axes(axes, tables, families)
    axes.set_xlabel(x_label, fontfamily=families, parse_math=False)
    if title:
        axes.set_title(title, fontfamily=families, parse_math=False)
    draw_legend(figure, lines, names, _legend_columns(names), caption, families)
    return figure


def draw_legend(
    figure: "Figure",
    lines: Sequence["Line2D"],
    names: Sequence[str],
    columns: int,
    caption: str | None,
    families: list[str],
) -> None:
    """Draw the legend of named lines below a plot, under the caption."""
    legend = figure.legend(
        lines,
        ["name"] * len(names),  # matplotlib leaves out labels that begin with _
        title=caption,
        loc="outside lower center",
        ncols=columns,
        prop={"family": families},
        title_fontproperties={"family": families, "size": 6},
        handlelength=4,
        frameon=False,
    )
    legend.get_title().set(color="0.35", parse_math=False)
    for text, name in zip(legend.get_texts(), names):
        text.set(text=name, parse_math=False)  # a dollar sign in a name is no formula


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG or SVG, by the ending of `path`.

    Text in an SVG stays text, which can be searched and copied. The same figure gives the same
    bytes.
    """
    from matplotlib import rc_context

    from nmtcli.plots.fonts import quiet_fonts

    kind = path.suffix.lower().lstrip(".")
    settings = {"svg.fonttype": "none", "svg.hashsalt": "nmt"}
    metadata = {"Date": None} if kind == "svg" else None
    with rc_context(settings), quiet_fonts():
        figure.savefig(path, format=kind, dpi=160, metadata=metadata)


def _draw_system(axes: "Axes", buckets: Sequence[Bucket], number: int, shift: float) -> "Line2D":
    """Draw the line and the band of a system, and return the line for the legend."""
    colour, dash = COLOURS[number % len(COLOURS)], _DASHES[number % len(_DASHES)]
    positions = [place + shift for place in range(len(buckets))]
    scores = [nan if bucket.score is None else bucket.score for bucket in buckets]
    intervals = [bucket.interval for bucket in buckets]
    lows = [nan if one is None else one.low for one in intervals]
    highs = [nan if one is None else one.high for one in intervals]
    axes.fill_between(positions, lows, highs, color=colour, alpha=0.13, linewidth=0)
    for edge in (lows, highs):  # the bands of several systems lie on each other
        axes.plot(positions, edge, color=colour, linestyle=dash, linewidth=0.5, alpha=0.6)
    for place, one in enumerate(intervals):
        beside = intervals[max(0, place - 1) : place] + intervals[place + 1 : place + 2]
        if one is not None and not any(beside):
            at, ends = [positions[place]] * 2, [one.low, one.high]
            axes.plot(at, ends, color=colour, marker="_", linewidth=1, alpha=0.6)
    marker = _MARKERS[number % len(_MARKERS)]
    (line,) = axes.plot(
        positions, scores, color=colour, linestyle=dash, marker=marker, markersize=5, linewidth=1.6
    )
    return line


def _draw_axes(axes: "Axes", tables: Sequence[Sequence[Bucket]], families: list[str]) -> None:
    """Labels and limits; BLEU starts at 0, so that heights can be compared."""
    labels = [f"{bucket.label}\nn = {bucket.count}" for bucket in tables[0]]
    axes.set_xticks(range(len(labels)), labels, fontfamily=families)
    axes.set_xlim(-0.4, len(labels) - 0.6)
    axes.set_ylim(0, 1.05 * max([1, *map(_top, chain(*tables))]))
    axes.set_ylabel("BLEU", fontfamily=families)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _top(bucket: Bucket) -> float:
    return max(bucket.score or 0, bucket.interval.high if bucket.interval else 0)


def _legend_columns(names: Sequence[str]) -> int:
    return max(1, min(len(names), _LEGEND_LETTERS // (max(map(_letters, names)) + 6)))


def _letters(text: str) -> int:
    """Return the width of a text in Latin letters."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
