"""The Keras engine: `start`, `step` and `score` of a model as compiled graphs, on any device.

Letters: B sentences, S source positions, R rows in flight, T target positions, V vocabulary.
"""

from typing import NamedTuple

import numpy as np
from keras import ops, tree

from nmtcli import backend
from nmtcli.batches.feed import shift_right
from nmtcli.search.interface import StepResult
from nmtcli.text.piece_ids import PAD_ID


class _State(NamedTuple):
    """`rows[r]` is the sentence that row r of the tensors belongs to.

    `left` is the number of steps that the decoder's state has room for, `room` the number that it
    had from the beginning; None: any.
    """

    rows: np.ndarray
    source: dict
    decoder: dict
    room: int | None
    left: int | None


class KerasEngine:
    """Runs a model in float32; see `nmtcli.search.interface.Engine`.

    What a row needs of its source is moved only when rows change their sentence: hypotheses of one
    sentence that trade places share it already.

    Args:
        model: a `RecurrentTranslator` or a `TransformerTranslator`.
    """

    def __init__(self, model):
        self.model = model
        self.vocabulary_size = model.sizes.target_vocabulary
        self.has_attention = model.mechanism.score is not None
        self.has_window = model.mechanism.is_local
        self._start = backend.compiled(model.start, model.variables)
        self._gather = backend.compiled(_take_rows)
        self._score = backend.compiled(self._score_graph, model.variables)
        self._align = backend.compiled(self._align_graph, model.variables)
        if model.room is not None:
            self._lengthen = backend.compiled(model.lengthen)
        self._steps = {}

    def start(self, source_ids) -> _State:
        state = self._start(ops.convert_to_tensor(source_ids, "int32"))
        rows, room = np.arange(len(source_ids)), self.model.room
        return _State(rows, state["source"], state["decoder"], room, room)

    def step(self, state: _State, parents, previous_ids, k: int) -> StepResult:
        rows = state.rows[parents]
        source, decoder, room, left = state.source, state.decoder, state.room, state.left
        if left == 0:
            decoder, room, left = self._lengthen(decoder), 2 * room, room
        if not np.array_equal(rows, state.rows):
            source = self._gather(source, ops.convert_to_tensor(parents, "int32"))
        if k not in self._steps:
            self._steps[k] = backend.compiled(self._step_graph(k), self.model.variables)
        log_probs, ids, attention, decoder = self._steps[k](
            source,
            decoder,
            ops.convert_to_tensor(parents, "int32"),
            ops.convert_to_tensor(previous_ids, "int32"),
        )
        numbers = (np.asarray(log_probs), np.asarray(ids), np.asarray(attention))
        left = left if left is None else left - 1
        return StepResult(*numbers, _State(rows, source, decoder, room, left))

    def score(self, source_ids, target_ids) -> np.ndarray:
        return self._forced(self._score, source_ids, target_ids)

    def align(self, source_ids, target_ids) -> np.ndarray:
        return self._forced(self._align, source_ids, target_ids)

    @staticmethod
    def _forced(graph, source_ids, target_ids):
        arrays = (source_ids, shift_right(np.asarray(target_ids)), target_ids)
        return np.asarray(graph(*(ops.convert_to_tensor(x, "int32") for x in arrays)))

    def _step_graph(self, k):
        def step(source, decoder, parents, previous_ids):
            state = {"source": source, "decoder": _take_rows(decoder, parents)}
            logits, attention, state = self.model.step(state, previous_ids)
            logits = ops.cast(logits, "float32")
            best, ids = ops.top_k(logits, k)
            log_probs = best - ops.logsumexp(logits, axis=-1, keepdims=True)
            return log_probs, ids, attention, state["decoder"]

        return step

    def _score_graph(self, source_ids, decoder_inputs, target_ids):
        logits = ops.cast(self.model(source_ids, decoder_inputs), "float32")
        chosen = ops.take_along_axis(logits, target_ids[..., None], axis=-1)[..., 0]
        log_probs = chosen - ops.logsumexp(logits, axis=-1)
        return ops.where(ops.not_equal(target_ids, PAD_ID), log_probs, 0.0)

    def _align_graph(self, source_ids, decoder_inputs, target_ids):
        return self.model(source_ids, decoder_inputs, with_weights=True)[1]


def _take_rows(structure, rows):
    return tree.map_structure(lambda x: ops.take(x, rows, axis=0), structure)
