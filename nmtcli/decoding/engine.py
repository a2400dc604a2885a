"""The protocols of engines, which run models, and the inputs and results of a search.

A `StepEngine` computes the next tokens of hypotheses, a `ScoringEngine` scores given translations,
and a `SearchEngine` finds translations. `nmtcli.decoding.search.StepwiseSearch` turns a
`StepEngine` into a `SearchEngine`.

Letters: B sentences, S source positions, T target positions, K beam, R rows of the running batch
(B at the first step, then one for each live hypothesis), V vocabulary. Arrays are NumPy arrays;
the state is opaque, only the engine reads it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np


class Sentence(NamedTuple):
    """A sentence to translate.

    ids: its token ids, without EOS.
    prefix: the token ids that its translation must begin with.
    place: numbers, 0 or more, that name its place in the input; they seed the sampling.
    """

    ids: Sequence[int]
    prefix: Sequence[int] = ()
    place: Sequence[int] = ()


class Hypothesis(NamedTuple):
    """A finished translation.

    ids: its token ids, without BOS and EOS.
    log_prob: the sum of the tokens' log-probabilities, including EOS; natural logarithm.
    score: the number that hypotheses are ranked by; see `nmtcli.decoding.scoring`.
    attention: (T, S) float32, one row for each token and one for EOS; zeros without attention.
    """

    ids: list[int]
    log_prob: float
    score: float
    attention: np.ndarray


NBests = list[list[Hypothesis]]  # the translations of each sentence, best first


class StepResult(NamedTuple):
    """The result of one step for R rows.

    log_probs: (R, k) float32, log-probabilities of the k most probable next tokens of each row,
        best first; or of all V tokens in the order of their ids.
    ids: (R, k) int32, these tokens.
    attention: (R, S) float32, weights over the source at this step; zeros without attention.
    state: the input of the next step.
    """

    log_probs: np.ndarray
    ids: np.ndarray
    attention: np.ndarray
    state: Any


def all_ids(rows: int, size: int) -> np.ndarray:
    """Return the ids of a step that returns all tokens, (R, V) int32; the array is read-only."""
    return np.broadcast_to(np.arange(size, dtype=np.int32), (rows, size))


class BeamSteps(NamedTuple):
    """The choices of each of T steps of a beam search; all B sentences stay in the batch.

    sums: (T, B, K), log-probabilities of the best K continuations, including ended ones; -inf or
        0 at empty places.
    ids, origins: (T, B, K) int32: their tokens, and which of the K hypotheses they continue.
    living_ids, living_origins: (T, B, K) int32, the same for the best K that do not end.
    attention: (T, B, K, S) float32, for the K continued hypotheses; None if it is not kept.
    """

    sums: np.ndarray
    ids: np.ndarray
    origins: np.ndarray
    living_ids: np.ndarray
    living_origins: np.ndarray
    attention: np.ndarray | None = None


class StepEngine(Protocol):
    """Encodes sentences, then computes the next tokens of their hypotheses step by step.

    Attributes:
        vocabulary_size: V.
        has_attention: whether the model has attention; if not, the steps return zeros.
        has_window: whether attention is local: weights outside a window are exactly 0.
        parallel: how many searches may run at once, each in its own thread.
        batch_tokens: the batch size, in rows x source positions, at which the engine is fast.
        run_beam: a function that runs all steps of a beam search in one call, or None. Its
            arguments are `source_ids`, the beam and `max_lengths` (B,), including EOS. Such a
            search has no constraints but the length.
    """

    vocabulary_size: int
    has_attention: bool
    has_window: bool
    parallel: int
    batch_tokens: int
    run_beam: Callable[[np.ndarray, int, np.ndarray], BeamSteps] | None

    def start(self, source_ids: np.ndarray) -> Any:
        """Encode `source_ids`: (B, S) int32, each row ends with EOS and is padded with PAD."""

    def step(
        self, state: Any, parents: np.ndarray, previous_ids: np.ndarray, k: int | None
    ) -> StepResult:
        """Compute the next tokens; row r continues row `parents[r]` with `previous_ids[r]`.

        Args:
            parents: (R,) int32, rows of `state`; they may repeat, drop and reorder rows.
            previous_ids: (R,) int32; BOS at the first step.
            k: how many of the best next tokens to return, at most V; None returns all in the
                order of their ids, without sorting.
        """


class ScoringEngine(Protocol):
    """Computes the probabilities and the attention of given translations.

    Attributes: see `StepEngine`.
    """

    has_attention: bool
    has_window: bool
    batch_tokens: int

    def score(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        """Compute log p(target_ids[b, t] | source, earlier tokens): (B, T) float32, 0 at PAD.

        `target_ids`: (B, T) int32, each row ends with EOS and is padded with PAD.
        """

    def align(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        """Compute the attention that predicts target_ids[b, t]: (B, T, S) float32.

        For the arguments see `score`; without attention the result is zeros.
        """


class Engine(StepEngine, ScoringEngine, Protocol):
    """A `StepEngine` that is also a `ScoringEngine`."""


class SearchEngine(Protocol):
    """Finds the translations of sentences.

    Attributes: see `StepEngine`.
    """

    has_attention: bool
    has_window: bool
    parallel: int
    batch_tokens: int

    def check(self, options: Any) -> None:
        """Check that the engine supports the options.

        Args:
            options: a `SearchConfig`.

        Raises:
            UsageError: an option is not supported; the message names it.
        """

    def search(self, batch: Sequence[Sentence], options: Any) -> NBests:
        """Find each sentence's n-best list; attention may be padded to the longest source."""
