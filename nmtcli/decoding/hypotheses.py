"""What the searches share: their result, the pieces they may choose from, and how a batch shrinks.

Letters as in `nmtcli.decoding.engine`; N sentences in the running batch, W rows of each.

All searches look through the same space: every sequence of pieces that ends with EOS, has at most
`max_length` pieces, EOS counted, and keeps to what `nmtcli.decoding.constraints` says. So at the
last position nothing but EOS may follow, and a translation that was cut there still has an honest
probability, the one that `nmt score` gives it; so has one whose beginning was forced. PAD, UNK and
BOS are never chosen. An engine ranks all V pieces, so a search that wants the best n asks for n + 3
and drops these three, and for m more where up to m pieces of a row would repeat an n-gram; where a
piece is forced it asks for all V, because that piece may rank anywhere.
"""

from typing import Any, NamedTuple

import numpy as np

from nmtcli.decoding.constraints import FREE, repeating_pieces
from nmtcli.decoding.engine import Engine, StepResult
from nmtcli.errors import NmtError
from nmtcli.text.special_tokens import BOS_ID, PAD_ID, UNK_ID

NEVER_PRODUCED = (PAD_ID, UNK_ID, BOS_ID)
# Instead of -inf, so that a live hypothesis (finite) and an empty slot (-inf) stay apart.
SMALLEST_LOG_PROB = -1e30


class Hypothesis(NamedTuple):
    """A finished translation.

    ids: the pieces, without BOS and EOS.
    log_prob: sum of the pieces' log-probabilities, EOS included; natural logarithm.
    score: what hypotheses are ranked by, of `nmtcli.decoding.scoring`.
    attention: (T, S) float32, one row for each piece and one for EOS; zeros without attention.
    """

    ids: list[int]
    log_prob: float
    score: float
    attention: np.ndarray


class SearchState(NamedTuple):
    """What a step goes on from.

    engine: the engine's own state.
    pieces: (R, T) the pieces so far of each row, BOS first; None where nobody looks at them.
    """

    engine: Any
    pieces: np.ndarray | None


class NextPieces(NamedTuple):
    """What may follow each row, best first; -inf marks what may not.

    log_probs: (R, n) float64.
    ids: (R, n) int32.
    attention: (R, S) float32.
    state: to be given to the next step.
    """

    log_probs: np.ndarray
    ids: np.ndarray
    attention: np.ndarray
    state: SearchState


def start(engine: Engine, source_ids: np.ndarray, no_repeat_ngram: int = 0) -> SearchState:
    """The state before the first step, of one row for each sentence."""
    pieces = np.zeros((len(source_ids), 0), dtype=np.int32) if no_repeat_ngram else None
    return SearchState(engine.start(source_ids), pieces)


def next_pieces(
    engine: Engine,
    state: SearchState,
    parents: np.ndarray,
    previous_ids: np.ndarray,
    wanted: int,
    forced: np.ndarray,
    no_repeat_ngram: int = 0,
) -> NextPieces:
    """One step of the engine, without the pieces that may not follow.

    Args:
        state: of `start` or the step before.
        parents: (R,) as in `Engine.step`.
        previous_ids: (R,) as in `Engine.step`.
        wanted: how many pieces of each row are needed.
        forced: (R,) the only piece that may follow, or `FREE`.
        no_repeat_ngram: as in `Space`.

    Raises:
        NmtError: the model's probabilities are not numbers.
    """
    size, width, pieces, banned = engine.vocabulary_size, wanted + len(NEVER_PRODUCED), None, None
    if no_repeat_ngram:
        pieces = np.concatenate([state.pieces[parents], previous_ids[:, None]], axis=1)
        banned = repeating_pieces(pieces, no_repeat_ngram)
        width += _few_sizes(int((banned != FREE).sum(axis=1).max(initial=0)))
    width = min(width, size)
    rows = np.flatnonzero(forced != FREE)
    step = engine.step(
        state.engine,
        parents.astype(np.int32),
        previous_ids.astype(np.int32),
        size if len(rows) else width,
    )
    all_log_probs, all_ids = _checked(step)
    ids = all_ids[:, :width]
    never = np.logical_or.reduce([ids == piece for piece in NEVER_PRODUCED])
    log_probs = np.where(never, -np.inf, all_log_probs[:, :width])
    if banned is not None:
        log_probs[_among(banned, ids, size)] = -np.inf
    if len(rows):
        is_forced = all_ids[rows] == forced[rows, None]
        if not is_forced.any(axis=1).all():
            raise ValueError("the engine does not rank a piece that is forced")
        place = is_forced.argmax(axis=1)
        log_probs[rows], ids = -np.inf, ids.copy()
        log_probs[rows, 0], ids[rows, 0] = all_log_probs[rows, place], forced[rows]
    attention = np.asarray(step.attention, dtype=np.float32)
    return NextPieces(log_probs, ids, attention, SearchState(step.state, pieces))


def _checked(step: StepResult) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities, finite, float64, and ids of a step."""
    log_probs = np.asarray(step.log_probs, dtype=np.float64)
    check_numbers(log_probs)
    return np.maximum(log_probs, SMALLEST_LOG_PROB), np.asarray(step.ids, dtype=np.int32)


def check_numbers(log_probs: np.ndarray) -> None:
    """
    Raises:
        NmtError: one is not a number.
    """
    if np.isnan(log_probs).any():
        raise NmtError(
            "the model's probabilities are not numbers (NaN): its training diverged;"
            " use an earlier checkpoint"
        )


def _few_sizes(count: int) -> int:
    """The next power of two, so that an engine that compiles for each k sees few; 0 of 0."""
    return 1 << (count - 1).bit_length() if count else 0


def _among(banned: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
    """(R, n) bool: is ids[r, i] in banned[r]? `FREE` in `banned` is nothing."""
    table = np.zeros((len(ids), size + 1), dtype=bool)  # FREE, -1, is the last column
    np.put_along_axis(table, banned, True, axis=1)
    return np.take_along_axis(table, ids, axis=1)


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
