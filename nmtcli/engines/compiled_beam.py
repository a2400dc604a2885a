"""Beam search as one compiled loop, for devices that wait longer for Python than they compute.

The model, the ranking and the end of the search are those of `nmtcli.decoding.beam`, on Keras's own
operations, in fixed shapes: a sentence has K hypotheses from the first step on, an empty place has
the sum -inf, and a batch keeps its sentences until the last one is done. What each step chose comes
back, and `nmtcli.decoding.beam` follows it. Sums are float64 on TensorFlow and float32 on JAX.

Letters: B sentences, K beam, S source positions, T target positions, V vocabulary, n continuations
of a hypothesis.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from nmtcli.decoding.engine import BeamSteps
from nmtcli.decoding.hypotheses import NEVER_PRODUCED, SMALLEST_LOG_PROB
from nmtcli.text.special_tokens import BOS_ID, EOS_ID


class _Turn(NamedTuple):
    """What the loop carries: the step's number, sums (B, K), the pieces before (B, K), how many
    hypotheses of a sentence have ended (B,), the decoder's state, and a `BeamSteps` that is being
    filled."""

    step: Any
    sums: Any
    previous: Any
    ended: Any
    decoder: Any
    steps: BeamSteps


def run_beam(model, source_ids, limits, beam: int, most: int) -> BeamSteps:
    """All steps of a beam search.

    Args:
        model: an `EncoderDecoder`.
        source_ids: (B, S), static.
        limits: (B,) int32, most pieces of a translation, EOS counted; at least 1.
        beam: K.
        most: T, of all sentences.
    """
    batch, length = source_ids.shape
    state = model.start(source_ids, beam * most)
    source = state["source"]  # the same in every step, so it is not carried through the loop
    decoder = model.reorder(state["decoder"], ops.zeros((batch, beam), "int32"))
    precise = "float64" if keras.backend.backend() == "tensorflow" else "float32"
    first = np.full((1, beam), -np.inf)
    first[0, 0] = 0.0

    def empty(kind, *axes):
        return ops.zeros((most, batch, beam, *axes), dtype=kind)

    def turn(*parts):
        now = _Turn(*parts)
        logits, attention, new = model.step(
            {"source": source, "decoder": now.decoder}, now.previous
        )
        is_last = ops.less_equal(limits, now.step + 1)[:, None, None]
        log_probs, ids = _next_pieces(ops.cast(logits, "float32"), beam, is_last)
        sums, ids, origins = _rank(now.sums, ops.cast(log_probs, precise), ids, beam)
        ends = ops.logical_and(ops.equal(ids, EOS_ID), ops.isfinite(sums))[:, :beam]
        ended = now.ended + ops.sum(ops.cast(ends, "int32"), axis=1)
        # The best K that do not end live on, but for sentences of which K have ended.
        living, columns = ops.top_k(ops.where(ops.equal(ids, EOS_ID), -np.inf, sums), beam)
        chosen = [ops.take_along_axis(part, columns, axis=1) for part in (ids, origins)]
        living = ops.where(ended[:, None] >= beam, -np.inf, living)
        made = (sums[:, :beam], ids[:, :beam], origins[:, :beam], *chosen, attention)
        steps = BeamSteps(*(_written(*each, now.step) for each in zip(now.steps, made)))
        decoder = model.reorder(new["decoder"], chosen[1])
        return _Turn(now.step + 1, living, chosen[0], ended, decoder, steps)

    beginning = _Turn(
        step=ops.convert_to_tensor(0, "int32"),
        sums=ops.broadcast_to(ops.convert_to_tensor(first, precise), (batch, beam)),
        previous=ops.full((batch, beam), BOS_ID, dtype="int32"),
        ended=ops.zeros((batch,), dtype="int32"),
        decoder=decoder,
        steps=BeamSteps(
            empty(precise), *(empty("int32") for _ in range(4)), empty("float32", length)
        ),
    )
    found = _Turn(
        *ops.while_loop(
            lambda *parts: ops.any(ops.isfinite(_Turn(*parts).sums)),
            turn,
            tuple(beginning),
            maximum_iterations=most,
        )
    )
    return found.steps


def _next_pieces(logits, beam: int, is_last):
    """What may follow, best first: log-probabilities and ids, (B, K, n).

    Args:
        logits: (B, K, V).
        is_last: (B, 1, 1), where only EOS may follow.
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
    """All continuations of a sentence, best first: sums, ids and origins, (B, 2K).

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


def _written(array, value, step):
    """(T, B, K, ...) with (B, K, ...) at a step."""
    begin = [step] + [0] * (len(array.shape) - 1)
    return ops.slice_update(array, begin, ops.cast(value, array.dtype)[None])
