"""`nmt translate`: a filter, from stdin to stdout."""

from typing import Annotated

import typer

from nmtcli.cli.link_options import PANEL, Normalize, Null, Shift, link_rule
from nmtcli.cli.picture_options import Plot, PlotFormat, PlotLines, Show, picture_choice
from nmtcli.cli.pictures import Pictures
from nmtcli.cli.streams import STANDARD, is_terminal, open_input, open_output, quiet_ends, warn
from nmtcli.cli.translate_output import Format, Progress
from nmtcli.errors import UsageError

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
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="Links of words behind the text: text ||| 0-0 1-2, source-target from 0.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    null: Null = None,
    shift: Shift = None,
    normalize: Normalize = None,
    plot: Plot = None,
    plot_format: PlotFormat = "png",
    plot_lines: PlotLines = None,
    show: Show = False,
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
    Words are what stands between spaces; nmt align says how they are linked.
    """
    with quiet_ends("the lines printed so far are complete"):
        choice = picture_choice(plot, plot_format, plot_lines, show)
        aligned = align or choice.wanted
        rules = null, shift, normalize
        if not aligned and any(option is not None for option in rules):
            raise UsageError("--null, --shift and --normalize are of alignments: give --align too")
        rule = link_rule(*rules) if aligned else None
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
                run, checkpoint, config, assignments or (), overrides, warn, rule
            )
            pictures = None
            if choice.wanted:
                pictures = Pictures(choice, translator.engine.has_window, warn)
            with open_output(output, not_over=input) as target:
                form = Format(json, scores, nbest is not None, align)
                _filter(translator, source, target, form, pictures)


def _filter(translator, source, target, form: Format, pictures: Pictures | None = None) -> None:
    """Lines of `source` to `target`, flushed before each window is read."""
    from nmtcli.text.lines import read_lines

    progress = Progress()

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
            if pictures is not None:
                progress.clear()
                pictures.add(number + 1, translation.nbest[0].alignment)
    finally:
        progress.clear()
    if pictures is not None:
        pictures.finish()
