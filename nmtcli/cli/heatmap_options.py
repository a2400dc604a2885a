"""Options of `nmt align` and `nmt translate` that say which alignments are drawn, and where."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated

import typer

from nmtcli.errors import UsageError

PANEL = "Pictures"
FORMATS = ("png", "svg", "both")
DRAWN_AT_FIRST = 20  # lines, where --plot-lines does not say which
_RANGE = re.compile("([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,17}))?")

Plot = Annotated[
    str | None,
    typer.Option(
        "--plot",
        metavar="DIR",
        help="Heat maps of the attention: DIR/00001.png and so on.",
        rich_help_panel=PANEL,
    ),
]
PlotFormat = Annotated[
    str,
    typer.Option(
        "--plot-format", metavar="FORMAT", help="png, svg or both.", rich_help_panel=PANEL
    ),
]
PlotLines = Annotated[
    str | None,
    typer.Option(
        "--plot-lines",
        metavar="LIST",
        help=f"Lines to draw, such as 1,5-7; the first {DRAWN_AT_FIRST} if not given.",
        rich_help_panel=PANEL,
    ),
]
Show = Annotated[
    bool,
    typer.Option("--show", help="Heat maps on the terminal (stderr).", rich_help_panel=PANEL),
]


class LineSelection:
    """Which lines are drawn: `1,5-7` from --plot-lines, else the first ones.

    Raises:
        UsageError: the text is no such list.
    """

    def __init__(self, text: str | None = None):
        self.given = text is not None
        self.ranges = [(1, DRAWN_AT_FIRST)] if text is None else [*map(_range, text.split(","))]

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ranges)

    @property
    def last(self) -> int:
        return max(last for _, last in self.ranges)


@dataclass(frozen=True)
class PictureChoice:
    """What is to be drawn.

    folder: for files; None is no files.
    file_format: one of `FORMATS`.
    show: draw on the terminal.
    lines: which lines.
    """

    folder: str | None
    file_format: str
    show: bool
    lines: LineSelection

    @property
    def wanted(self) -> bool:
        return self.folder is not None or self.show


def picture_choice(
    folder: str | None, file_format: str, lines: str | None, show: bool
) -> PictureChoice:
    """What the options say together.

    Raises:
        UsageError: one of them is wrong, or there is no picture that it could be about.
    """
    if file_format not in FORMATS:
        raise UsageError(f"--plot-format must be one of {', '.join(FORMATS)}, not '{file_format}'")
    choice = PictureChoice(folder, file_format, show, LineSelection(lines))
    if lines is not None and not choice.wanted:
        raise UsageError("--plot-lines chooses what is drawn: give --plot DIR or --show too")
    if file_format != FORMATS[0] and folder is None:
        raise UsageError("--plot-format is of the files of --plot: give --plot DIR too")
    if folder is not None and find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib: pip install matplotlib; --show does without")
    return choice


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--plot-lines: '{text}' is no line or range; write for example 1,5-7")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise UsageError(f"--plot-lines: {text} ends before it begins; write {last}-{first}")
    return first, last
