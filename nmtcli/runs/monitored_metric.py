"""The monitored metric: the one rule for which validation of a run is the best."""

import math
from collections.abc import Mapping

TITLES = {"bleu": "BLEU", "chrf": "chrF", "perplexity": "perplexity"}


def monitored_metric(scores: Mapping, early_stopping: str) -> tuple[str, list[float]]:
    """The name of the metric that is monitored, and its value; higher is better.

    Args:
        scores: of a validation, by name, or its line of `metrics.jsonl`.
        early_stopping: the option `validation.early_stopping`. Perplexity replaces a metric that
            was not measured, as where nothing was translated; with `none`, which only says that
            the training does not stop early, BLEU is monitored.

    Returns:
        name, and value followed by what decides between equal ones. Perplexity counts negative.
    """
    perplexity = _measured(scores, "perplexity")
    confidence = -perplexity if perplexity else -math.inf
    name = "bleu" if early_stopping == "none" else early_stopping
    value = _measured(scores, name)
    if name == "perplexity" or value is None:
        return "perplexity", [confidence]
    return name, [value, confidence]


def is_better(value: list[float], best: list[float] | None) -> bool:
    """Whether a value of the monitored metric is above the best one so far, if there is one."""
    return best is None or value > best


def best_validation(metrics: list[dict], early_stopping: str) -> dict | None:
    """The best of the lines of a `metrics.jsonl`, the earliest among equals; None without any.

    An average of checkpoints counts only where the training found it better than all before.
    """

    def counts(line: dict) -> bool:
        kind = line.get("kind")
        return kind == "validation" or (kind == "average" and line.get("best", False))

    def value(line: dict) -> list[float]:
        return monitored_metric(line, early_stopping)[1]

    return max(filter(counts, metrics), key=value, default=None)


def _measured(scores: Mapping, name: str) -> float | None:
    value = scores.get(name)
    return value if isinstance(value, int | float) else None
