"""The layout of a heat map: cells, words, colour bar and window.

Sizes come from the words: they are measured in their fonts, and the page is made around them.
Imports matplotlib: import this module where a picture is drawn, not before.
"""

import math
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from nmtcli.plots.fonts import font_families

DOTS = 150  # an inch
POINTS = 72  # an inch
SLOPE = math.radians(45)  # of source words that do not fit across their cells
GAP = 0.06  # inches between words and cells
MARGIN = 0.12  # inches
BAR_WIDTH, BAR_GAP, BAR_WORDS = 0.14, 0.22, 0.55  # inches
BAR_HEIGHTS = 1.2, 3.0  # inches, least and most
WINDOW_COLOUR = "#e8590c"  # stands out from white and from every blue, in grey too
GRID_COLOUR = "#e0e0e0"


class Page:
    """The figure of a heat map, sized to fit its words.

    Args:
        source: words across, ready to be drawn.
        target: words down.
        title: stands above; empty for none.

    Attributes:
        figure: the figure, without pyplot.
        axes: the cells; one unit is one cell, y grows downwards.
    """

    def __init__(self, source: list[str], target: list[str], title: str):
        self.source, self.target, self.title = source, target, title
        self.cell, self.font_size = _sizes(max(len(source), len(target)))
        # Source and target each have their own list: a Japanese and a Chinese side both have Han
        # characters, in different shapes.
        self.source_font = _font(source, self.font_size)
        self.target_font = _font(target, self.font_size)
        self.title_font = _font([title], self.font_size + 2)
        widths = [_width(word, self.source_font) for word in source]
        self.level = max(widths) <= self.cell - 2 * GAP
        self._place(widths)

    def _place(self, widths: list[float]) -> None:
        """Make the figure and the axes. All in inches, the axes on whole dots: cells are sharp."""
        line = 1.4 * self.font_size / POINTS
        columns, rows = len(self.source) * self.cell, len(self.target) * self.cell
        left = MARGIN + max(_width(word, self.target_font) for word in self.target) + GAP
        above, right = line, BAR_GAP + BAR_WIDTH + BAR_WORDS
        if not self.level:
            above = max(widths) * math.sin(SLOPE) + line
            ends = [
                (place + 0.5) * self.cell + width * math.cos(SLOPE)
                for place, width in enumerate(widths)
            ]
            right = max(right, max(ends) + line / 2 - columns)
        title = 2 * line if self.title else 0
        left, above = _whole_dots(left), _whole_dots(MARGIN + title + above + GAP)
        width = max(left + columns + right, _width(self.title, self.title_font) + MARGIN) + MARGIN
        self.bar_height = min(max(rows, BAR_HEIGHTS[0]), BAR_HEIGHTS[1])
        height = above + max(rows, self.bar_height) + MARGIN
        self.size = (_whole_dots(width), _whole_dots(height))
        self.figure = Figure(figsize=self.size, dpi=DOTS)
        self.axes = self._axes(left, above, columns, rows)
        self.axes.set(xlim=(0, len(self.source)), ylim=(len(self.target), 0), xticks=[], yticks=[])
        self.bar_axes = self._axes(left + columns + BAR_GAP, above, BAR_WIDTH, self.bar_height)
        if self.title:
            x, y = MARGIN / self.size[0], 1 - (MARGIN + line / 2) / self.size[1]
            self.figure.text(
                x, y, self.title, fontproperties=self.title_font, va="center", parse_math=False
            )

    def _axes(self, left: float, above: float, width: float, height: float) -> Axes:
        """Axes by their place in inches from the upper left corner."""
        wide, high = self.size
        return self.figure.add_axes(
            (left / wide, 1 - (above + height) / high, width / wide, height / high)
        )

    def draw_cells(self, weights, colours: list[str]) -> None:
        """Draw weights (T, S) from 0 to 1, with a light grid, and the bar that explains them."""
        weights = np.asarray(weights, dtype=float)
        scale = {"cmap": LinearSegmentedColormap.from_list("weight", colours), "vmin": 0, "vmax": 1}
        cells = self.axes.pcolormesh(weights, **scale, edgecolors=GRID_COLOUR, linewidth=0.4)
        for spine in self.axes.spines.values():
            spine.set(color="#808080", linewidth=0.6)
        bar = self.figure.colorbar(cells, cax=self.bar_axes, ticks=[0, 0.5, 1], drawedges=False)
        bar.solids.set(edgecolor="face", linewidth=0.2)  # else viewers of SVG show gaps
        bar.outline.set(edgecolor="#808080", linewidth=0.6)
        bar.ax.tick_params(labelsize=self.font_size - 1, width=0.6)
        bar.set_label("weight", fontsize=self.font_size - 1)

    def draw_words(self) -> None:
        """Write the words beside their rows and columns; a `$` in a word is no formula."""
        gap = above = GAP / self.cell
        across = {"ha": "center", "va": "bottom"}
        if not self.level:
            above += 0.25 * self.font_size / POINTS / self.cell
            across = {"ha": "left", "va": "center", "rotation_mode": "anchor"}
            across["rotation"] = math.degrees(SLOPE)
        text = partial(self.axes.text, parse_math=False)
        for place, word in enumerate(self.source):
            text(place + 0.5, -above, word, fontproperties=self.source_font, **across)
        beside = {"fontproperties": self.target_font, "ha": "right", "va": "center"}
        for place, word in enumerate(self.target):
            text(-gap, place + 0.5, word, **beside)

    def draw_outline(self, window) -> None:
        """Draw the border of the region where `window` (bool, (T, S)) is True.

        In each row that is its left and right end; from row to row the ends are joined by steps.
        """
        padded = np.pad(np.asarray(window, dtype=bool), 1)
        lines = [
            [(s, t), (s, t + 1)] for t, s in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
        ]
        lines += [
            [(s, t), (s + 1, t)] for t, s in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
        ]
        border = LineCollection(lines, colors=WINDOW_COLOUR, linewidths=1.4, capstyle="projecting")
        border.set(clip_on=False, zorder=3)
        self.axes.add_collection(border, autolim=False)


def _sizes(words: int) -> tuple[float, float]:
    """Side of a cell in inches, size of letters in points, by the number of words.

    Lines of sloping words are a cell's side times sin 45 degrees apart: more than 1.3 letters.
    """
    if words <= 20:
        return 0.36, 10
    return (0.28, 9) if words <= 40 else (0.22, 8)


def _font(texts: list[str], size: float) -> FontProperties:
    # The last one is for those who look at an SVG where the others are not installed.
    return FontProperties(family=[*font_families(texts, warn=False), "sans-serif"], size=size)


def _width(text: str, font: FontProperties) -> float:
    """Width of a text in inches."""
    renderer = FigureCanvasAgg(Figure(dpi=DOTS)).get_renderer()
    return renderer.get_text_width_height_descent(text, font, False)[0] / DOTS


def _whole_dots(inches: float) -> float:
    return math.ceil(inches * DOTS - 1e-6) / DOTS
