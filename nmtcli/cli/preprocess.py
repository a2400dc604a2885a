"""`nmt preprocess`: clean parallel text, learn subwords, write ids."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from nmtcli.cli.corpus_options import PairedOptions, train_options
from nmtcli.errors import Interrupted

COMMAND_CLASS = PairedOptions
TEXT, SUBWORDS, RESULT = "Text", "Subwords", "Result"
STAGES = {
    "count": "counting lines",
    "filter": "filtering",
    "learn": "learning subwords",
    "encode": "encoding",
    "shortlist": "learning which pieces translate which",
}
SECONDS_BETWEEN_LINES = 10.0


def preprocess(
    train: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SRC TGT",
            help="Training text; several times for several texts.",
            rich_help_panel=TEXT,
        ),
    ] = None,
    valid: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="SRC TGT", help="Validation text.", rich_help_panel=TEXT),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="W,...",
            help="For each --train: 2 is seen twice in an epoch, 0.5 half of it.",
            rich_help_panel=TEXT,
        ),
    ] = None,
    tags: Annotated[
        str | None,
        typer.Option(
            metavar="<TAG>,...",
            help="For each --train, a word such as <2ko> before its sources, or nothing.",
            rich_help_panel=TEXT,
        ),
    ] = None,
    alignments: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Links of words, 0-0 1-2 a line, for guided alignment; for each --train.",
            rich_help_panel=TEXT,
        ),
    ] = None,
    by_sentence: Annotated[
        bool,
        typer.Option(
            "--by-sentence",
            help="Cut pairs of paragraphs into sentences, where both sides have equally many;"
            " nmt translate then goes sentence by sentence.",
            rich_help_panel=TEXT,
        ),
    ] = False,
    vocab_size: Annotated[
        int | None,
        typer.Option(
            help="Pieces in a model; chosen by the size of the text if not given.",
            rich_help_panel=SUBWORDS,
        ),
    ] = None,
    subwords: Annotated[
        str | None,
        typer.Option(
            metavar="unigram|bpe|char|word", help="Kind of pieces.", rich_help_panel=SUBWORDS
        ),
    ] = None,
    joint: Annotated[
        bool | None,
        typer.Option(
            "--joint/--separate",
            help="One model for both languages, or one each.",
            rich_help_panel=SUBWORDS,
        ),
    ] = None,
    subwords_from: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Take the pieces of that run or prepared data, and learn none.",
            rich_help_panel=SUBWORDS,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to make.", rich_help_panel=RESULT)
    ] = Path("prepared"),
    keep_rejected: Annotated[
        bool,
        typer.Option("--keep-rejected", help="Write rejected.tsv too.", rich_help_panel=RESULT),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace other prepared data.", rich_help_panel=RESULT),
    ] = False,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="YAML file.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any option, e.g. data.max_words=100."),
    ] = None,
    dump_config: Annotated[
        bool, typer.Option("--dump-config", help="Print the merged options and stop.")
    ] = False,
) -> None:
    """Clean parallel text, learn subwords and write ids for nmt train."""
    from nmtcli import config as configuration

    data = train_options(train or [], weights, tags, alignments or [])
    if valid is not None:
        data |= {"valid_source": str(valid[0]), "valid_target": str(valid[1])}
    if by_sentence:
        data["by_sentence"] = True
    pieces = {"vocabulary_size": vocab_size, "type": subwords, "joint": joint}
    if subwords_from is not None:
        pieces["taken_from"] = str(subwords_from)
    overrides = {"data": data, "subwords": pieces}
    merged = configuration.load(config, assignments or (), overrides)
    if dump_config:
        print(configuration.dump(merged), end="")
        return
    _run(merged, out, keep_rejected, force)


def _run(config, out: Path, keep_rejected: bool, force: bool) -> None:
    from rich.console import Console

    from nmtcli.data.preprocess import preprocess as prepare

    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    started = time.monotonic()
    with _stopped_by_signals(), _progress(console) as show:
        report = prepare(config, out, keep_rejected, force, show, ["nmt", *sys.argv[1:]])
    if report.already:
        print(f"{out}: already prepared from this text with these options", file=sys.stderr)
        return
    console.print(_table(report))
    if len(report.corpora) > 1:
        for corpus in report.corpora:
            _tell_corpus(corpus)
    if report.choice:
        print(f"{report.choice} (--vocab-size sets another)", file=sys.stderr)
    kept, read = report.counts["train"].kept, report.counts["train"].read
    seconds = time.monotonic() - started
    cut = f", cut from {report.lines:,} lines," if report.lines != read else ""
    print(f"{out}: {kept:,} of {read:,} training pairs{cut} in {seconds:.1f} s", file=sys.stderr)


def _tell_corpus(corpus: dict) -> None:
    counts, tag = corpus["counts"], f", tag {corpus['tag']}" if corpus["tag"] else ""
    print(
        f"{corpus['source']}, {corpus['target']}: {counts['kept']:,} of {counts['read']:,} pairs,"
        f" weight {corpus['weight']:g}{tag}",
        file=sys.stderr,
    )


def _table(report):
    """What was read, dropped by each rule and kept, a column for each corpus."""
    from rich.table import Table

    table = Table("")
    for name in report.counts:
        table.add_column(name, justify="right")
    corpora = list(report.counts.values())

    def row(name: str, value: Callable, last: bool = False) -> None:
        table.add_row(name, *map(value, corpora), end_section=last)

    row("pairs read", lambda c: f"{c.read:,}")
    for rule in dict.fromkeys(rule for counts in corpora for rule in counts.rejected):
        row(f"- {rule}", lambda c, rule=rule: f"{c.rejected.get(rule, 0):,}")
    row("pairs kept", lambda c: f"{c.kept:,}", last=True)
    for i, side in enumerate(("source", "target")):
        row(f"{side} characters", lambda c, i=i: f"{c.characters[i]:,}")
        row(f"{side} pieces", lambda c, i=i: f"{c.pieces[i]:,}")
        row("  of them unknown", lambda c, i=i: f"{c.unknown[i]:,}")
        size = f"{report.vocabulary[side]:,}"
        table.add_row(f"{side} vocabulary", size, *[""] * (len(corpora) - 1), end_section=True)
    return table


@contextmanager
def _progress(console) -> Iterator[Callable[[str, int, int], None]]:
    """A callback that draws a bar on a terminal, else writes a plain line now and then."""
    if not console.is_terminal:
        yield _PlainLines()
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bars:
        tasks = {}

        def show(stage: str, done: int, total: int) -> None:
            for other in tasks:
                if other != stage:
                    bars.update(tasks[other], visible=False)
            if stage not in tasks:
                tasks[stage] = bars.add_task(STAGES[stage])
            bars.update(tasks[stage], completed=done, total=total or None, visible=True)

        yield show


class _PlainLines:
    """A line at the start of each stage, and every ten seconds within one."""

    def __init__(self):
        self._stage, self._last = "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._last < SECONDS_BETWEEN_LINES:
            return
        share = f" {done:,} of {total:,}" if stage == self._stage and total else ""
        print(f"{STAGES[stage]}{share}", file=sys.stderr, flush=True)
        self._stage, self._last = stage, now


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM unwind alike, so that the temporary folder is removed, and say so."""

    def stop(number: int, frame) -> None:
        raise Interrupted("terminated; nothing was written", number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if in_main_thread else None
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; nothing was written", signal.SIGINT) from None
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before)
