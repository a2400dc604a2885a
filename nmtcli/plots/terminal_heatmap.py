"""A heat map of attention in the terminal, with rich.

Where there are at least 256 colours, a weight is the background of its cell, in the colours of the
pictures; elsewhere (a file, NO_COLOR, 16 colours) it is one of ten characters from light to dense.
Cells are two columns wide, as a Han or Hangul letter is, and source words stand upright above
them. When that is too wide, cells are one column wide and columns are numbered, with the words
below; when this is too wide too, the source words are drawn in parts, one under the other.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from nmtcli.plots.heatmap import Heatmap, clean_word, colour_of

# ASCII: blocks such as U+2593 are two columns wide in some East Asian terminals, one in others.
SHADES = " .:-=+*#%@"
LEAST_WIDTH = 24  # columns
MOST_UPRIGHT = 12  # letters of a source word above its column
DARK_WEIGHT = 0.5  # from here on the colours need light text


def render_heatmap(heatmap: Heatmap, width: int) -> "TerminalHeatmap":
    """A heat map for `console.print`; no line is wider than `width`.

    Args:
        heatmap: the heat map, which is shown completely.
        width: the columns of the terminal; fewer than 24 count as 24.

    Returns:
        a rich renderable; the console decides whether it uses colours.
    """
    return TerminalHeatmap(heatmap, max(width, LEAST_WIDTH))


@dataclass(frozen=True)
class TerminalHeatmap:
    """The renderable that `render_heatmap` makes."""

    heatmap: Heatmap
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        in_colour = not console.no_color and console.color_system in ("256", "truecolor")
        for line in self.lines(in_colour):
            line.no_wrap, line.overflow = True, "ignore"  # the width is right, rich need not cut
            yield line

    def lines(self, in_colour: bool) -> Iterator[Text]:
        """The lines of the map, each at most `width` columns."""
        words = [clean_word(word) for word in self.heatmap.target_words]
        side = min(max(map(cell_len, words)), self.width // 3)
        columns = len(self.heatmap.source_words)
        room = self.width - side - 1
        if self.heatmap.title:
            yield Text(fit(clean_word(self.heatmap.title), self.width), style="bold")
        words = [fit(word, side) for word in words]
        if 2 * columns <= room:
            yield from self._upright_words(side)
            yield from self._rows(words, side, range(columns), 2, in_colour)
        else:
            for start in range(0, columns, room):
                part = range(start, min(start + room, columns))
                yield from _numbers(part, side, columns)
                yield from self._rows(words, side, part, 1, in_colour)
            yield from self._legend()
        yield _scale(in_colour)

    def _upright_words(self, side: int) -> Iterator[Text]:
        """The source words from top to bottom, ending above their columns."""
        columns = []
        for word in self.heatmap.source_words:
            letters = _letters(clean_word(word))
            if len(letters) > MOST_UPRIGHT:
                half = MOST_UPRIGHT // 2
                letters = [*letters[:half], "…", *letters[len(letters) - half + 1 :]]
            columns.append(letters[::-1])
        for row in list(zip_longest(*columns, fillvalue=" "))[::-1]:
            yield Text(" " * (side + 1) + "".join(map(_two_wide, row)))

    def _rows(
        self, words: list[str], side: int, part: range, cell: int, in_colour: bool
    ) -> Iterator[Text]:
        """A line for each target word: the word, then the cells of the source words in `part`."""
        for row, word in enumerate(words):
            line = Text(" " * (side - cell_len(word)) + word + " ")
            for column in part:
                weight = float(self.heatmap.weights[row][column])
                shade = " " if in_colour else SHADES[_level(weight)]
                text = self._with_window(shade * cell, row, column, in_colour)
                line.append(text, _cell_style(weight) if in_colour else None)
            yield line

    def _with_window(self, text: str, row: int, column: int, in_colour: bool) -> str:
        """The text of a cell, with a bracket where the window begins or ends.

        Without colours and in cells of one column there is no place for it: the shade is shown.
        """
        if self.heatmap.window is None or (len(text) == 1 and not in_colour):
            return text
        window = [False, *map(bool, self.heatmap.window[row]), False]
        before, here, after = window[column : column + 3]
        begins, ends = here and not before, here and not after
        if len(text) == 1:
            return "|" if begins and ends else "[" if begins else "]" if ends else text
        return ("[" if begins else text[0]) + ("]" if ends else text[1])

    def _legend(self) -> Iterator[Text]:
        """The numbers of the source words, as many in a line as there is room for."""
        digits = len(str(len(self.heatmap.source_words)))
        line = ""
        for number, word in enumerate(self.heatmap.source_words, start=1):
            entry = fit(f"{number:>{digits}} {clean_word(word)}", self.width)
            if line and cell_len(line) + 2 + cell_len(entry) > self.width:
                yield Text(line)
                line = ""
            line += f"  {entry}" if line else entry
        yield Text(line)


def fit(text: str, width: int) -> str:
    """The text in at most `width` columns, with an ellipsis in the middle if it is longer."""
    if cell_len(text) <= width:
        return text
    letters = _letters(text)
    tail: list[str] = []
    while letters and cell_len("".join([*tail, letters[-1]])) <= (width - 1) // 2:
        tail.insert(0, letters.pop())
    head: list[str] = []
    for letter in letters:
        if cell_len("".join([*head, letter, *tail])) > width - 1:
            break
        head.append(letter)
    return "".join([*head, "…", *tail])


def _numbers(part: range, side: int, most: int) -> Iterator[Text]:
    """Column numbers from 1, their digits from top to bottom."""
    digits = len(str(most))
    for digit in range(digits):
        numbers = (f"{column + 1:>{digits}}"[digit] for column in part)
        yield Text(" " * (side + 1) + "".join(numbers))


def _scale(in_colour: bool) -> Text:
    """What the colours or shades mean."""
    line = Text("weight 0 ")
    if not in_colour:
        return line.append(f"[{SHADES}] 1")
    for level in range(len(SHADES)):
        line.append(" ", _cell_style(level / (len(SHADES) - 1)))
    return line.append(" 1")


def _level(weight: float) -> int:
    return int(min(max(weight, 0.0), 1.0) * (len(SHADES) - 1) + 0.5)


def _cell_style(weight: float) -> Style:
    red, green, blue = colour_of(weight)
    text = "white" if weight >= DARK_WEIGHT else "black"
    return Style(color=text, bgcolor=f"rgb({red},{green},{blue})")


def _letters(word: str) -> list[str]:
    """Letters with what joins them: accents, vowel signs and joiners stay with their letter."""
    letters: list[str] = []
    for character in word:
        joins = unicodedata.category(character)[0] == "M" or cell_len(character) == 0
        if joins and letters:
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _two_wide(letter: str) -> str:
    return letter + " " * (2 - cell_len(letter))
