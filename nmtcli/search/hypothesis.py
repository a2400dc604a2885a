"""What the searches share: their result, the pieces they may choose from, and how a batch shrinks.

Letters as in `nmtcli.search.interface`; N sentences in the running batch, W rows of each.

Both searches look through the same space: every sequence of pieces that ends with EOS and has at
most `max_length` pieces, EOS counted. So at the last position nothing but EOS may follow, and a
translation that was cut there still has an honest probability, the one that `nmt score` gives it.
PAD, UNK and BOS are never produced. An engine ranks all V pieces, so a search that wants the best
n asks for n + 3 and drops these three; at a sentence's last position it asks for all V, because
EOS may rank anywhere.
"""

from typing import Any, NamedTuple

import numpy as np

from nmtcli.errors import NmtError
from nmtcli.search.interface import Engine
from nmtcli.text.piece_ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID

NEVER_PRODUCED = (PAD_ID, UNK_ID, BOS_ID)
# Instead of -inf, so that a live hypothesis (finite) and an empty slot (-inf) stay apart.
SMALLEST_LOG_PROB = -1e30


class Hypothesis(NamedTuple):
    """A finished translation.

    ids: the pieces, without BOS and EOS.
    log_prob: sum of the pieces' log-probabilities, EOS included; natural logarithm.
    score: log_prob / length**length_penalty; the length counts EOS.
    attention: (T, S) float32, one row for each piece and one for EOS; zeros without attention.
    """

    ids: list[int]
    log_prob: float
    score: float
    attention: np.ndarray


class NextPieces(NamedTuple):
    """What may follow each row, best first; -inf marks what may not.

    log_probs: (R, n) float64.
    ids: (R, n) int32.
    attention: (R, S) float32.
    state: the engine's.
    """

    log_probs: np.ndarray
    ids: np.ndarray
    attention: np.ndarray
    state: Any


def normalised(log_prob: float, length: int, length_penalty: float) -> float:
    """The score that hypotheses of different lengths are compared by; `length` counts EOS."""
    return log_prob / length**length_penalty


def check_lengths(source_ids: np.ndarray, max_lengths: np.ndarray) -> np.ndarray:
    """`max_lengths` as (B,) integers.

    Raises:
        ValueError: it is not one positive number for each sentence.
    """
    lengths = np.asarray(max_lengths, dtype=np.int64)
    if lengths.shape != source_ids.shape[:1] or (lengths < 1).any():
        raise ValueError(f"max_lengths must be {len(source_ids)} positive numbers, not {lengths}")
    return lengths


def next_pieces(
    engine: Engine,
    state: Any,
    parents: np.ndarray,
    previous_ids: np.ndarray,
    wanted: int,
    last: np.ndarray,
) -> NextPieces:
    """One step of the engine, without the pieces that are never produced.

    Args:
        parents: (R,) as in `Engine.step`.
        previous_ids: (R,) as in `Engine.step`.
        wanted: how many pieces of each row are needed.
        last: (R,) bool, True where only EOS may follow.

    Raises:
        NmtError: the model's probabilities are not numbers.
    """
    size = engine.vocabulary_size
    width = min(wanted + len(NEVER_PRODUCED), size)
    step = engine.step(
        state,
        parents.astype(np.int32),
        previous_ids.astype(np.int32),
        size if last.any() else width,
    )
    log_probs = np.asarray(step.log_probs, dtype=np.float64)
    ids = np.asarray(step.ids, dtype=np.int32)
    if np.isnan(log_probs).any():
        raise NmtError(
            "the model's probabilities are not numbers (NaN): its training diverged;"
            " use an earlier checkpoint"
        )
    log_probs = np.maximum(log_probs, SMALLEST_LOG_PROB)
    if last.any():
        of_eos = log_probs[ids == EOS_ID]  # (R,): each row has all pieces, so EOS once
        log_probs, ids = log_probs[:, :width].copy(), ids[:, :width].copy()
        log_probs[last] = -np.inf
        log_probs[last, 0], ids[last, 0] = of_eos[last], EOS_ID
    log_probs = np.where(np.isin(ids, NEVER_PRODUCED), -np.inf, log_probs)
    return NextPieces(log_probs, ids, np.asarray(step.attention, dtype=np.float32), step.state)


def sentences_to_keep(done: np.ndarray) -> np.ndarray | None:
    """Which of the N sentences go on, once at most half of them are unfinished; else None.

    Their number is a power of two, filled up with finished ones, so that an engine that compiles
    sees few shapes.

    Args:
        done: (N,) bool.
    """
    active = np.flatnonzero(~done)
    if not len(active) or 2 * len(active) > len(done):
        return None
    rows = 1 << (len(active) - 1).bit_length()  # below 2 * active, so at most N
    return np.concatenate([active, np.flatnonzero(done)[: rows - len(active)]])
