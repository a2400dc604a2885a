"""The score that finished hypotheses of different lengths are compared by."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# A source position that got no attention at all, as outside a window, counts as this little of it:
# the logarithm of nothing would make all such hypotheses equal.
LEAST_COVERAGE = 1e-6


def normalised(log_prob: float, length: int, length_penalty: float, kind: str = "average") -> float:
    """A log-probability without the advantage of being short.

        average  log_prob / |Y|**a
        gnmt     log_prob / ((5 + |Y|) / 6)**a      Wu et al. (2016), arXiv:1609.08144, eq. 14
        reward   log_prob + a * |Y|                 Murray and Chiang (2018), arXiv:1808.10006

    Args:
        length: |Y|, EOS counted.
        length_penalty: a.
        kind: one of these names.
    """
    if kind == "reward":
        return log_prob + length_penalty * length
    if kind == "gnmt":
        return log_prob / ((5 + length) / 6) ** length_penalty
    return log_prob / length**length_penalty


def coverage(attention: np.ndarray) -> float:
    """How far the source was attended to: 0 if all of it was, else below.

        sum_s log(min(sum_t a[t, s], 1))

    Reference: Wu et al. (2016), arXiv:1609.08144, section 7, eq. 14, cp(X; Y) without beta.

    Args:
        attention: (T, S) over real source positions alone, EOS counted; a row for EOS is there.
    """
    covered = np.clip(attention.sum(axis=0, dtype=np.float64), LEAST_COVERAGE, 1.0)
    return float(np.log(covered).sum())


class Scoring(NamedTuple):
    """How a finished hypothesis is scored.

    length_penalty: a, exponent of the length or reward for a piece.
    kind: of `normalised`.
    coverage_penalty: beta, the weight of `coverage`; 0 leaves it out.
    """

    length_penalty: float = 1.0
    kind: str = "average"
    coverage_penalty: float = 0.0

    @classmethod
    def of(cls, scoring: "Scoring | float") -> "Scoring":
        """A number alone is the exponent."""
        return scoring if isinstance(scoring, Scoring) else cls(float(scoring))

    @classmethod
    def from_options(cls, options: Any) -> "Scoring":
        """The scoring that a `SearchConfig` asks for."""
        return cls(options.length_penalty, options.length_penalty_kind, options.coverage_penalty)

    def score(self, log_prob: float, length: int, attentions: Sequence[np.ndarray] = ()) -> float:
        """The score of a hypothesis, or of several that make up one line.

        Args:
            log_prob: of all of them together.
            length: of all of them together, each EOS counted.
            attentions: of each, as of `coverage`; not needed without a coverage penalty.
        """
        score = normalised(log_prob, length, self.length_penalty, self.kind)
        if self.coverage_penalty:
            score += self.coverage_penalty * sum(map(coverage, attentions))
        return score
