"""The output of `nmt translate`: translations on stdout, and progress on stderr."""

import sys
import time
from typing import TYPE_CHECKING

from nmtcli.cli.alignment_options import LinkOptions
from nmtcli.cli.options import group, switch

if TYPE_CHECKING:
    from nmtcli.inference.results import Candidate, Translation


@group
class Format:
    """The options for printing translations, by default as plain text.

    nbest: print the n-best list, each translation with the number of its line from 0.
    """

    panel = "Output"
    json: bool = switch("Print a JSON object for each line.")
    scores: bool = switch("Print the score and a tab before each translation.")
    align: bool = switch(
        "Print word alignments after each translation, as text ||| 0-0 1-2: source-target, counted"
        " from 0.",
        panel=LinkOptions.panel,
    )
    nbest: bool = False

    def lines(self, number: int, translation: "Translation") -> str:
        """Format one translation as lines, each with its end; `number` counts from 0."""
        if self.json:
            return translation.to_json() + "\n"
        if self.nbest:
            return "".join(
                f"{number} ||| {candidate.text} ||| {candidate.score:.4f}{self._links(candidate)}\n"
                for candidate in translation.nbest
            )
        best = translation.nbest[0]
        score = f"{best.score:.4f}\t" if self.scores else ""
        return f"{score}{best.text}{self._links(best)}\n"

    def _links(self, candidate: "Candidate") -> str:
        if not self.align:
            return ""
        from nmtcli.alignment.pharaoh import format_links

        return f" ||| {format_links(candidate.alignment.links)}"


class ProgressLine:
    """A line on stderr, only on a terminal, that shows the progress through a long input."""

    def __init__(self):
        self.wanted = sys.stderr.isatty() and not sys.stdout.isatty()
        self.start = self.shown_at = time.monotonic()
        self.visible = False

    def show(self, lines: int) -> None:
        now = time.monotonic()
        if self.wanted and now - self.shown_at >= 1.0:
            rate = lines / (now - self.start)
            print(
                f"\r\x1b[K{lines} lines, {rate:.0f} a second", end="", file=sys.stderr, flush=True
            )
            self.shown_at, self.visible = now, True

    def clear(self) -> None:
        if self.visible:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self.visible = False
