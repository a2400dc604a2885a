"""`nmt translate`: a filter, from stdin to stdout."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Annotated

import typer

from nmtcli.cli import search_options as panel
from nmtcli.cli.alignment_options import PANEL, Normalize, Null, Shift, link_rule
from nmtcli.cli.heatmap_options import Plot, PlotFormat, PlotLines, Show, picture_choice
from nmtcli.cli.heatmaps import Pictures
from nmtcli.cli.nonblocking_reader import PatientReader
from nmtcli.cli.streams import (
    STANDARD,
    before_warnings,
    is_terminal,
    open_input,
    open_output,
    quiet_ends,
)
from nmtcli.cli.translate_output import Format, ProgressLine
from nmtcli.errors import UsageError

logger = logging.getLogger(__name__)

OUTPUT = "Output"


def translate(
    context: typer.Context,
    run: panel.Runs = None,
    checkpoint: panel.Checkpoints = None,
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
    beam: panel.Beam = None,
    length_penalty: panel.LengthPenalty = None,
    length_penalty_kind: panel.LengthPenaltyKind = None,
    coverage_penalty: panel.CoveragePenalty = None,
    no_repeat_ngram: panel.NoRepeatNgram = None,
    by_sentence: panel.BySentence = False,
    prefix: panel.Prefix = None,
    batch_tokens: panel.BatchTokens = None,
    window: panel.Window = None,
    sample: panel.Sample = False,
    temperature: panel.Temperature = None,
    top_k: panel.TopK = None,
    top_p: panel.TopP = None,
    seed: panel.Seed = None,
    ensemble: panel.EnsembleKind = None,
    rerank: panel.Rerank = None,
    rerank_reverse: panel.RerankReverse = None,
    rerank_weight: panel.RerankWeight = None,
    engine: panel.Engine = None,
    precision: panel.Precision = None,
    threads: panel.Threads = None,
    shortlist: panel.Shortlist = False,
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

    Without --run the newest run under ./runs is used; options not given are the (first) run's own.
    A pipe is answered when it pauses, a terminal after each line.
    An over-long line is translated in parts, and an empty one stays empty. With --json, "tokens"
    and "source_tokens" are the rows and columns of "attention", which is null for a line in parts.
    Words are what stands between spaces; nmt align says how they are linked.
    """
    with quiet_ends("the lines printed so far are complete"):
        choice = picture_choice(plot, plot_format, plot_lines, show)
        aligned = align or choice.wanted
        rules = null, shift, normalize
        if not aligned and any(option is not None for option in rules):
            raise UsageError("--null, --shift and --normalize are of alignments: give --align too")
        rule = link_rule(*rules) if aligned else None
        panel.check_rerank(rerank, rerank_reverse, rerank_weight)
        runtime = panel.runtime_of(engine, precision, threads, shortlist)
        if shortlist and prefix is not None:
            raise UsageError("--prefix may have pieces that the shortlist has not: leave one out")
        lines, prefixes = panel.read_prefixed(input, prefix)
        from nmtcli.inference.translator import load_translator

        overrides = panel.overrides(context.params)
        if line_by_line or is_terminal(input):
            overrides["window"] = 1
        with open_input(input) if prefix is None else contextlib.nullcontext(lines) as source:
            translator = load_translator(
                run, checkpoint or "best", config, assignments or (), overrides, rule, runtime
            )
            translator = panel.reranker(translator, run, rerank, rerank_reverse, runtime)
            pictures = None
            if choice.wanted:
                pictures = Pictures(choice, translator.engine.has_window)
            with open_output(output, not_over=input) as target:
                form = Format(json, scores, nbest is not None, align)
                _filter(translator, source, target, form, pictures, prefixes)


def _filter(
    translator,
    source,
    target,
    form: Format,
    pictures: Pictures | None = None,
    prefixes: list[str] | None = None,
) -> None:
    """Lines of `source`, a stream or a list, to `target`.

    What is translated is flushed after each window, and before more input is waited for.
    """
    from nmtcli.text.lines import read_lines

    progress = ProgressLine()

    def invalid(number: int) -> None:
        logger.warning("line %s: not valid UTF-8; the invalid bytes became U+FFFD", number)

    lines, more, done = source, {}, 0
    if not isinstance(source, list):
        reader = PatientReader(source, before_waiting=target.flush)
        lines, more = read_lines(reader, invalid), {"pauses": reader.pauses}

    def read() -> Iterator[str]:
        shown = 0
        for line in lines:
            if done > shown:
                target.flush()
                progress.show(shown := done)
            yield line

    try:
        with before_warnings(progress.clear):
            found = translator.translate_lines(read(), prefixes, **more)
            for number, translation in enumerate(found):
                target.write(form.lines(number, translation).encode("utf-8"))
                done = number + 1
                if pictures is not None:
                    progress.clear()
                    pictures.add(number + 1, translation.nbest[0].alignment)
    finally:
        progress.clear()
    if pictures is not None:
        pictures.finish()
