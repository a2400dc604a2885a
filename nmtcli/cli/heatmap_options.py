"""Options of `nmt align` and `nmt translate` for drawing alignments."""

import re
from functools import cached_property
from importlib.util import find_spec

from nmtcli.cli.options import flag, group, switch
from nmtcli.errors import UsageError, check_choice

FORMATS = ("png", "svg", "both")
DRAWN_AT_FIRST = 20  # the number of lines without --plot-lines
_RANGE = re.compile("([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,17}))?")


class LineSelection:
    """The lines to draw: the lines of a list such as `1,5-7`, or the first lines.

    Raises:
        UsageError: the text is not such a list.
    """

    def __init__(self, text: str | None = None):
        self.given = text is not None
        self.ranges = [(1, DRAWN_AT_FIRST)] if text is None else [*map(_range, text.split(","))]

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ranges)

    @property
    def last(self) -> int:
        return max(last for _, last in self.ranges)


@group
class HeatmapOptions:
    """The options of the heat maps.

    Raises:
        UsageError: an option is wrong, or it needs a picture and none is requested.
    """

    panel = "Pictures"
    plot: str | None = flag(
        "Draw heat maps of the attention into the files DIR/00001.png, DIR/00002.png and so on.",
        metavar="DIR",
    )
    plot_format: str = flag(
        "Write heat maps in this format: png, svg or both.", default=FORMATS[0], metavar="FORMAT"
    )
    plot_lines: str | None = flag(
        f"Draw these lines only, such as 1,5-7; the default is the first {DRAWN_AT_FIRST}.",
        metavar="LIST",
    )
    show: bool = switch("Show heat maps of the attention on the terminal (stderr).")

    def __post_init__(self) -> None:
        check_choice("--plot-format", self.plot_format, FORMATS)
        if self.lines.given and not self.wanted:
            raise UsageError("--plot-lines selects what is drawn: give --plot DIR or --show too")
        if self.plot_format != FORMATS[0] and self.plot is None:
            raise UsageError("--plot-format is for the files of --plot: give --plot DIR too")
        if self.plot is not None and find_spec("matplotlib") is None:
            raise UsageError(
                "--plot needs matplotlib: pip install matplotlib; --show needs nothing"
            )

    @cached_property
    def lines(self) -> LineSelection:
        return LineSelection(self.plot_lines)

    @property
    def wanted(self) -> bool:
        return self.plot is not None or self.show


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise UsageError(
            f"--plot-lines: '{text}' is not a line or a range; write for example 1,5-7"
        )
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise UsageError(f"--plot-lines: {text} ends before it starts; write {last}-{first}")
    return first, last
