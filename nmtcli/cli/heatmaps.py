"""Heat maps of chosen lines, as files (--plot) and on the terminal (--show)."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nmtcli.cli.heatmap_options import HeatmapOptions
from nmtcli.errors import UsageError

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from nmtcli.alignment.links import WordAlignment


class Pictures:
    """Draws the alignments of the chosen lines one after the other.

    Args:
        options: the options of the heat maps; the folder is made if it does not exist.
        has_window: whether attention is local: weights outside its window are exactly 0.

    Raises:
        UsageError: there is a file in place of the folder.
    """

    def __init__(self, options: HeatmapOptions, has_window: bool):
        self.options, self.has_window = options, has_window
        self.folder = None if options.plot is None else Path(options.plot)
        self.seen = 0  # lines
        if self.folder is not None:
            _make(self.folder)

    def add(self, number: int, alignment: "WordAlignment") -> None:
        """Draw line `number`, from 1, if it was chosen."""
        self.seen = number
        if number not in self.options.lines:
            return
        if not alignment.weights.size:
            logger.warning("line %s: one side has no words; the line is not drawn", number)
            return
        from nmtcli.plots.heatmap import Heatmap

        heatmap = Heatmap(
            weights=alignment.weights,
            source_words=alignment.source_words,
            target_words=alignment.target_words,
            title=f"line {number}",
            window=alignment.weights > 0 if self.has_window else None,
        )
        if self.folder is not None:
            self._save(number, heatmap)
        if self.options.show:
            _show(heatmap)

    def finish(self) -> None:
        """Report if there were more lines than were drawn, or fewer than were chosen."""
        lines = self.options.lines
        if not lines.given and self.seen > lines.last:
            logger.warning(
                "drew the first %s of %s lines; select others with --plot-lines, such as 1,5-7",
                *(lines.last, self.seen),
            )
        if lines.given and self.seen < lines.last:
            logger.warning("--plot-lines: there are only %s lines", self.seen)

    def _save(self, number: int, heatmap) -> None:
        from nmtcli.plots.heatmap import save_heatmap

        chosen = self.options.plot_format
        suffixes = ("png", "svg") if chosen == "both" else (chosen,)
        save_heatmap(heatmap, *(self.folder / f"{number:05}.{suffix}" for suffix in suffixes))


def _show(heatmap) -> None:
    from rich.console import Console

    from nmtcli.plots.terminal_heatmap import render_heatmap

    console = Console(file=sys.stderr)
    console.print(render_heatmap(heatmap, console.width))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{folder}: is a file; give --plot a folder") from None
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be made ({error.strerror}); give --plot another folder"
        ) from None
