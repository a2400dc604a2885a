"""Beam search as one compiled loop, for accelerators and for the SavedModel.

An accelerator would wait longer for Python than it computes; the SavedModel has no Python.
Constraints, ranking and end of the search are the same as in `nmtcli.decoding.beam`, but in Keras
operations with fixed shapes: a sentence has K hypotheses from the first step on, an empty place
has the sum -inf, and a batch keeps its sentences until the last one is done. The loop returns the
choices of each step; `nmtcli.decoding.beam` follows them back in NumPy, `best_translations` in
the graph. Sums are float64 on TensorFlow and float32 on JAX.

Letters: B sentences, K beam (static), S source positions, T target positions, V vocabulary
(static), n continuations of a hypothesis.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from nmtcli.decoding.engine import BeamSteps
from nmtcli.decoding.next_tokens import NEVER_PRODUCED, SMALLEST_LOG_PROB
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID


class _LoopState(NamedTuple):
    """The state that the loop carries from step to step.

    step: the number of the step, from 0.
    sums: (B, K) log-probabilities of the live hypotheses.
    previous: (B, K) the last tokens of these hypotheses.
    ended: (B,) how many hypotheses of a sentence have ended.
    decoder: the model's state.
    steps: the fields of the `BeamSteps`, filled step by step.
    """

    step: Any
    sums: Any
    previous: Any
    ended: Any
    decoder: Any
    steps: tuple


class BestTranslations(NamedTuple):
    """The best translation of each sentence.

    ids: (B, T) int32, without BOS and EOS, padded with PAD.
    lengths: (B,) int32, the number of tokens in `ids`.
    scores: (B,), see `Scoring`; 0 for a sentence that was not searched.
    """

    ids: Any
    lengths: Any
    scores: Any


def run_beam(model, source_ids, limits, beam: int, most, has_attention: bool = True) -> BeamSteps:
    """Run all steps of a beam search with a model.

    Args:
        model: an `EncoderDecoder`.
        source_ids: (B, S).
        limits, beam, most: see `search_steps`.
        has_attention: whether to return the attention too.
    """
    batch, length = ops.shape(source_ids)
    state = model.start(source_ids, beam * most)
    source = state["source"]  # constant, so the loop does not carry it
    decoder = model.reorder(state["decoder"], ops.zeros((batch, beam), "int32"))

    def step(decoder, previous):
        logits, attention, new = model.step({"source": source, "decoder": decoder}, previous)
        return logits, attention, new["decoder"]

    kept = length if has_attention else None
    return search_steps(step, model.reorder, decoder, limits, beam, most, kept)


def search_steps(
    step: Callable[[Any, Any], tuple[Any, Any, Any]],
    reorder: Callable[[Any, Any], Any],
    decoder: Any,
    limits,
    beam: int,
    most,
    source_length=None,
) -> BeamSteps:
    """Run all steps of a beam search.

    Args:
        step: (decoder, previous ids (B, K)) -> logits (B, K, V), attention (B, K, S), decoder.
        reorder: (decoder, origins (B, K)) -> the decoder, in which hypothesis k of sentence b
            continues hypothesis origins[b, k].
        decoder: the state of K hypotheses before the first step.
        limits: (B,) int32, the most tokens of a translation, including EOS; a sentence with 0 is
            not searched.
        beam: K.
        most: T, at least the largest limit and at least 1.
        source_length: S; None: the attention is not kept.
    """

    def advance(*values):
        now = _LoopState(*values)
        logits, attention, decoder = step(now.decoder, now.previous)
        is_last = ops.less_equal(limits, now.step + 1)[:, None, None]
        log_probs, ids = _next_tokens(ops.cast(logits, "float32"), beam, is_last)
        sums, ids, origins = _rank(now.sums, ops.cast(log_probs, now.sums.dtype), ids, beam)
        ends = ops.logical_and(ops.equal(ids, EOS_ID), ops.isfinite(sums))[:, :beam]
        ended = now.ended + ops.sum(ops.cast(ends, "int32"), axis=1)
        # The best K that do not end stay live, except in sentences with K ended hypotheses.
        living, columns = ops.top_k(ops.where(ops.equal(ids, EOS_ID), -np.inf, sums), beam)
        chosen = [ops.take_along_axis(part, columns, axis=1) for part in (ids, origins)]
        living = ops.where(ended[:, None] >= beam, -np.inf, living)
        made = (sums[:, :beam], ids[:, :beam], origins[:, :beam], *chosen, attention)
        steps = tuple(_write(*each, now.step) for each in zip(now.steps, made))
        decoder = reorder(decoder, chosen[1])
        return _LoopState(now.step + 1, living, chosen[0], ended, decoder, steps)

    found = ops.while_loop(
        lambda *values: ops.any(ops.isfinite(_LoopState(*values).sums)),
        advance,
        tuple(_before_the_first_step(decoder, limits, beam, most, source_length)),
        maximum_iterations=most,
    )
    return BeamSteps(*_LoopState(*found).steps)


def _before_the_first_step(decoder, limits, beam: int, most, source_length) -> _LoopState:
    """Make the first state: each sentence has one hypothesis, BOS, in the first of K places."""
    precise = "float64" if keras.backend.backend() == "tensorflow" else "float32"
    (batch,) = ops.shape(limits)
    first = np.full((1, beam), -np.inf)
    first[0, 0] = 0.0
    first = ops.convert_to_tensor(first, precise)

    def empty(kind, *axes):
        return ops.zeros((most, batch, beam, *axes), dtype=kind)

    attention = [] if source_length is None else [empty("float32", source_length)]
    return _LoopState(
        step=ops.convert_to_tensor(0, "int32"),
        sums=ops.where(limits[:, None] > 0, first, -np.inf),
        previous=ops.full((batch, beam), BOS_ID, dtype="int32"),
        ended=ops.zeros((batch,), dtype="int32"),
        decoder=decoder,
        steps=(empty(precise), *(empty("int32") for _ in range(4)), *attention),
    )


def _next_tokens(logits, beam: int, is_last):
    """Rank the allowed next tokens, best first: log-probabilities and ids, (B, K, n).

    Args:
        logits: (B, K, V).
        is_last: (B, 1, 1), whether only EOS may follow.
    """
    vocabulary = logits.shape[-1]
    n = min(beam + 1, vocabulary)
    total = ops.logsumexp(logits, axis=-1, keepdims=True)
    never = np.zeros(vocabulary, dtype="float32")
    never[list(NEVER_PRODUCED)] = -np.inf
    best, ids = ops.top_k(logits + never, n)
    only_eos = ops.concatenate(
        [logits[:, :, EOS_ID, None], ops.full_like(best[:, :, 1:], -np.inf)], axis=-1
    )
    log_probs = ops.where(is_last, only_eos, best) - total
    smallest = ops.where(ops.equal(log_probs, -np.inf), -np.inf, SMALLEST_LOG_PROB)
    ids = ops.cast(ids, "int32")
    return ops.maximum(log_probs, smallest), ops.where(is_last, EOS_ID, ids)


def _rank(sums, log_probs, ids, beam: int):
    """Rank all continuations of a sentence, best first: sums, ids and origins, (B, 2K).

    Args:
        sums: (B, K).
        log_probs, ids: (B, K, n); n is at least 2.
    """
    n = ids.shape[-1]
    totals = ops.reshape(sums[:, :, None] + log_probs, (-1, beam * n))
    best, columns = ops.top_k(totals, 2 * beam)
    columns = ops.cast(columns, "int32")
    ids = ops.take_along_axis(ops.reshape(ids, (-1, beam * n)), columns, axis=1)
    return best, ids, ops.floor_divide(columns, n)


def best_translations(steps: BeamSteps, scoring: Scoring) -> BestTranslations:
    """Follow back the best ended hypothesis of each sentence inside the graph.

    Of equal scores the earlier end is better.

    Args:
        steps: the result of `search_steps`.
        scoring: a scoring without a coverage penalty.
    """
    most, batch, beam = ops.shape(steps.sums)
    lengths = ops.cast(ops.arange(1, most + 1), steps.sums.dtype)[:, None, None]
    ends = ops.logical_and(ops.equal(steps.ids, EOS_ID), ops.isfinite(steps.sums))
    scores = ops.where(ends, scoring.score(steps.sums, lengths), -np.inf)

    def of_sentences(array):  # (T, B, K) -> (B, T K)
        return ops.reshape(ops.transpose(array, (1, 0, 2)), (batch, most * beam))

    place = ops.cast(ops.argmax(of_sentences(scores), axis=1), "int32")
    score = _pick(of_sentences(scores), place)
    length = ops.floor_divide(place, beam)  # the length without EOS
    slot = _pick(of_sentences(steps.origins), place)

    def go_back(step, slot, ids):
        is_part = step < length
        token, origin = (
            _pick(ops.take(array, step, axis=0), slot)
            for array in (steps.living_ids, steps.living_origins)
        )
        ids = _write(ids, ops.where(is_part, token, PAD_ID), step)
        return step - 1, ops.where(is_part, origin, slot), ids

    ids = ops.full((most, batch), PAD_ID, dtype="int32")
    longest = ops.max(ops.pad(length, [[0, 1]]))  # 0 of no sentences
    _, _, ids = ops.while_loop(lambda step, *_: step >= 0, go_back, (longest - 1, slot, ids))
    score = ops.where(ops.isfinite(score), score, 0.0)
    return BestTranslations(ops.transpose(ids), length, score)


def _pick(array, columns):
    """Pick array[b, columns[b]]: (B, N) -> (B,)."""
    return ops.take_along_axis(array, columns[:, None], axis=1)[:, 0]


def _write(array, value, step):
    """Write a value (B, ...) into an array (T, B, ...) at a step."""
    value = ops.cast(value, array.dtype)[None]
    if keras.backend.backend() == "tensorflow":  # its slice_update compiles each shape anew
        return ops.scatter_update(array, ops.reshape(step, (1, 1)), value)
    return ops.slice_update(array, [step] + [0] * (len(array.shape) - 1), value)
