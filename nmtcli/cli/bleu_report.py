"""The output of `nmt bleu` for one system: sacrebleu's lines, or JSON."""

import json
from collections.abc import Iterable, Sequence

from nmtcli.cli.options import flag, group, switch
from nmtcli.metrics.sacrebleu_scores import MetricScore


@group
class Form:
    """The options for printing scores."""

    width: int | None = flag(
        "Print this many decimals; the default is 1 in text and 10 in JSON.",
        "-w",
        minimum=0,
        maximum=17,
    )
    score_only: bool = switch("Print only the score.", "-b")
    sentence_level: bool = switch("Print a score for each line.", "-sl")
    as_json: bool = switch("Print JSON; with --sentence-level, an object for each line.", "--json")

    @property
    def text_width(self) -> int:
        return 1 if self.width is None else self.width

    @property
    def json_width(self) -> int:
        return 10 if self.width is None else self.width  # more are noise: 100.00000000000004


def print_sentences(scores: Iterable[MetricScore], form: Form) -> None:
    """Print a score, or a JSON object, for each line."""
    for number, score in enumerate(scores, start=1):
        if form.as_json:
            print(json.dumps({"line": number, **score.as_dict(form.json_width)}))
        else:
            print(score.text(form.text_width, form.score_only))


def print_scores(scores: Sequence[MetricScore], lines: int, form: Form) -> None:
    """Print all scores of a text with this number of lines."""
    if form.as_json:
        report = {"lines": lines, "scores": [score.as_dict(form.json_width) for score in scores]}
        print(json.dumps(report, indent=1))
    else:
        print_score_lines(scores, form)


def print_score_lines(scores: Sequence[MetricScore], form: Form) -> None:
    """Print a line for each score, with aligned equals signs as in sacrebleu."""
    lines = [score.text(form.text_width, form.score_only) for score in scores]
    if not form.score_only:
        margin = max(line.index(" = ") for line in lines)
        lines = [" " * (margin - line.index(" = ")) + line for line in lines]
    print("\n".join(lines))
