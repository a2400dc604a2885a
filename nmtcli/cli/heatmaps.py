"""Heat maps of some of the lines: as files (--plot) and on the terminal (--show)."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nmtcli.cli.heatmap_options import PictureChoice
from nmtcli.errors import UsageError

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from nmtcli.alignment.links import WordAlignment


class Pictures:
    """Draws the alignments of the chosen lines, one after the other.

    Args:
        choice: what is to be drawn; its folder is made if there is none.
        has_window: attention is local: weights outside its window are exactly 0.

    Raises:
        UsageError: something that is no folder is in the way.
    """

    def __init__(self, choice: PictureChoice, has_window: bool):
        self.choice, self.has_window = choice, has_window
        self.folder = None if choice.folder is None else Path(choice.folder)
        self.seen = 0  # lines
        if self.folder is not None:
            _make(self.folder)

    def add(self, number: int, alignment: "WordAlignment") -> None:
        """Draw line `number`, from 1, if it was chosen."""
        self.seen = number
        if number not in self.choice.lines:
            return
        if not alignment.weights.size:
            logger.warning("line %s: no words on one side; not drawn", number)
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
        if self.choice.show:
            _show(heatmap)

    def finish(self) -> None:
        """Say that there were more lines than were drawn, or fewer than were chosen."""
        lines = self.choice.lines
        if not lines.given and self.seen > lines.last:
            logger.warning(
                "drew the first %s of %s lines; choose others with --plot-lines, such as 1,5-7",
                *(lines.last, self.seen),
            )
        if lines.given and self.seen < lines.last:
            logger.warning("--plot-lines: there are only %s lines", self.seen)

    def _save(self, number: int, heatmap) -> None:
        from nmtcli.plots.heatmap import save_heatmap

        chosen = self.choice.file_format
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
        raise UsageError(f"{folder}: a file is in the way; give --plot a folder") from None
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror}); choose another") from None
