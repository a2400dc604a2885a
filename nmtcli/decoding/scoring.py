"""The score that compares finished hypotheses of different lengths."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# A source position without any attention, such as one outside a window, counts as this much:
# otherwise the logarithm of 0 would make all such hypotheses equal.
LEAST_COVERAGE = 1e-6


def normalised(log_prob: float, length: int, length_penalty: float, kind: str = "average") -> float:
    """Normalise a log-probability by length, so that short hypotheses have no advantage.

        average  log_prob / |Y|**a
        gnmt     log_prob / ((5 + |Y|) / 6)**a      Wu et al. (2016), arXiv:1609.08144, eq. 14
        reward   log_prob + a * |Y|                 Murray and Chiang (2018), arXiv:1808.10006

    Args:
        length: |Y|, including EOS.
        length_penalty: a.
        kind: `average`, `gnmt` or `reward`.
    """
    if kind == "reward":
        return log_prob + length_penalty * length
    if kind == "gnmt":
        return log_prob / ((5 + length) / 6) ** length_penalty
    return log_prob / length**length_penalty


def coverage(attention: np.ndarray) -> float:
    """Compute how much of the source was attended to: 0 for all of it, otherwise below 0.

        sum_s log(min(sum_t a[t, s], 1))

    Reference: Wu et al. (2016), arXiv:1609.08144, section 7, eq. 14, cp(X; Y) without beta.

    Args:
        attention: (T, S) over the real source positions only, including EOS; T includes EOS too.
    """
    covered = np.clip(attention.sum(axis=0, dtype=np.float64), LEAST_COVERAGE, 1.0)
    return float(np.log(covered).sum())


class Scoring(NamedTuple):
    """How a finished hypothesis is scored.

    length_penalty: a, the exponent of the length or the reward for each token.
    kind: see `normalised`.
    coverage_penalty: beta, the weight of `coverage`; 0 switches it off.
    """

    length_penalty: float = 1.0
    kind: str = "average"
    coverage_penalty: float = 0.0

    @classmethod
    def of(cls, scoring: "Scoring | float") -> "Scoring":
        """Make a scoring from a scoring, or from a number, the length penalty."""
        return scoring if isinstance(scoring, Scoring) else cls(float(scoring))

    @classmethod
    def from_options(cls, options: Any) -> "Scoring":
        """Make the scoring that a `SearchConfig` describes."""
        return cls(options.length_penalty, options.length_penalty_kind, options.coverage_penalty)

    def score(self, log_prob: float, length: int, attentions: Sequence[np.ndarray] = ()) -> float:
        """Compute the score of a hypothesis, or of several that make up one line.

        Args:
            log_prob: the sum over all of them.
            length: the sum over all of them, each including EOS.
            attentions: one for each, see `coverage`; not needed without a coverage penalty.
        """
        score = normalised(log_prob, length, self.length_penalty, self.kind)
        if self.coverage_penalty:
            score += self.coverage_penalty * sum(map(coverage, attentions))
        return score
