"""How sure a score is: sacrebleu's bootstrap, for a text or any part of it.

Koehn (2004), "Statistical Significance Tests for Machine Translation Evaluation", ACL Anthology
W04-3250. A resample draws as many sentences as the text has, with replacement; the interval holds
the middle 95 % of the resamples' scores. The draws are those of sacrebleu: from its seed, the
environment variable SACREBLEU_SEED (12345 if not set, `none` for another one each time).
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from nmtcli.errors import UsageError
from nmtcli.metrics.sacrebleu_scores import MetricOptions, MetricScore, sacrebleu_metric, stripped

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric, Score

LEAST_SAMPLES = 40  # of fewer, none lies outside the middle 95 %
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
    """What each sentence of a translation adds to its corpus score: counted once, summed at will.

    `count_statistics` makes them. Here, and only here, stand sacrebleu's methods that have no
    public name; the tests compare what comes out with what its public ones return.

    Args:
        metric: sacrebleu's object, with the references' n-grams in it.
        hypotheses: lines, as many as each reference has.
    """

    def __init__(self, metric: "Metric", hypotheses: Sequence[str]):
        self._metric = metric
        self._rows = metric._extract_corpus_statistics(hypotheses, None)

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self._rows)

    def score(self, chosen: Sequence[int] | None = None, samples: int = 0) -> MetricScore:
        """Corpus score of all sentences, or of those chosen.

        Args:
            chosen: numbers of sentences, from 0, at least one.
            samples: resamples for the interval; 0 leaves it out.

        Returns:
            The score. There is no interval of a single sentence: every resample is that sentence,
            which would look as if the score were certain.

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
        """The scores that sacrebleu's bootstrap has for these rows, with less memory."""
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
    references: Sequence[Sequence[str]],
    systems: Sequence[Sequence[str]],
    options: MetricOptions,
) -> list[SentenceStatistics]:
    """Statistics of each system's lines; the references' n-grams are counted once for all systems.

    Args:
        references: one list of lines for each reference.
        systems: one list of lines for each system; all lists are equally long.
        options: which metric, and how.

    Raises:
        UsageError: nothing to score, unequal lengths, or a tokenizer's package is missing.
    """
    metric, texts = prepare(references, systems, options)
    return [SentenceStatistics(metric, lines) for lines in texts]


def bootstrap_seed() -> int | None:
    """sacrebleu's seed; None when SACREBLEU_SEED is `none`, that is another one each time.

    Raises:
        UsageError: it is something else than a whole number from 0, or `none`.
    """
    text = os.environ.get("SACREBLEU_SEED", "12345")
    if text.lower() == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"SACREBLEU_SEED must be a whole number or none, not '{text}'")
    return int(text)


def rounded(value: float, width: int | None) -> float:
    """The value with `width` decimals, or as it is if that is None."""
    return value if width is None else float(f"{value:.{width}f}")


def prepare(
    references: Sequence[Sequence[str]],
    systems: Sequence[Sequence[str]],
    options: MetricOptions,
) -> "tuple[Metric, list[list[str]]]":
    """sacrebleu's object that holds the references, and the checked lines of the systems."""
    texts = [stripped(references, lines)[1] for lines in systems]
    metric = sacrebleu_metric(options, references=stripped(references, systems[0])[0])
    return metric, texts


def _interval(scores: Sequence[float]) -> Interval:
    import numpy as np
    from sacrebleu.significance import estimate_ci

    mean, half_width = estimate_ci(np.array(scores))
    ordered = sorted(scores)
    outside = len(ordered) // 40  # on each side
    low, high = ordered[outside], ordered[len(ordered) - outside - 1]
    return Interval(float(mean), float(half_width), float(low), float(high))
