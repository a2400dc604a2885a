"""Tables and pictures for lesson.ipynb and lesson.ko.ipynb.

They only show numbers; the notebooks compute them. The fonts come from `nmtcli.plots`, so that
Korean words are drawn as words.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

import numpy as np
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from nmtcli.plots.fonts import font_families, quiet_fonts
from nmtcli.plots.heatmap import COLOUR_STOPS

DOTS = 110  # an inch of a PNG
SHOWN = 74  # dots of the page for an inch
BLUE, ORANGE, PALE = "#3a75b1", "#e8590c", "#c9d3de"
SLOPING = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}  # for labels that are long
COLOURS = {
    "weight": (LinearSegmentedColormap.from_list("weight", COLOUR_STOPS), 0.0, 1.0),
    "signed": ("RdBu", -2.0, 2.0),  # red is negative, blue is positive
}


class Table:
    """A small matrix with labels.

    Args:
        values: numbers or texts, (rows, columns); one row may be given as (columns,).
        rows: the labels of the rows.
        columns: the labels of the columns.
        title: the text above the table.
    """

    def __init__(self, values, rows=("",), columns=None, title=""):
        self.cells = [list(map(_rounded, row)) for row in np.atleast_2d(values).tolist()]
        self.rows, self.columns, self.title = list(rows), list(columns or ()), title

    def html(self) -> str:
        def tags(tag, texts):
            return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)

        head = f"<tr>{tags('th', ['', *self.columns])}</tr>" if self.columns else ""
        lines = zip(self.rows, self.cells)
        body = "".join(f"<tr>{tags('th', [row])}{tags('td', cells)}</tr>" for row, cells in lines)
        return f"<b>{escape(self.title)}</b><table>{head}{body}</table>"

    def plain(self) -> str:
        lines = [[row, *cells] for row, cells in zip(self.rows, self.cells)]
        lines = [["", *self.columns], *lines] if self.columns else lines
        widths = [max(map(_width, column)) for column in zip(*lines)]
        padded = [
            "  ".join(" " * (width - _width(text)) + text for width, text in zip(widths, line))
            for line in lines
        ]
        return "\n".join([self.title, *padded])


def show(*tables: Table) -> None:
    """Show tables beside one another."""
    cells = "".join(
        f'<td style="vertical-align:top;text-align:left">{table.html()}</td>' for table in tables
    )
    html = f"<table><tr>{cells}</tr></table>"
    plain = "\n\n".join(table.plain() for table in tables)
    display({"text/html": html, "text/plain": plain}, raw=True)


@dataclass
class Bars:
    """A panel of bars.

    Attributes:
        title: the text above.
        labels: the label of each bar.
        values: the height of each bar.
        before: earlier heights, drawn pale behind the bars; None for none.
        numbers: whether each bar has its number.
    """

    title: str
    labels: Sequence[str]
    values: Sequence[float]
    before: Sequence[float] | None = None
    numbers: bool = True

    def draw(self, axes: Axes) -> None:
        places = np.arange(len(self.values))
        if self.before is not None:
            axes.bar(places, self.before, width=0.9, color=PALE)
        axes.bar(places, self.values, width=0.5, color=BLUE)
        heights = [*self.values, *([] if self.before is None else self.before)]
        low, high = min(0, *heights), max(0.01, *heights)
        room = 0.2 * (high - low)  # for the numbers
        axes.set_ylim(low - room if low < 0 else 0, high + room)
        if self.numbers:
            for place, value in zip(places, self.values):
                side = "bottom" if value >= 0 else "top"
                axes.text(place, value, _rounded(float(value)), ha="center", va=side, fontsize=8)
        axes.axhline(0, color="0.4", linewidth=0.6)
        slope = SLOPING if sum(map(_width, self.labels)) > 36 else {}
        axes.set_xticks(places, self.labels, fontsize=9, **slope)
        axes.set_title(self.title, fontsize=10)
        axes.tick_params(axis="y", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)


@dataclass
class Matrix:
    """A panel with a matrix: its rows downwards, its columns across.

    Attributes:
        title: the text above.
        values: numbers, (rows, columns).
        rows: the labels of the rows.
        columns: the labels of the columns.
        colours: `weight` for numbers from 0 to 1, `signed` for others.
        window: bool, (rows, columns), True where local attention may look; None for no window.
        numbers: whether each cell has its number.
    """

    title: str
    values: np.ndarray
    rows: Sequence[str]
    columns: Sequence[str]
    colours: str = "weight"
    window: np.ndarray | None = None
    numbers: bool = True

    def draw(self, axes: Axes) -> None:
        values = np.asarray(self.values, dtype=float)
        colours, low, high = COLOURS[self.colours]
        image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
        for (row, column), value in np.ndenumerate(values if self.numbers else np.zeros((0, 0))):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
            look = {"ha": "center", "va": "center", "color": "white" if dark else "black"}
            axes.text(column, row, _rounded(value), fontsize=8, **look)
        if self.window is not None:
            for row, inside in enumerate(self.window):
                first, width = inside.argmax(), inside.sum()
                edge = Rectangle((first - 0.5, row - 0.5), width, 1, fill=False, color=ORANGE)
                axes.add_patch(edge)
        slope = SLOPING | {"ha": "left"}
        axes.set_xticks(range(len(self.columns)), self.columns, fontsize=9, **slope)
        axes.set_yticks(range(len(self.rows)), self.rows, fontsize=9)
        axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
        axes.set_title(self.title, fontsize=10)


def show_panels(*panels: Bars | Matrix, columns: int = 3, size: tuple = (3.4, 2.4)) -> None:
    """Show panels in rows of `columns`; `size` is that of one panel in inches."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, panel in zip(places, panels):
        panel.draw(axes)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    show_figure(figure)


def show_figure(figure: Figure) -> None:
    """Show a figure of matplotlib, with fonts that have all its letters."""
    texts = figure.findobj(Text)
    families = [*font_families([text.get_text() for text in texts]), "sans-serif"]
    for text in texts:
        text.set_fontfamily(families)
    stream = io.BytesIO()
    with quiet_fonts():
        figure.savefig(stream, format="png", dpi=DOTS, metadata={"Software": None})
    display(Image(stream.getvalue(), width=round(SHOWN * figure.get_figwidth())))


def _rounded(value) -> str:
    return value if isinstance(value, str) else f"{round(value, 2) + 0.0:.2f}"  # no -0.00


def _width(text: str) -> int:
    """Columns of a text in a terminal, where a Korean letter takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
