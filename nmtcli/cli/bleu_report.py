"""How `nmt bleu` prints: sacrebleu's lines, a table by length, or JSON."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from nmtcli.evaluation.bleu import MetricScore
from nmtcli.evaluation.by_length import Bucket


@dataclass(frozen=True)
class Form:
    """How the scores are to look; `width` None is one decimal in text and all of them in JSON."""

    width: int | None = None
    score_only: bool = False
    sentence_level: bool = False
    as_json: bool = False

    @property
    def text_width(self) -> int:
        return 1 if self.width is None else self.width


def print_sentences(scores: Iterable[MetricScore], form: Form) -> None:
    """A score for each line; as JSON an object for each line."""
    for number, score in enumerate(scores, start=1):
        if form.as_json:
            print(json.dumps({"line": number, **score.as_dict(form.width)}))
        else:
            print(score.text(form.text_width, form.score_only))


def print_scores(
    scores: Sequence[MetricScore], buckets: Sequence[Bucket], lines: int, form: Form
) -> None:
    """All scores of a text of so many lines, then BLEU by length if there are buckets."""
    if form.as_json:
        report = {"lines": lines, "scores": [score.as_dict(form.width) for score in scores]}
        if buckets:
            report["by_length"] = [_bucket_values(bucket, form.width) for bucket in buckets]
        print(json.dumps(report, indent=1))
        return
    _print_lines(scores, form)
    if not buckets:
        return
    rows = [_row(bucket, form.text_width) for bucket in buckets]
    if sys.stdout.isatty():
        _print_rich_table(rows)
    else:
        _print_plain_table(rows)


def _print_lines(scores: Sequence[MetricScore], form: Form) -> None:
    """One line for each score, with the equals signs below each other as sacrebleu has them."""
    lines = [score.text(form.text_width, form.score_only) for score in scores]
    if not form.score_only:
        margin = max(line.index(" = ") for line in lines)
        lines = [" " * (margin - line.index(" = ")) + line for line in lines]
    print("\n".join(lines))


def _bucket_values(bucket: Bucket, width: int | None) -> dict:
    values = asdict(bucket)
    if width is not None and bucket.score is not None:
        values["score"] = float(f"{bucket.score:.{width}f}")
    return values


_HEADINGS = ("words", "sentences", "BLEU")


def _row(bucket: Bucket, width: int) -> tuple[str, str, str]:
    score = "-" if bucket.score is None else f"{bucket.score:.{width}f}"
    return bucket.label, str(bucket.count), score


def _print_rich_table(rows: Sequence[tuple[str, str, str]]) -> None:
    from rich.console import Console  # a pipe does without it
    from rich.table import Table

    table = Table()
    for heading, side in zip(_HEADINGS, ("left", "right", "right")):
        table.add_column(heading, justify=side)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _print_plain_table(rows: Sequence[tuple[str, str, str]]) -> None:
    table = [_HEADINGS, *rows]
    label, count, score = (max(len(row[n]) for row in table) for n in range(3))
    for row in table:
        print(f"{row[0]:<{label}}  {row[1]:>{count}}  {row[2]:>{score}}")
