"""The protocols that whatever runs a model fulfils, and what a search takes and gives.

`StepEngine` gives the next tokens of hypotheses, `ScoringEngine` looks at given translations, and
`SearchEngine` finds translations. `nmtcli.decoding.search.StepwiseSearch` makes the last of the
first.

Letters: B sentences, S source positions, T target positions, K beam, R rows in flight (B at the
first step, then one for each live hypothesis), V vocabulary. Arrays are NumPy; the state is the
engine's own and opaque.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np


class Sentence(NamedTuple):
    """What is translated as a whole.

    ids: its token ids, without EOS.
    prefix: the token ids that its translation begins with.
    place: numbers, 0 or more, that name its place in the input; samples are drawn by it.
    """

    ids: Sequence[int]
    prefix: Sequence[int] = ()
    place: Sequence[int] = ()


class Hypothesis(NamedTuple):
    """A finished translation.

    ids: its token ids, without BOS and EOS.
    log_prob: sum of the tokens' log-probabilities, EOS included; natural logarithm.
    score: what hypotheses are ranked by, of `nmtcli.decoding.scoring`.
    attention: (T, S) float32, one row for each token and one for EOS; zeros without attention.
    """

    ids: list[int]
    log_prob: float
    score: float
    attention: np.ndarray


NBests = list[list[Hypothesis]]  # of each sentence its translations, best first


class StepResult(NamedTuple):
    """One step of R rows.

    log_probs: (R, k) float32, the k most probable next tokens of each row, best first; or all V
        in the order of their ids.
    ids: (R, k) int32, these tokens.
    attention: (R, S) float32, weights over the source at this step; zeros without attention.
    state: to be given to the next step.
    """

    log_probs: np.ndarray
    ids: np.ndarray
    attention: np.ndarray
    state: Any


def all_ids(rows: int, size: int) -> np.ndarray:
    """(R, V) int32, the ids of a step of all tokens; not to be written to."""
    return np.broadcast_to(np.arange(size, dtype=np.int32), (rows, size))


class BeamSteps(NamedTuple):
    """What each of T steps of a beam search chose, of B sentences that all stay in the batch.

    sums: (T, B, K), log-probabilities of the best K continuations, ended ones among them; -inf or
        0 where there is none.
    ids, origins: (T, B, K) int32: their tokens, and which of the K hypotheses they continue.
    living_ids, living_origins: (T, B, K) int32, the same of the best K that do not end.
    attention: (T, B, K, S) float32, of the K hypotheses that are continued; None if it is not kept.
    """

    sums: np.ndarray
    ids: np.ndarray
    origins: np.ndarray
    living_ids: np.ndarray
    living_origins: np.ndarray
    attention: np.ndarray | None = None


class StepEngine(Protocol):
    """Encodes sentences, and then gives the next tokens of their hypotheses step by step.

    Attributes:
        vocabulary_size: V.
        has_attention: the attention of a step is more than zeros.
        has_window: attention is local: weights outside a window are exactly 0.
        parallel: how many searches may run at once, each in a thread of its own.
        batch_tokens: rows x source positions of a batch with which the engine is fast.
        run_beam: runs all steps of a beam search in one call, or None. Its arguments are
            `source_ids`, the beam and `max_lengths` (B,), EOS counted. Such a search has no other
            constraints than the length.
    """

    vocabulary_size: int
    has_attention: bool
    has_window: bool
    parallel: int
    batch_tokens: int
    run_beam: Callable[[np.ndarray, int, np.ndarray], BeamSteps] | None

    def start(self, source_ids: np.ndarray) -> Any:
        """Encode. `source_ids`: (B, S) int32, each row ends with EOS and is padded with PAD."""

    def step(
        self, state: Any, parents: np.ndarray, previous_ids: np.ndarray, k: int | None
    ) -> StepResult:
        """Row r continues row `parents[r]` of `state`, whose last token is `previous_ids[r]`.

        Args:
            parents: (R,) int32; may repeat, drop and reorder rows.
            previous_ids: (R,) int32; BOS at the first step.
            k: how many of the best next tokens to return, at most V; None: all, in the order of
                their ids, which takes no sorting.
        """


class ScoringEngine(Protocol):
    """Says what the model thinks of given translations.

    Attributes: as of `StepEngine`.
    """

    has_attention: bool
    has_window: bool
    batch_tokens: int

    def score(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        """log p(target_ids[b, t] | source, earlier tokens): (B, T) float32, 0 at PAD.

        `target_ids`: (B, T) int32, each row ends with EOS and is padded with PAD.
        """

    def align(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        """Attention that predicts target_ids[b, t] from the tokens before: (B, T, S) float32.

        The arguments are those of `score`; the result is zeros without attention.
        """


class Engine(StepEngine, ScoringEngine, Protocol):
    """Runs a model: it steps, and it scores."""


class SearchEngine(Protocol):
    """Finds translations.

    Attributes: as of `StepEngine`.
    """

    has_attention: bool
    has_window: bool
    parallel: int
    batch_tokens: int

    def check(self, options: Any) -> None:
        """Refuse options that the engine does not have.

        Args:
            options: a `SearchConfig`.

        Raises:
            UsageError: names the option.
        """

    def search(self, batch: Sequence[Sentence], options: Any) -> NBests:
        """The n-best list of each sentence; attention may be padded to the longest source."""
