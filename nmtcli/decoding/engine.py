"""What a search asks of whatever runs the model.

Letters: B sentences, S source positions, K beam, R rows in flight (B at the first step, then one
for each live hypothesis), V vocabulary. Arrays are NumPy; the state is the engine's own and opaque.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np


class StepResult(NamedTuple):
    """One step of R rows.

    log_probs: (R, k) float32, the k most probable next pieces of each row, best first; or all V
        in the order of their ids.
    ids: (R, k) int32, these pieces.
    attention: (R, S) float32, weights over the source at this step; zeros without attention.
    state: to be given to the next step.
    """

    log_probs: np.ndarray
    ids: np.ndarray
    attention: np.ndarray
    state: Any


def all_ids(rows: int, size: int) -> np.ndarray:
    """(R, V) int32, the ids of a step of all pieces; not to be written to."""
    return np.broadcast_to(np.arange(size, dtype=np.int32), (rows, size))


class BeamSteps(NamedTuple):
    """What each of T steps of a beam search chose, of B sentences that all stay in the batch.

    sums: (T, B, K), log-probabilities of the best K continuations, ended ones among them; -inf or
        0 where there is none.
    ids, origins: (T, B, K) int32: their pieces, and which of the K hypotheses they continue.
    living_ids, living_origins: (T, B, K) int32, the same of the best K that do not end.
    attention: (T, B, K, S) float32, of the K hypotheses that are continued.
    """

    sums: np.ndarray
    ids: np.ndarray
    origins: np.ndarray
    living_ids: np.ndarray
    living_origins: np.ndarray
    attention: np.ndarray


class Engine(Protocol):
    """Runs the two halves of a model, and scores given translations.

    An engine may have more: `steps_in_one_piece` and `searches_by_itself` tell of it.
    """

    vocabulary_size: int
    has_attention: bool
    parallel: int  # how many searches may run at once, each in a thread of its own
    batch_tokens: int  # rows x source positions of a batch with which it is fast
    has_window: bool  # attention is local: weights outside a window are exactly 0

    def start(self, source_ids: np.ndarray) -> Any:
        """Encode. `source_ids`: (B, S) int32, each row ends with EOS and is padded with PAD."""

    def step(
        self, state: Any, parents: np.ndarray, previous_ids: np.ndarray, k: int | None
    ) -> StepResult:
        """Row r goes on from row `parents[r]` of `state`, having just produced `previous_ids[r]`.

        Args:
            parents: (R,) int32; may repeat, drop and reorder rows.
            previous_ids: (R,) int32; BOS at the first step.
            k: how many of the best next pieces to return, at most V; None: all, in the order of
                their ids, which takes no sorting.
        """

    def score(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        """log p(target_ids[b, t] | source, earlier pieces): (B, T) float32, 0 at PAD.

        `target_ids`: (B, T) int32, each row ends with EOS and is padded with PAD.
        """

    def align(self, source_ids: np.ndarray, target_ids: np.ndarray) -> np.ndarray:
        """Attention that predicts target_ids[b, t] from the pieces before: (B, T, S) float32.

        Arguments as of `score`; zeros without attention.
        """


def steps_in_one_piece(engine: Engine) -> Callable[..., BeamSteps] | None:
    """What runs all steps of a beam search at once, if the engine has it.

    It is called with `source_ids`, the beam and (B,) most pieces of each translation, EOS counted;
    nothing is forced, and n-grams may repeat.
    """
    return getattr(engine, "run_beam", None)


def searches_by_itself(engine: Engine) -> bool:
    """The engine has a search of its own and no steps: `check(options)` refuses what that cannot,
    `search(batch, options)` returns the n-best list of each sentence.
    """
    return hasattr(engine, "search")
