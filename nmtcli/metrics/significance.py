"""Significance test of the difference between systems: sacrebleu's paired bootstrap resampling.

Koehn (2004), "Statistical Significance Tests for Machine Translation Evaluation", ACL Anthology
W04-3250; the p-value is computed as in Riezler and Maxwell (2005), W05-0908.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nmtcli.errors import NmtError, UsageError
from nmtcli.metrics.bootstrap import bootstrap_seed
from nmtcli.metrics.sacrebleu_scores import MetricOptions, prepare, rounded


@dataclass(frozen=True)
class PairedScore:
    """A system's score in a paired test; `p_value` is None for the baseline.

    Attributes:
        name: the name of the metric, as in its signature.
        score: the corpus score.
        mean: the mean score of the resamples.
        half_width: half the width of the 95 % interval, as in `Interval`.
        p_value: the probability that chance alone makes a difference to the baseline this large.
        signature: sacrebleu's signature.
    """

    name: str
    score: float
    mean: float
    half_width: float
    p_value: float | None
    signature: str

    def as_dict(self, width: int | None = None) -> dict:
        """Return plain values for JSON; `width` rounds all but the p-value to so many decimals."""
        values = asdict(self)
        for name in ("score", "mean", "half_width"):
            values[name] = rounded(values[name], width)
        return values


def paired_bootstrap(
    references: Sequence[Sequence[str]],
    systems: Sequence[Sequence[str]],
    options: Sequence[MetricOptions],
    samples: int = 1000,
) -> list[list[PairedScore]]:
    """Compare systems with the first one: sacrebleu's paired bootstrap resampling.

    The null hypothesis is that a system and the baseline differ by chance only. If a system's lines
    equal the baseline's, the p-value is 1 here, but 1 / (samples + 1) in sacrebleu, since no
    resample has a difference above 0.

    Args:
        references: one list of lines for each reference.
        systems: one list of lines for each system, the baseline first; at least two.
        options: the metrics and their options.
        samples: the number of resamples.

    Returns:
        for each system, its score in each of `options`, in their order.

    Raises:
        UsageError: there are fewer than two systems or two lines, or an error of
            `count_statistics`.
        NmtError: the resamples do not fit into memory.
    """
    if len(systems) < 2:
        raise UsageError("a paired test compares systems; give at least two")
    if len(systems[0]) < 2:
        raise UsageError("a paired test needs at least two sentences, but there is only one")
    bootstrap_seed()  # refuses a wrong seed before sacrebleu reads it
    tested = [_test_metric(references, systems, one, samples) for one in options]
    return [list(scores) for scores in zip(*tested)]


def _test_metric(
    references: Sequence[Sequence[str]],
    systems: Sequence[Sequence[str]],
    options: MetricOptions,
    samples: int,
) -> list[PairedScore]:
    """Return the scores of all systems in one metric."""
    from sacrebleu.significance import PairedTest

    metric, texts = prepare(references, systems, options)
    named: list[tuple[str, Sequence[str]]] = [(str(n), lines) for n, lines in enumerate(texts)]
    try:
        test = PairedTest(named, {options.metric: metric}, None, test_type="bs", n_samples=samples)
        signatures, results = test()
    except MemoryError as error:
        raise NmtError(
            f"{samples} resamples of {len(texts[0])} lines do not fit in memory; lower --bootstrap"
        ) from error
    ((name, signature),) = signatures.items()
    scores = []
    found: Sequence[Any] = results[name]
    for lines, result in zip(texts, found):
        p_value = result.p_value
        if p_value is not None and lines == texts[0]:
            p_value = 1.0
        score, mean, half_width = map(float, (result.score, result.mean, result.ci))
        scores.append(PairedScore(name, score, mean, half_width, p_value, signature.format()))
    return scores
