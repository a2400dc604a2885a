"""`nmt translate`: a filter, from stdin to stdout."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from nmtcli.cli.streams import STANDARD, is_terminal, open_input, open_output, quiet_ends, warn

if TYPE_CHECKING:
    from nmtcli.translate import Translation

SEARCH, OUTPUT = "Search", "Output"


def translate(
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="DIR", help="Folder of a run; newest here if not given."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", metavar="NAME", help="best, last or step-N.")
    ] = "best",
    input: Annotated[
        str, typer.Option("--input", "-i", metavar="FILE", help="Text to translate; - is stdin.")
    ] = STANDARD,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Translations; - is stdout.")
    ] = STANDARD,
    json: Annotated[
        bool,
        typer.Option("--json", help="A JSON object a line.", rich_help_panel=OUTPUT),
    ] = False,
    scores: Annotated[
        bool,
        typer.Option("--scores", help="Score and a tab before the text.", rich_help_panel=OUTPUT),
    ] = False,
    nbest: Annotated[
        int | None,
        typer.Option(
            "--nbest",
            metavar="N",
            help="The best N of a line, each as: line from 0 ||| text ||| score.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    line_by_line: Annotated[
        bool,
        typer.Option(
            "--line-by-line",
            help="Print each line before the next is read, as on a terminal.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    beam: Annotated[
        int | None,
        typer.Option(metavar="K", help="Width of the beam; 1 is greedy.", rich_help_panel=SEARCH),
    ] = None,
    length_penalty: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Exponent of the length; 0 favours short.", rich_help_panel=SEARCH
        ),
    ] = None,
    batch_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Beam x positions of a batch.", rich_help_panel=SEARCH),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(metavar="N", help="Lines read ahead and sorted.", rich_help_panel=SEARCH),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="YAML; its section search counts."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="search.KEY=VALUE", help="Set any option of the search."),
    ] = None,
) -> None:
    """Translate lines of text: N lines in, N lines out.

    Without --run the newest run under ./runs is used; options not given are the run's own. An
    over-long line is translated in parts, and an empty one stays empty. With --json, "tokens" and
    "source_tokens" are the rows and columns of "attention", which is null for a line in parts.
    """
    with quiet_ends("the lines printed so far are complete"):
        from nmtcli.translate import load_translator

        overrides = {
            "beam": beam,
            "nbest": nbest,
            "length_penalty": length_penalty,
            "batch_tokens": batch_tokens,
            "window": 1 if line_by_line or is_terminal(input) else window,
        }
        with open_input(input) as source:
            translator = load_translator(
                run, checkpoint, config, assignments or (), overrides, on_warning=warn
            )
            with open_output(output, not_over=input) as target:
                _filter(translator, source, target, _Format(json, scores, nbest is not None))


class _Format:
    """How a translation is printed."""

    def __init__(self, json: bool, scores: bool, nbest: bool):
        self.json, self.scores, self.nbest = json, scores, nbest

    def lines(self, number: int, translation: "Translation") -> str:
        """The lines of one translation, each with its end; `number` counts from 0."""
        if self.json:
            return translation.to_json() + "\n"
        if self.nbest:
            return "".join(
                f"{number} ||| {candidate.text} ||| {candidate.score:.4f}\n"
                for candidate in translation.nbest
            )
        if self.scores:
            return f"{translation.score:.4f}\t{translation.text}\n"
        return translation.text + "\n"


def _filter(translator, source, target, form: _Format) -> None:
    """Lines of `source` to `target`, flushed before each window is read."""
    from nmtcli.text.lines import read_lines

    progress = _Progress()

    def warning(message: str) -> None:
        progress.clear()
        warn(message)

    def invalid(number: int) -> None:
        warning(f"line {number}: not valid UTF-8; the invalid bytes became U+FFFD")

    window = translator.search.window
    lines = read_lines(source, invalid)
    try:
        for number, translation in enumerate(translator.translate_lines(lines, warning)):
            target.write(form.lines(number, translation).encode("utf-8"))
            if (number + 1) % window == 0:
                target.flush()
                progress.show(number + 1)
    finally:
        progress.clear()


class _Progress:
    """A line on stderr that says how far a long input has come; on a terminal only."""

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
