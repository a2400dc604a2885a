"""Confidence intervals of scores: sacrebleu's bootstrap, for a text or any part of it.

Koehn (2004), "Statistical Significance Tests for Machine Translation Evaluation", ACL Anthology
W04-3250. A resample draws as many sentences as the text has, with replacement; the interval
contains the middle 95 % of the resamples' scores. The draws are those of sacrebleu, from the seed
in the environment variable SACREBLEU_SEED (default 12345; `none` for another seed each time).
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nmtcli.errors import UsageError
from nmtcli.metrics.sacrebleu_scores import MetricOptions, MetricScore, prepare, rounded

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric, Score

LEAST_SAMPLES = 40  # with fewer, no sample would lie outside the middle 95 %
_DRAWN_AT_ONCE = 2**20  # sentences; sacrebleu draws all at once, which fills memory on long texts


@dataclass(frozen=True)
class Interval:
    """A 95 % bootstrap interval of a score.

    Attributes:
        mean: mean score of the resamples.
        half_width: half the distance from `low` to `high`; sacrebleu prints mean ± half_width.
        low: the score that 2.5 % of the resamples lie below.
        high: the score that 2.5 % of the resamples lie above.
    """

    mean: float
    half_width: float
    low: float
    high: float

    def as_dict(self, width: int | None = None) -> dict[str, float]:
        """Plain values for JSON, rounded to `width` decimals if that is given."""
        return {name: rounded(value, width) for name, value in asdict(self).items()}


class SentenceStatistics:
    """The statistics of each sentence, from which the corpus score of any subset is computed.

    `count_statistics` makes them. Only this class uses private methods of sacrebleu; the tests
    compare the results with those of its public methods.

    Args:
        metric: sacrebleu's metric, which has the references.
        hypotheses: the lines of the system, as many as each reference has.
    """

    def __init__(self, metric: "Metric", hypotheses: Sequence[str]):
        self._metric = metric
        self._rows = metric._extract_corpus_statistics(hypotheses, None)

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self._rows)

    def score(self, chosen: Sequence[int] | None = None, samples: int = 0) -> MetricScore:
        """Return the corpus score of all sentences, or of the chosen ones.

        Args:
            chosen: the numbers of the sentences, from 0, at least one.
            samples: the number of resamples for the interval; 0 for no interval.

        Returns:
            the score. A single sentence has no interval, since all resamples would be equal and the
            score would seem certain.

        Raises:
            UsageError: SACREBLEU_SEED is not a number.
        """
        rows = self._rows if chosen is None else [self._rows[number] for number in chosen]
        raw = self._metric._aggregate_and_compute(rows)
        signature = self._metric.get_signature()
        interval = None
        if samples and len(rows) > 1:
            resampled = self._resampled(rows, samples)
            raw.estimate_ci(resampled)
            interval = _interval([score.score for score in resampled])
            signature.update("bs", samples)
            signature.update("seed", str(bootstrap_seed()).lower())
        return MetricScore(raw.name, float(raw.score), signature.format(), raw, interval)

    def _resampled(self, rows: list, samples: int) -> "list[Score]":
        """Return the resamples' scores as sacrebleu computes them, using less memory."""
        import numpy as np

        table = np.array(rows, dtype="float32")  # as in sacrebleu, for the same rounding
        generator = np.random.default_rng(bootstrap_seed())
        at_once = max(1, _DRAWN_AT_ONCE // len(rows))
        scores = []
        for first in range(0, samples, at_once):
            size = (min(at_once, samples - first), len(rows))
            for drawn in generator.choice(len(rows), size=size, replace=True):
                scores.append(self._metric._compute_score_from_stats(table[drawn].sum(0)))
        return scores


def count_statistics(
    references: Sequence[Sequence[str]], systems: Sequence[Sequence[str]], options: MetricOptions
) -> list[SentenceStatistics]:
    """Return the statistics of each system; the references' n-grams are counted only once.

    Args:
        references: one list of lines for each reference.
        systems: one list of lines for each system; all lists are equally long.
        options: the metric and its options.

    Raises:
        UsageError: there is nothing to score, the lengths differ, or a tokenizer's package is
            missing.
    """
    metric, texts = prepare(references, systems, options)
    return [SentenceStatistics(metric, lines) for lines in texts]


def bootstrap_seed() -> int | None:
    """Return sacrebleu's seed; None if SACREBLEU_SEED is `none`, for another seed each time.

    Raises:
        UsageError: SACREBLEU_SEED is neither a whole number of at least 0 nor `none`.
    """
    text = os.environ.get("SACREBLEU_SEED", "12345")
    if text.lower() == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"SACREBLEU_SEED must be a whole number or none, not '{text}'")
    return int(text)


def _interval(scores: Sequence[float]) -> Interval:
    import numpy as np
    from sacrebleu.significance import estimate_ci

    mean, half_width = estimate_ci(np.array(scores))
    ordered = sorted(scores)
    outside = len(ordered) // 40  # on each side
    low, high = ordered[outside], ordered[len(ordered) - outside - 1]
    return Interval(float(mean), float(half_width), float(low), float(high))
