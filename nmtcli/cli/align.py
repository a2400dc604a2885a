"""`nmt align`: word alignments of given translations, and how good they are."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from nmtcli.cli.alignment_options import PANEL, Normalize, Null, Shift, link_rule
from nmtcli.cli.heatmap_options import (
    PictureChoice,
    Plot,
    PlotFormat,
    PlotLines,
    Show,
    picture_choice,
)
from nmtcli.cli.heatmaps import Pictures
from nmtcli.cli.search_options import Engine, Precision, runtime_of
from nmtcli.cli.streams import STANDARD, open_output, quiet_ends
from nmtcli.errors import UsageError

MODEL, GOLD = "Model", "Gold"


def align(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Sources; - is stdin.")],
    target: Annotated[str, typer.Argument(metavar="TGT", help="Their translations; - is stdin.")],
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="DIR",
            help="Folder of a run; newest here if not given.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint", metavar="NAME", help="best, last or step-N.", rich_help_panel=MODEL
        ),
    ] = None,
    reverse_run: Annotated[
        str | None,
        typer.Option(
            "--reverse-run",
            metavar="DIR",
            help="Run of the other direction: both are put together.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Decoder layer of a Transformer, from 1; the last but one if not given.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    head: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Head of that layer, from 1; the mean of all if not given.",
            rich_help_panel=MODEL,
        ),
    ] = None,
    engine: Engine = None,
    precision: Precision = None,
    alignment: Annotated[
        list[str] | None,
        typer.Option(
            "--alignment",
            metavar="FILE",
            help="No model: links from a file, from two for both directions (all source-target).",
            rich_help_panel=MODEL,
        ),
    ] = None,
    symmetrize: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Of both directions: intersection, union, grow-diag, grow-diag-final or"
            " grow-diag-final-and (if not given).",
            rich_help_panel=PANEL,
        ),
    ] = None,
    agree: Annotated[
        bool,
        typer.Option(
            "--agree",
            help="With --reverse-run: take the links of both from the product of their weights.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    null: Null = None,
    shift: Shift = None,
    normalize: Normalize = None,
    json: Annotated[
        bool, typer.Option("--json", help="JSON objects, with words and weights.")
    ] = False,
    gold: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Precision, recall and AER, on stderr; links 1-2 are sure, 1?2 possible.",
            rich_help_panel=GOLD,
        ),
    ] = None,
    summary_only: Annotated[
        bool,
        typer.Option("--summary-only", help="Print these alone, on stdout.", rich_help_panel=GOLD),
    ] = False,
    plot: Plot = None,
    plot_format: PlotFormat = "png",
    plot_lines: PlotLines = None,
    show: Show = False,
) -> None:
    """Align words of given translations: links i-j on one line a pair, source-target, from 0.

    Words are what stands between spaces. Each target word is linked to the source word that the
    model attends to most while it produces the target: attention is summed over the pieces of a
    source word and averaged over those of a target word. An empty line has no links.
    """
    with quiet_ends("the lines printed so far are complete"):
        runtime = runtime_of(engine, precision, None)
        from nmtcli.cli.parallel_input import check_streams, read_gold_file, read_pair

        choice = picture_choice(plot, plot_format, plot_lines, show)
        rules = null, shift, normalize
        of_models = (
            *(run, checkpoint, reverse_run, layer, head, engine, precision),
            *(*rules, choice.wanted or None),
        )
        _check_files(alignment or [], of_models)
        if reverse_run is not None and run is None:
            raise UsageError("--reverse-run is the other direction of --run DIR: give that too")
        _check_symmetrize(symmetrize, reverse_run is not None or len(alignment or []) == 2)
        if agree and reverse_run is None:
            raise UsageError("--agree is between two directions: give --reverse-run DIR too")
        if summary_only and gold is None:
            raise UsageError("--summary-only prints what gold says: give --gold FILE too")
        check_streams(source, target, gold, *(alignment or []))
        pair = read_pair(source, target)
        gold_links = None if gold is None else read_gold_file(gold, *pair)
        if alignment:
            lines = _from_files(alignment, pair, symmetrize, json)
        else:
            models = _load([run, reverse_run], checkpoint or "best", rules, layer, head, runtime)
            lines = _from_models(models, pair, symmetrize, json, choice, agree)
        _print(lines, gold_links, json, summary_only)


def _check_files(files: list[str], of_models: tuple) -> None:
    if len(files) > 2:
        raise UsageError("--alignment can be given twice, once for each direction")
    if files and any(option is not None for option in of_models):
        raise UsageError(
            "--alignment takes the place of a model: leave out --run, --checkpoint, --reverse-run,"
            " --layer, --head, --engine, --precision, --null, --shift, --normalize, --plot and"
            " --show"
        )


def _check_symmetrize(method: str | None, both_ways: bool) -> None:
    if method is None:
        return
    from nmtcli.alignment.symmetrization import check_method

    check_method(method)
    if not both_ways:
        raise UsageError(
            "--symmetrize puts two directions together: give --reverse-run DIR, or --alignment"
            " twice"
        )


def _load(
    runs, checkpoint: str, rules: tuple, layer: int | None, head: int | None, runtime
) -> list:
    """One aligner, or one for each direction."""
    rule = link_rule(*rules)
    from nmtcli.inference.aligner import load_aligner

    if runs[1] is None:
        runs = runs[:1]
    return [load_aligner(run, checkpoint, rule, layer, head, runtime) for run in runs]


def _from_models(
    aligners: list, pair, method: str | None, json: bool, choice: PictureChoice, agree: bool
) -> Iterator[tuple[list, str]]:
    """(links, what to print) of each pair, which is drawn on the way."""
    from nmtcli.alignment.symmetrization import DEFAULT_METHOD
    from nmtcli.cli.align_report import line_of
    from nmtcli.inference.aligner import align_both_ways

    if len(aligners) == 1:
        found = aligners[0].align_lines(*pair)
    else:
        found = align_both_ways(*aligners, *pair, method or DEFAULT_METHOD, agree)
    pictures = None
    if choice.wanted:
        pictures = Pictures(choice, aligners[0].engine.has_window)
    for number, one in enumerate(found, start=1):
        if pictures is not None:
            pictures.add(number, one if len(aligners) == 1 else one.forward)
        yield one.links, line_of(one, json)
    if pictures is not None:
        pictures.finish()


def _from_files(
    files: list[str], pair, method: str | None, json: bool
) -> Iterator[tuple[list, str]]:
    """The same of alignments that were made elsewhere."""
    from nmtcli.alignment.symmetrization import DEFAULT_METHOD, symmetrize
    from nmtcli.cli.align_report import line_of_links
    from nmtcli.cli.parallel_input import read_link_file

    ways = [read_link_file(path, *pair) for path in files]
    for source, target, *links in zip(*pair, *ways):
        if len(links) == 2:
            links = [symmetrize(*links, method or DEFAULT_METHOD)]
        yield links[0], line_of_links(source, target, links[0], json)


def _print(
    lines: Iterator[tuple[list, str]], gold: list | None, json: bool, summary_only: bool
) -> None:
    from nmtcli.alignment.error_rate import AlignmentScore
    from nmtcli.cli.align_report import summary_of

    score = AlignmentScore()
    with open_output(STANDARD) as output:
        for number, (links, line) in enumerate(lines):
            if gold is not None:
                score = score.plus(links, gold[number])
            if not summary_only:
                output.write(line.encode("utf-8"))
    if gold is not None:
        print(summary_of(score, json), file=sys.stdout if summary_only else sys.stderr)
