"""Beam search as a TensorFlow graph: what `nmtcli.decoding.beam` finds, with no Python in the loop.

The space, the ranking and the end of the search are those of `nmtcli.decoding`; sums are float64
there and here, so that both choose alike. What differs is the form: a sentence has K hypotheses
from the first step on, an empty place has the log-probability -inf, and a batch keeps its sentences
until the last one is done.

Letters: B sentences, K beam (static), V vocabulary (static), n continuations of a hypothesis,
T pieces so far, BOS counted.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from nmtcli.decoding.hypotheses import NEVER_PRODUCED
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID

NOTHING = tf.constant(-np.inf, tf.float64)


class Found(NamedTuple):
    """The best translation of each sentence.

    ids: (B, T) int32, without BOS and EOS, filled up with PAD.
    lengths: (B,) int32, of `ids`.
    scores: (B,) float64, log-probability over the length, which counts EOS, as scored.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor


class _Live(NamedTuple):
    """Hypotheses that may go on: sums (B, K), pieces (B, K, T), and the model's state (B, ...).

    A sentence that is done has only sums of -inf.
    """

    sums: tf.Tensor
    pieces: tf.Tensor
    state: Any


class _Best(NamedTuple):
    """What has ended: its number (B,), and the best of it as in `Found`, with ids (B, T)."""

    ended: tf.Tensor
    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor


class _Candidates(NamedTuple):
    """The 2K best continuations of each sentence, best first: all (B, 2K), origins below K."""

    sums: tf.Tensor
    ids: tf.Tensor
    origins: tf.Tensor

    def take(self, columns: tf.Tensor) -> "_Candidates":
        return _Candidates(*(tf.gather(part, columns, batch_dims=1) for part in self))


def graph_beam_search(
    step: Callable[[Any, tf.Tensor], tuple[tf.Tensor, Any]],
    follow: Callable[[Any, tf.Tensor], Any],
    state: Any,
    beam: int,
    scoring: Scoring | float,
    max_lengths: tf.Tensor,
) -> Found:
    """The best translation of each sentence.

    Args:
        step: (state, previous_ids (B, K)) -> logits (B, K, V), the next state.
        follow: (state, origins (B, K)) -> the state when hypothesis k of sentence b goes on from
            what origins[b, k] was.
        state: before the first step, of K hypotheses; a structure of tensors (B, ...).
        beam: K; 1 is greedy search.
        scoring: of what is finished, without a coverage penalty; a number is `average`'s
            exponent.
        max_lengths: (B,) int32, most pieces of a translation, EOS counted; 0: nothing is searched
            for this sentence, which has no pieces and the score 0.

    Raises:
        tf.errors.InvalidArgumentError: (when run) the model's probabilities are not numbers.
    """

    scoring = Scoring.of(scoring)

    def turn(length, live, best):
        logits, new_state = step(live.state, live.pieces[:, :, -1])
        last = (max_lengths <= length)[:, None, None]
        ranked = _rank(live.sums, *_next_pieces(logits, beam, last))
        best = _collect(ranked, live.pieces, best, beam, length, scoring)
        live, origins = _go_on(ranked, live.pieces, beam, best.ended)
        live = live._replace(state=follow(new_state, origins))
        return length + 1, live, best

    live, best = _beginning(state, beam, max_lengths)
    _, _, best = tf.while_loop(
        lambda length, live, best: tf.reduce_any(tf.math.is_finite(live.sums)),
        turn,
        (tf.constant(1), live, best),
        shape_invariants=(tf.TensorShape([]), *_shapes(live, best, beam)),
        parallel_iterations=1,
    )
    scores = tf.where(max_lengths > 0, best.scores, 0.0)
    return Found(best.ids[:, 1:], best.lengths, scores)


def _beginning(state, beam: int, max_lengths: tf.Tensor) -> tuple[_Live, _Best]:
    """One hypothesis of each sentence, BOS, in the first of its K places."""
    batch = tf.shape(max_lengths)[0]
    first = tf.constant([[True] + [False] * (beam - 1)])
    sums = tf.where(first & (max_lengths[:, None] > 0), tf.constant(0.0, tf.float64), NOTHING)
    live = _Live(sums, tf.fill([batch, beam, 1], BOS_ID), tf.nest.map_structure(tf.identity, state))
    none = tf.zeros([batch], tf.int32)
    return live, _Best(none, tf.fill([batch, 1], PAD_ID), none, tf.fill([batch], NOTHING))


def _shapes(live: _Live, best: _Best, beam: int) -> tuple[_Live, _Best]:
    """Shapes that hold in every turn: T grows, B is not static."""
    row = tf.TensorShape([None])
    state = tf.nest.map_structure(lambda x: row.concatenate(x.shape[1:]), live.state)
    return (
        _Live(tf.TensorShape([None, beam]), tf.TensorShape([None, beam, None]), state),
        _Best(row, tf.TensorShape([None, None]), row, row),
    )


def _next_pieces(logits: tf.Tensor, beam: int, last: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What may follow, best first: log-probabilities float64 and ids, both (B, K, n).

    Args:
        logits: (B, K, V).
        last: (B, 1, 1) bool, True where only EOS may follow.
    """
    logits = tf.cast(logits, tf.float32)
    vocabulary = logits.shape[-1]
    n = min(beam + 1, vocabulary)
    total = tf.debugging.check_numerics(
        tf.reduce_logsumexp(logits, axis=-1, keepdims=True),
        "the model's probabilities are not numbers",
    )
    never = np.zeros(vocabulary, np.float32)
    never[list(NEVER_PRODUCED)] = -np.inf
    best, ids = tf.math.top_k(logits + never, n)
    eos = logits[:, :, EOS_ID, None]
    only_eos = tf.pad(eos, [[0, 0], [0, 0], [0, n - 1]], constant_values=-np.inf)
    best = tf.where(last, only_eos, best)
    ids = tf.where(last, EOS_ID, ids)
    return tf.cast(best - total, tf.float64), ids


def _rank(sums: tf.Tensor, log_probs: tf.Tensor, ids: tf.Tensor) -> _Candidates:
    """All continuations of a sentence together; of equal ones the earlier hypothesis first.

    Args:
        sums: (B, K).
        log_probs, ids: (B, K, n); n is at least 2.
    """
    beam, n = sums.shape[1], ids.shape[2]
    totals = tf.reshape(sums[:, :, None] + log_probs, [-1, beam * n])
    best, columns = tf.math.top_k(totals, 2 * beam)
    ids = tf.gather(tf.reshape(ids, [-1, beam * n]), columns, batch_dims=1)
    return _Candidates(best, ids, columns // n)


def _collect(
    ranked: _Candidates,
    pieces: tf.Tensor,
    best: _Best,
    beam: int,
    length: tf.Tensor,
    scoring: Scoring,
) -> _Best:
    """Count what ends among the best K of each sentence, and keep it where it is the best so far.

    Args:
        pieces: (B, K, T) of the hypotheses that the candidates continue.
        length: () of what ends here, EOS counted.
    """
    sums, ids = ranked.sums[:, :beam], ranked.ids[:, :beam]
    ends = (ids == EOS_ID) & tf.math.is_finite(sums)
    ended = tf.where(ends, sums, NOTHING)
    column = tf.argmax(ended, axis=1)
    scores = scoring.score(tf.reduce_max(ended, axis=1), tf.cast(length, tf.float64))
    better = scores > best.scores  # of equal scores the earlier end stays
    origin = tf.gather(ranked.origins, column, batch_dims=1)
    new_ids = tf.gather(pieces, origin, batch_dims=1)  # (B, T)
    kept = _Best(
        best.ended + tf.reduce_sum(tf.cast(ends, tf.int32), axis=1),
        tf.where(better[:, None], new_ids, best.ids),
        tf.where(better, length - 1, best.lengths),
        tf.where(better, scores, best.scores),
    )
    return kept._replace(ids=tf.pad(kept.ids, [[0, 0], [0, 1]], constant_values=PAD_ID))


def _go_on(
    ranked: _Candidates, pieces: tf.Tensor, beam: int, ended: tf.Tensor
) -> tuple[_Live, tf.Tensor]:
    """The best K that do not end, and their origins; none of a sentence that has K ended ones.

    Args:
        pieces: (B, K, T).
        ended: (B,).
    """
    sums = tf.where(ranked.ids == EOS_ID, NOTHING, ranked.sums)
    chosen = ranked.take(tf.math.top_k(sums, beam)[1])
    sums = tf.where((chosen.ids == EOS_ID) | (ended[:, None] >= beam), NOTHING, chosen.sums)
    longer = [tf.gather(pieces, chosen.origins, batch_dims=1), chosen.ids[:, :, None]]
    return _Live(sums, tf.concat(longer, axis=2), None), chosen.origins
