"""The next tokens allowed for each hypothesis of a running batch, and how the batch shrinks.

For the letters see `nmtcli.decoding.engine`; the running batch has N sentences of W rows each.

All searches have the same search space: every sequence of tokens that ends with EOS, has at most
`max_length` tokens including EOS, and satisfies `nmtcli.decoding.constraints`. So only EOS may
follow at the last position, and a translation that was cut there still has its true probability,
the one that `nmt score` computes. The same holds for a forced prefix. PAD, UNK and BOS are never
chosen. An engine ranks all V tokens, so a search that needs the best n asks for n + 3 and drops
these three. It asks for m more if up to m tokens of a row would repeat an n-gram, and for all V if
a token is forced, because that token may have any rank.
"""

from typing import Any, NamedTuple

import numpy as np

from nmtcli.decoding.constraints import FREE, repeating_tokens
from nmtcli.decoding.engine import StepEngine, StepResult
from nmtcli.errors import NmtError
from nmtcli.text.special_tokens import BOS_ID, PAD_ID, UNK_ID

NEVER_PRODUCED = (PAD_ID, UNK_ID, BOS_ID)
# Used instead of -inf, to keep a live hypothesis (finite) apart from an empty slot (-inf).
SMALLEST_LOG_PROB = -1e30


class SearchState(NamedTuple):
    """The state between two steps of a search.

    engine: the engine's own state.
    tokens: (R, T) the tokens of each row so far, BOS first; None if no n-gram is forbidden.
    """

    engine: Any
    tokens: np.ndarray | None


def start(engine: StepEngine, source_ids: np.ndarray, no_repeat_ngram: int = 0) -> SearchState:
    """Make the state before the first step, with one row for each sentence."""
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
) -> StepResult:
    """Run one step of the engine and remove the tokens that are not allowed.

    Args:
        state: from `start` or from the previous step.
        parents: (R,) as in `StepEngine.step`.
        previous_ids: (R,) as in `StepEngine.step`.
        k: how many tokens each row needs.
        forced: (R,) the only token allowed, or `FREE`.
        no_repeat_ngram: as in `Constraints`.

    Returns:
        the next tokens of each row, best first. The log-probabilities are float64, and -inf marks a
        token that is not allowed; the state is a `SearchState`.

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
    asked = size if len(rows) else width
    step = engine.step(state.engine, parents.astype(np.int32), previous_ids.astype(np.int32), asked)
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
    return StepResult(log_probs, ids, attention, SearchState(step.state, tokens))


def _columns_of(tokens: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Find the column of each row's token (R,) in `ids` (R, V): (R,)."""
    found = ids == tokens[:, None]
    if not found.any(axis=1).all():
        raise ValueError("the engine does not rank a token that is forced")
    return found.argmax(axis=1)


def _checked(step: StepResult) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-probabilities of a step, finite and float64, and its ids."""
    log_probs = np.asarray(step.log_probs, dtype=np.float64)
    check_numbers(log_probs)
    return np.maximum(log_probs, SMALLEST_LOG_PROB), np.asarray(step.ids, dtype=np.int32)


def check_numbers(log_probs: np.ndarray) -> None:
    """Check that log-probabilities are numbers.

    Raises:
        NmtError: one is NaN.
    """
    if np.isnan(log_probs).any():
        raise NmtError(
            "the model's probabilities are not numbers (NaN): its training diverged;"
            " use an earlier checkpoint"
        )


def _next_power_of_two(count: int) -> int:
    """Round up to a power of two (0 stays 0), so that a compiling engine sees few values of k."""
    return 1 << (count - 1).bit_length() if count else 0


def _is_among(banned: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
    """Return (R, n) bool, whether ids[r, i] is in banned[r]; `FREE` in `banned` is ignored."""
    table = np.zeros((len(ids), size + 1), dtype=bool)  # FREE, -1, is the last column
    np.put_along_axis(table, banned, True, axis=1)
    return np.take_along_axis(table, ids, axis=1)


def sentences_to_keep(done: np.ndarray) -> np.ndarray | None:
    """Choose the sentences of the N to keep, once at most half are unfinished; else None.

    Finished sentences fill their number up to a power of two, so that an engine that compiles sees
    few shapes.

    Args:
        done: (N,) bool.
    """
    active = np.flatnonzero(~done)
    if not len(active) or 2 * len(active) > len(done):
        return None
    rows = 1 << (len(active) - 1).bit_length()  # below 2 * active, so at most N
    return np.concatenate([active, np.flatnonzero(done)[: rows - len(active)]])
