"""`nmt translate`: translate lines, as a filter from stdin to stdout."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace

from nmtcli.cli.alignment_options import LinkOptions
from nmtcli.cli.config_options import SearchFileOptions
from nmtcli.cli.heatmap_options import HeatmapOptions
from nmtcli.cli.heatmaps import Pictures
from nmtcli.cli.options import flag, switch, with_options
from nmtcli.cli.rerank_options import RerankOptions
from nmtcli.cli.run_options import EnsembleOptions, TranslationRuntimeOptions
from nmtcli.cli.streams import STANDARD, before_warnings, open_input, open_output, quiet_ends
from nmtcli.cli.translate_output import Format, ProgressLine
from nmtcli.errors import UsageError

logger = logging.getLogger(__name__)

SEARCH = (
    *("nbest", "beam", "length_penalty", "length_penalty_kind", "coverage_penalty"),
    *("no_repeat_ngram", "by_sentence", "batch_tokens", "window"),
    *("sample", "temperature", "top_k", "top_p", "seed", "ensemble", "rerank_weight"),
)


@with_options(search=SEARCH)
def translate(
    *,
    models: EnsembleOptions,
    input: str = flag(
        "Translate the lines of this file; - is stdin.", "-i", default=STANDARD, metavar="FILE"
    ),
    output: str = flag(
        "Write translations to this file; - is stdout.", "-o", default=STANDARD, metavar="FILE"
    ),
    form: Format,
    line_by_line: bool = switch(
        "Print each translation before the next line is read, as is done on a terminal.",
        panel=Format.panel,
    ),
    links: LinkOptions,
    heatmaps: HeatmapOptions,
    overrides: dict,
    prefix: str | None = flag(
        "Begin each line's translation with the text on the same line of this file. The translation"
        " may go on within the last word; spaces at the end are ignored. All lines are read before"
        " the first is translated.",
        metavar="FILE",
        panel="Search",
    ),
    rerank: RerankOptions,
    runtime_options: TranslationRuntimeOptions,
    file: SearchFileOptions,
) -> None:
    """Translate lines of text: N lines in, N lines out.

    Without --run, the newest run under ./runs translates. Search options that are not given are
    those of the (first) run. A pipe is answered when it pauses, a terminal after each line.

    A line that is too long is translated in parts, and an empty line stays empty. With --json,
    "tokens" and "source_tokens" name the rows and columns of "attention", which is null for a line
    in parts. Words are separated by spaces; nmt align --help says how they are linked.
    """
    with quiet_ends("the lines printed so far are complete"):
        search = overrides["search"]
        aligned = form.align or heatmaps.wanted
        if not aligned and links.given():
            raise UsageError("--null, --shift and --normalize need alignments: give --align too")
        if "rerank_weight" in search and rerank.path is None:
            raise UsageError("--rerank-weight needs a run that reranks: give --rerank too")
        rule = links.rule() if aligned else None
        runtime = runtime_options.runtime()
        if runtime.shortlist and prefix is not None:
            raise UsageError(
                "--prefix may have tokens that the shortlist lacks: leave out --prefix or"
                " --shortlist"
            )
        lines, prefixes = _read_prefixed(input, prefix)
        from nmtcli.inference.translator import load_translator

        form = replace(form, nbest="nbest" in search)
        if line_by_line or (input == STANDARD and sys.stdin and sys.stdin.isatty()):
            search["window"] = 1
        with open_input(input) if prefix is None else contextlib.nullcontext(lines) as source:
            given = file.config, file.assignments, search
            checkpoints = models.checkpoints or "best"
            translator = load_translator(
                models.runs, checkpoints, *given, rule, runtime, models.tag
            )
            translator = rerank.apply(translator, models.runs, runtime, models.tag)
            pictures = Pictures(heatmaps, translator.engine.has_window) if heatmaps.wanted else None
            with open_output(output, not_over=input) as target:
                _filter(translator, source, target, form, pictures, prefixes)


def _read_prefixed(input: str, prefix: str | None) -> tuple[list[str] | None, list[str] | None]:
    """Read all lines and as many prefixes; without --prefix, read nothing.

    Raises:
        UsageError: both are stdin, one cannot be read, or the numbers of lines differ.
    """
    if prefix is None:
        return None, None
    from nmtcli.cli.parallel_input import read_pair

    return read_pair(input, prefix)


def _filter(
    translator,
    source,
    target,
    form: Format,
    pictures: Pictures | None = None,
    prefixes: list[str] | None = None,
) -> None:
    """Translate lines of `source`, a `TextReader` or a list, and write them to `target`.

    Translations are flushed after each window, and before waiting for more input.
    """
    from nmtcli.text.lines import read_lines

    progress = ProgressLine()

    def invalid(number: int) -> None:
        logger.warning("line %s: not valid UTF-8; the invalid bytes became U+FFFD", number)

    lines, more, done = source, {}, 0
    if not isinstance(source, list):
        source.before_waiting = target.flush
        lines, more = read_lines(source, invalid), {"pauses": source.pauses}

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
