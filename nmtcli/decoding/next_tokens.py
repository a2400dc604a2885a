"""The tokens that may follow each hypothesis of a running batch, and how the batch shrinks.

Letters as in `nmtcli.decoding.engine`; N sentences in the running batch, W rows of each.

All searches look through the same space: every sequence of tokens that ends with EOS, has at most
`max_length` tokens, EOS counted, and keeps to `nmtcli.decoding.constraints`. So at the last
position nothing but EOS may follow, and a translation that was cut there still has an honest
probability, the one that `nmt score` gives it; so has one whose beginning was forced. PAD, UNK and
BOS are never chosen. An engine ranks all V tokens, so a search that needs the best n asks for n + 3
and drops these three, and for m more where up to m tokens of a row would repeat an n-gram; where a
token is forced it asks for all V, because that token may rank anywhere.
"""

from typing import Any, NamedTuple

import numpy as np

from nmtcli.decoding.constraints import FREE, repeating_tokens
from nmtcli.decoding.engine import StepEngine, StepResult
from nmtcli.errors import NmtError
from nmtcli.text.special_tokens import BOS_ID, PAD_ID, UNK_ID

NEVER_PRODUCED = (PAD_ID, UNK_ID, BOS_ID)
# Instead of -inf, so that a live hypothesis (finite) and an empty slot (-inf) stay apart.
SMALLEST_LOG_PROB = -1e30


class SearchState(NamedTuple):
    """What a step goes on from.

    engine: the engine's own state.
    tokens: (R, T) the tokens so far of each row, BOS first; None where no n-gram is forbidden.
    """

    engine: Any
    tokens: np.ndarray | None


class NextTokens(NamedTuple):
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


def start(engine: StepEngine, source_ids: np.ndarray, no_repeat_ngram: int = 0) -> SearchState:
    """The state before the first step, of one row for each sentence."""
    tokens = np.zeros((len(source_ids), 0), dtype=np.int32) if no_repeat_ngram else None
    return SearchState(engine.start(source_ids), tokens)


def next_tokens(
    engine: StepEngine,
    state: SearchState,
    parents: np.ndarray,
    previous_ids: np.ndarray,
    k: int,
    forced: np.ndarray,
    no_repeat_ngram: int = 0,
) -> NextTokens:
    """One step of the engine, without the tokens that may not follow.

    Args:
        state: of `start` or the step before.
        parents: (R,) as in `StepEngine.step`.
        previous_ids: (R,) as in `StepEngine.step`.
        k: how many tokens of each row are needed.
        forced: (R,) the only token that may follow, or `FREE`.
        no_repeat_ngram: as in `Constraints`.

    Raises:
        NmtError: the model's probabilities are not numbers.
    """
    size, width, tokens, banned = engine.vocabulary_size, k + len(NEVER_PRODUCED), None, None
    if no_repeat_ngram:
        tokens = np.concatenate([state.tokens[parents], previous_ids[:, None]], axis=1)
        banned = repeating_tokens(tokens, no_repeat_ngram)
        width += _next_power_of_two(int((banned != FREE).sum(axis=1).max(initial=0)))
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
    never = np.logical_or.reduce([ids == token for token in NEVER_PRODUCED])
    log_probs = np.where(never, -np.inf, all_log_probs[:, :width])
    if banned is not None:
        log_probs[_is_among(banned, ids, size)] = -np.inf
    if len(rows):
        ids = ids.copy()
        columns = _columns_of(forced[rows], all_ids[rows])
        log_probs[rows], ids[rows, 0] = -np.inf, forced[rows]
        log_probs[rows, 0] = all_log_probs[rows, columns]
    attention = np.asarray(step.attention, dtype=np.float32)
    return NextTokens(log_probs, ids, attention, SearchState(step.state, tokens))


def _columns_of(tokens: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(R,) where in `ids` (R, V) each row's token (R,) stands."""
    found = ids == tokens[:, None]
    if not found.any(axis=1).all():
        raise ValueError("the engine does not rank a token that is forced")
    return found.argmax(axis=1)


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


def _next_power_of_two(count: int) -> int:
    """At least `count`; 0 of 0. An engine that compiles for each k so sees few of them."""
    return 1 << (count - 1).bit_length() if count else 0


def _is_among(banned: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
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
