"""`nmt preprocess`: clean parallel text, learn subwords and write token ids."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nmtcli.cli.config_options import ConfigOptions
from nmtcli.cli.corpus_options import PairedOptions
from nmtcli.cli.options import flag, switch, with_options
from nmtcli.cli.streams import print_encoded
from nmtcli.errors import Interrupted

COMMAND_CLASS = PairedOptions
TEXT, RESULT = "Text", "Result"
STAGES = {
    "count": "counting lines",
    "filter": "filtering",
    "learn": "learning subwords",
    "encode": "encoding",
    "shortlist": "learning which pieces translate which",
}
SECONDS_BETWEEN_LINES = 10.0


@with_options(
    data=("weights", "tags", "valid_tag", "alignments", "by_sentence"),
    subwords=("vocabulary_size", "type", "joint", "taken_from"),
)
def preprocess(
    *,
    train: list[str] | None = flag(
        "Read training text from these files of sources and targets; can be given several times.",
        metavar="SRC TGT",
        panel=TEXT,
    ),
    valid: tuple[str, str] | None = flag(
        "Read validation text from these files of sources and targets.",
        metavar="SRC TGT",
        panel=TEXT,
    ),
    languages: tuple[str, str] | None = flag(
        "Drop pairs that are surely in other languages than these, such as ko en; needs py3langid.",
        metavar="SRC TGT",
        panel=TEXT,
    ),
    overrides: dict,
    out: Path = flag(
        "Write the prepared data to this folder.",
        default=Path("prepared"),
        metavar="DIR",
        panel=RESULT,
    ),
    keep_rejected: bool = switch(
        "Write the pairs that were dropped to rejected.tsv, with the reasons.", panel=RESULT
    ),
    force: bool = switch(
        "Replace prepared data that were made from other text or options.", panel=RESULT
    ),
    configuration: ConfigOptions,
) -> None:
    """Clean parallel text, learn subwords and write token ids for nmt train."""
    from nmtcli.config import dump, load
    from nmtcli.config.data import text_files

    train = train or []
    overrides["data"] |= text_files(list(zip(train[0::2], train[1::2])), valid)
    overrides["data"]["languages"] = languages
    merged = load(configuration.config, configuration.assignments, overrides)
    if configuration.dump_config:
        print_encoded(lambda ascii: dump(merged, ascii), end="")
        return
    _run(merged, out, keep_rejected, force)


def _run(config, out: Path, keep_rejected: bool, force: bool) -> None:
    from rich.console import Console

    from nmtcli.data.preprocess import preprocess as prepare
    from nmtcli.text.files import copies_of_pipes

    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    started = time.monotonic()
    with _stopped_by_signals(), _progress(console) as show, copies_of_pipes(out):
        report = prepare(config, out, keep_rejected, force, show, ["nmt", *sys.argv[1:]])
    if report.already:
        print(f"{out}: already prepared from this text with these options", file=sys.stderr)
        return
    console.print(_table(report))
    if len(report.corpora) > 1:
        for corpus in report.corpora:
            counts, tag = corpus["counts"], f", tag {corpus['tag']}" if corpus["tag"] else ""
            print(
                f"{corpus['source']}, {corpus['target']}: {counts['kept']:,} of"
                f" {counts['read']:,} pairs, weight {corpus['weight']:g}{tag}",
                file=sys.stderr,
            )
    if report.choice:
        print(f"{report.choice} (--vocab-size sets another)", file=sys.stderr)
    kept, read = report.counts["train"].kept, report.counts["train"].read
    seconds = time.monotonic() - started
    cut = f", cut from {report.lines:,} lines," if report.lines != read else ""
    print(f"{out}: {kept:,} of {read:,} training pairs{cut} in {seconds:.1f} s", file=sys.stderr)


def _table(report):
    """Make a table of pairs that were read, dropped by each rule and kept, by corpus."""
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
    """Make a callback that draws a bar on a terminal, otherwise writes a plain line at times."""
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
    """Prints a line at the start of each stage, and every ten seconds within a stage."""

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
    """Handle SIGTERM like Ctrl-C: remove the temporary folder, and say so."""

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
