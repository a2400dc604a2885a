"""The output of `nmt bleu` for comparisons: tables of systems and of lengths, or JSON."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from nmtcli.cli.bleu_report import Form, print_score_lines
from nmtcli.cli.streams import print_encoded
from nmtcli.metrics.bootstrap import Interval, bootstrap_seed
from nmtcli.metrics.by_length import Bucket
from nmtcli.metrics.sacrebleu_scores import MetricScore, rounded
from nmtcli.metrics.significance import PairedScore

_MEAN = "mean ± 95 %"
_NOTHING = "-"  # there is no such number; not the same as 0


@dataclass(frozen=True)
class SystemReport:
    """The results of one system.

    Attributes:
        name: the shortest unique name of its file.
        scores: one score for each metric.
        buckets: BLEU by length, for all sentences last; empty if not requested.
        paired: the comparison with the first system for each metric; empty if not requested.
    """

    name: str
    scores: list[MetricScore]
    buckets: list[Bucket] = field(default_factory=list)
    paired: list[PairedScore] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """The results of all systems; `lines` and `samples` count the lines and the resamples."""

    lines: int
    references: list[str]
    systems: list[SystemReport]
    samples: int


def print_report(report: Report, form: Form) -> None:
    """Print the report as text or JSON."""
    if form.as_json:
        values = _report_values(report, form.json_width)
        print_encoded(lambda ascii: json.dumps(values, indent=1, ensure_ascii=ascii))
        return
    if len(report.systems) == 1:
        print_score_lines(report.systems[0].scores, form)
    else:
        _print_systems(report, form.text_width)
    if report.systems[0].buckets:
        if len(report.systems) > 1:
            print()
        _print_buckets(report, form.text_width)


def _print_systems(report: Report, width: int) -> None:
    """Print the signatures, then a row for each system."""
    shown = report.systems[0].paired or report.systems[0].scores
    for score in shown:
        print(f"{score.name}|{score.signature}")
    print("references:" if report.references[1:] else "reference:", *report.references)
    print()
    columns = [_columns(system, width) for system in report.systems]
    headings = [heading for heading, _ in columns[0]]
    _print_table(headings, [[cell for _, cell in row] for row in columns])


def _columns(system: SystemReport, width: int) -> list[tuple[str, str]]:
    """Return the headings of a system's cells, which are those of all systems, and their texts."""
    columns = [("system", system.name)]
    for score in system.paired:
        columns += [(score.name, f"{score.score:.{width}f}"), (_MEAN, _mean(score, width))]
        columns.append(("p (* < 0.05)", _p_value(score)))
    if not system.paired:
        for score in system.scores:
            columns.append((score.name, f"{score.value:.{width}f}"))
            if score.interval is not None:
                columns.append((_MEAN, _mean(score.interval, width)))
    return columns


def _mean(found: Interval | PairedScore, width: int) -> str:
    return f"{found.mean:.{width}f} ± {found.half_width:.{width}f}"


def _p_value(score: PairedScore) -> str:
    if score.p_value is None:
        return "baseline"
    return f"{score.p_value:.4f}{'*' if score.p_value < 0.05 else ' '}"


def _print_buckets(report: Report, width: int) -> None:
    """Print a row for each length, with a column for each system."""
    headings = ["words", "sentences", *(system.name for system in report.systems)]
    rows = []
    for number, bucket in enumerate(report.systems[0].buckets):
        its = [system.buckets[number] for system in report.systems]
        scores = [_bucket_cell(one, width, report.samples > 0) for one in its]
        rows.append([bucket.label, str(bucket.count), *scores])
    _print_table(headings, rows)


def _bucket_cell(bucket: Bucket, width: int, with_interval: bool) -> str:
    if bucket.score is None:
        return _NOTHING
    score = f"{bucket.score:.{width}f}"
    if not with_interval:
        return score
    interval = _NOTHING if bucket.interval is None else _mean(bucket.interval, width)
    return f"{score} ({interval})"


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, with frames on a terminal, otherwise with two or more spaces between."""
    if sys.stdout.isatty():
        _print_rich_table(headings, rows)
        return
    from rich.cells import cell_len  # Korean letters are two columns wide

    table = [headings, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*table)]
    for row in table:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths)]
        cells = [gap + cell for gap, cell in zip(gaps[1:], row[1:])]
        print("  ".join([row[0] + gaps[0], *cells]).rstrip())


def _print_rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # not needed in a pipe
    from rich.table import Table
    from rich.text import Text  # brackets in a file's name are not markup

    table = Table()
    for number, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _report_values(report: Report, width: int | None) -> dict:
    """Return plain values; those of a single system are also at the top level."""
    systems = [_system_values(system, width) for system in report.systems]
    values = {"lines": report.lines}
    if len(systems) == 1:
        values |= {name: value for name, value in systems[0].items() if name != "system"}
    values["references"] = report.references
    if report.samples:
        values["bootstrap"] = {"samples": report.samples, "seed": bootstrap_seed()}
    values["systems"] = systems
    return values


def _system_values(system: SystemReport, width: int | None) -> dict:
    values = {"system": system.name, "scores": [score.as_dict(width) for score in system.scores]}
    if system.buckets:
        *buckets, total = [_bucket_values(bucket, width) for bucket in system.buckets]
        values |= {"by_length": buckets, "all": total}
    if system.paired:
        values["paired"] = [score.as_dict(width) for score in system.paired]
    return values


def _bucket_values(bucket: Bucket, width: int | None) -> dict:
    score = None if bucket.score is None else rounded(bucket.score, width)
    interval = None if bucket.interval is None else bucket.interval.as_dict(width)
    return {"label": bucket.label, **vars(bucket), "score": score, "interval": interval}
