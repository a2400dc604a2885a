"""Plot the learning curves of trainings: perplexity, BLEU and chrF, learning rate.

matplotlib is imported only when a plot is drawn, and without pyplot, so that there are no windows
and no global state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from nmtcli.plots.bleu_by_length import COLOURS, draw_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# name of an axis -> (key in metrics.jsonl, what it is divided by, label)
AXES = {
    "steps": ("step", 1, "updates"),
    "minutes": ("seconds", 60, "minutes of training"),
    "tokens": ("tokens", 1e6, "million target pieces"),
}
_DASHES = ("-", "--", "-.", ":")
_FEW_POINTS = 60  # with more, markers would hide the line


@dataclass(frozen=True)
class Curve:
    """Points of one measure: x and y, of equal length, in order of x."""

    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Curves:
    """The curves of one run; a curve without points is not drawn."""

    name: str
    train_perplexity: Curve
    valid_perplexity: Curve
    bleu: Curve
    chrf: Curve
    learning_rate: Curve

    @property
    def is_empty(self) -> bool:
        return not (self.train_perplexity.x or self.valid_perplexity.x or self.bleu.x)


def curves_of(name: str, metrics: Sequence[dict], by: str = "steps") -> Curves:
    """Return the curves of one run.

    Args:
        name: the name of the run in the legend.
        metrics: the lines of its `metrics.jsonl`, see `nmtcli.runs.metrics_log.read_metrics`.
        by: the x axis, a name of `AXES`. Lines without its value are left out.
    """
    key, divisor, _ = AXES[by]

    def curve(kind, measure):
        points = [
            (line[key] / divisor, line[measure])
            for line in metrics
            if line.get("kind") == kind and _is_number(line.get(key), line.get(measure))
        ]
        return Curve(*map(list, zip(*sorted(points)))) if points else Curve()

    return Curves(
        name,
        curve("train", "perplexity"),
        curve("validation", "perplexity"),
        curve("validation", "bleu"),
        curve("validation", "chrf"),
        curve("train", "learning_rate"),
    )


def figure_of_curves(
    runs: Sequence[Curves], by: str = "steps", caption: str | None = None
) -> "Figure":
    """Plot the curves of runs in up to three subplots, with a colour for each run.

    The perplexity axis is logarithmic, and the first tenth of a training does not count for its
    limit, since it would flatten the rest. A quantity without measurements has no subplot.

    Args:
        runs: the curves of each run.
        by: the x axis, a name of `AXES`.
        caption: small text below the plot, such as the signature of the scores.

    Returns:
        matplotlib's figure, for `nmtcli.plots.bleu_by_length.save_figure`.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from nmtcli.plots.fonts import font_families

    names = [run.name for run in runs]
    families = [*font_families([*names, caption or ""]), "sans-serif"]
    parts = [_draw_perplexity]
    parts += [_draw_scores] * any(run.bleu.x or run.chrf.x for run in runs)
    parts += [_draw_rate] * any(run.learning_rate.x for run in runs)
    figure = Figure(figsize=(8, 2.5 * len(parts) + 0.9 + 0.2 * len(runs)), layout="constrained")
    heights = [1 if draw is _draw_rate else 2 for draw in parts]
    rows = figure.subplots(len(parts), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for draw, axes in zip(parts, rows):
        draw(axes, runs)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    rows[-1].set_xlabel(AXES[by][2])
    rows[-1].set_xlim(left=0)
    lines = [Line2D([], [], **_look(number)) for number in range(len(runs))]
    columns = 1 if max(map(len, names)) > 24 else 2
    draw_legend(figure, lines, names, columns, caption, families)
    return figure


def _draw_perplexity(axes: "Axes", runs: Sequence[Curves]) -> None:
    tops = []
    for number, run in enumerate(runs):
        _line(axes, run.train_perplexity, number, alpha=0.45, linewidth=1.0)
        _line(axes, run.valid_perplexity, number, marker="o")
        for curve in (run.train_perplexity, run.valid_perplexity):
            tops += curve.y[len(curve.y) // 10 :]
    axes.set_yscale("log")
    if tops:
        axes.set_ylim(top=1.15 * max(tops))
    _plain_numbers(axes)
    axes.set_ylabel("perplexity\n(pale: training)")


def _plain_numbers(axes: "Axes") -> None:
    """5, 10 and 20 rather than powers of ten, of which a narrow axis may have none."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_scores(axes: "Axes", runs: Sequence[Curves]) -> None:
    has_chrf = any(run.chrf.x for run in runs)
    for number, run in enumerate(runs):
        _line(axes, run.chrf, number, alpha=0.45, linewidth=1.0)
        _line(axes, run.bleu, number, marker="o")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("BLEU" + "\n(pale: chrF)" * has_chrf)


def _draw_rate(axes: "Axes", runs: Sequence[Curves]) -> None:
    for number, run in enumerate(runs):
        _line(axes, run.learning_rate, number, linewidth=1.2)
    axes.set_ylim(bottom=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    axes.set_ylabel("learning rate")


def _line(axes: "Axes", curve: Curve, number: int, marker=None, linewidth=1.6, alpha=1.0) -> None:
    axes.plot(
        curve.x,
        curve.y,
        **_look(number),
        marker=marker if len(curve.x) <= _FEW_POINTS else None,
        markersize=3.5,
        linewidth=linewidth,
        alpha=alpha,
    )


def _look(number: int) -> dict:
    """Return the colour and the dashes of a run."""
    colour, dash = COLOURS[number % len(COLOURS)], _DASHES[number % len(_DASHES)]
    return {"color": colour, "linestyle": dash}


def _is_number(*values) -> bool:
    return all(
        isinstance(v, int | float) and not isinstance(v, bool) and isfinite(v) for v in values
    )
