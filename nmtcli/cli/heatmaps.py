"""Heat maps of some of the lines: as files (--plot) and on the terminal (--show)."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nmtcli.cli.heatmap_options import PictureChoice
from nmtcli.errors import UsageError

if TYPE_CHECKING:
    from nmtcli.alignment.links import WordAlignment


class Pictures:
    """Draws the alignments of the chosen lines, one after the other.

    Args:
        choice: what is to be drawn; its folder is made if there is none.
        has_window: attention is local: weights outside its window are exactly 0.
        on_warning: told what cannot be drawn.

    Raises:
        UsageError: something that is no folder is in the way.
    """

    def __init__(self, choice: PictureChoice, has_window: bool, on_warning: Callable[[str], None]):
        self.choice, self.has_window, self.on_warning = choice, has_window, on_warning
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
            self.on_warning(f"line {number}: no words on one side; not drawn")
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
            self.on_warning(
                f"drew the first {lines.last} of {self.seen} lines; choose others with"
                " --plot-lines, such as 1,5-7"
            )
        if lines.given and self.seen < lines.last:
            self.on_warning(f"--plot-lines: there are only {self.seen} lines")

    def _save(self, number: int, heatmap) -> None:
        from nmtcli.plots.heatmap import save_heatmap

        told = set()  # both formats of a picture have the same to say

        def tell(message: str) -> None:
            if message not in told:
                told.add(message)
                self.on_warning(f"line {number}: {message}")

        chosen = self.choice.file_format
        for suffix in ("png", "svg") if chosen == "both" else (chosen,):
            save_heatmap(heatmap, self.folder / f"{number:05}.{suffix}", tell)


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
