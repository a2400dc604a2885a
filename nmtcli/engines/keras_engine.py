"""The Keras engine: it compiles `start`, `step` and `score` of a model, on any device.

Letters: B sentences, W hypotheses of each, S source positions, T target positions, V vocabulary.
"""

from typing import NamedTuple

import numpy as np
from keras import ops, tree

from nmtcli import backend
from nmtcli.data.batching import shift_right
from nmtcli.decoding.engine import BeamSteps, StepResult, all_ids
from nmtcli.engines.grouping import group
from nmtcli.models.beam_search import run_beam
from nmtcli.text.special_tokens import EOS_ID, PAD_ID

LENGTHS = 16  # the length limit of a compiled search is a multiple of this


class _State(NamedTuple):
    """The model's state for `batch` sentences with `width` hypotheses each.

    `room` is the number of places in the decoder's state and `left` how many of them are free;
    None means no limit.
    """

    batch: int
    width: int
    source: dict
    decoder: dict
    room: int | None
    left: int | None


class KerasEngine:
    """Runs a model with Keras; see `nmtcli.decoding.engine`.

    Args:
        model: an `RNNTranslator` or a `TransformerTranslator`.
        room: the initial number of places in a decoder's state, if it has any. None: no limit, or
            the model's own number on a backend that compiles each shape.
        compile_beam: run a beam search as one compiled loop. None: if that is faster, that is,
            everywhere except with TensorFlow on a CPU, where batches may shrink.
    """

    parallel = 1  # the backend has its own threads
    batch_tokens = 4096

    def __init__(self, model, room: int | None = None, compile_beam: bool | None = None):
        self.model = model
        self.vocabulary_size = model.target_vocabulary_size
        self.has_attention = model.mechanism.score is not None
        self.has_window = model.mechanism.is_local
        self._room = room
        if room is None and backend.choose() == "jax":
            self._room = model.cache_capacity
        self._start = backend.compiled(
            lambda source_ids: model.start(source_ids, self._room), model.variables, id_arguments=1
        )
        self._gather = backend.compiled(_take_sentences)
        self._score, self._align = (
            backend.compiled(part, model.variables, id_arguments=3)
            for part in (
                lambda *ids: model.score_targets(*ids)[0],
                lambda *ids: model.score_targets(*ids)[1],
            )
        )
        if self._room is not None:
            self._lengthen = backend.compiled(model.grow_cache)
        self._steps = {}
        if compile_beam is None:
            compile_beam = backend.choose() == "jax" or not backend.device().startswith("CPU")
        self.run_beam = self._run_beam if compile_beam else None
        self._searches = {}

    def start(self, source_ids) -> _State:
        state = self._start(*_tensors(source_ids))
        room = self._room
        return _State(len(source_ids), 1, state["source"], state["decoder"], room, room)

    def step(self, state: _State, parents, previous_ids, k: int | None) -> StepResult:
        sentences, origins = group(parents, state.width)
        batch, width = origins.shape
        source, decoder, room, left = state.source, state.decoder, state.room, state.left
        while left is not None and left < width:
            decoder, room, left = self._lengthen(decoder), 2 * room, left + room
        if not np.array_equal(sentences, np.arange(state.batch)):
            source, decoder = self._gather((source, decoder), *_tensors(sentences))
        if k not in self._steps:
            self._steps[k] = backend.compiled(self._step_graph(k), self.model.variables)
        arrays = _tensors(origins, np.reshape(previous_ids, (batch, width)))
        *numbers, attention, decoder = self._steps[k](source, decoder, *arrays)
        rows = batch * width
        attention, log_probs, *ids = (
            np.asarray(x).reshape(rows, -1) for x in (attention, *numbers)
        )
        if not ids:
            ids = [all_ids(rows, self.vocabulary_size)]
        left = None if left is None else left - width
        following = _State(batch, width, source, decoder, room, left)
        return StepResult(log_probs, *ids, attention, following)

    def _run_beam(self, source_ids, beam: int, max_lengths) -> BeamSteps:
        """Run a compiled beam search on a padded batch, so that few shapes are compiled."""
        batch, length = source_ids.shape
        rows = 1 << (batch - 1).bit_length()
        filled = np.full((rows, length), PAD_ID, dtype=np.int32)
        filled[batch:, 0], filled[:batch] = EOS_ID, source_ids
        limits = np.ones(rows, dtype=np.int32)
        limits[:batch] = max_lengths
        most = -(-int(limits.max()) // LENGTHS) * LENGTHS
        if (beam, most) not in self._searches:
            self._searches[beam, most] = backend.compiled(
                lambda *arrays: run_beam(self.model, *arrays, beam, most),
                self.model.variables,
                is_fixed=True,
            )
        steps = self._searches[beam, most](*_tensors(filled, limits))
        return BeamSteps(*(np.asarray(part)[:, :batch] for part in steps))

    def score(self, source_ids, target_ids) -> np.ndarray:
        return self._forced(self._score, source_ids, target_ids)

    def align(self, source_ids, target_ids) -> np.ndarray:
        return self._forced(self._align, source_ids, target_ids)

    @staticmethod
    def _forced(graph, source_ids, target_ids):
        decoder_inputs = shift_right(np.asarray(target_ids))
        return np.asarray(graph(*_tensors(source_ids, decoder_inputs, target_ids)))

    def _step_graph(self, k):
        def step(source, decoder, origins, previous_ids):
            state = {"source": source, "decoder": self.model.reorder(decoder, origins)}
            logits, attention, state = self.model.step(state, previous_ids)
            logits = ops.cast(logits, "float32")
            if k is None:
                return ops.log_softmax(logits, axis=-1), attention, state["decoder"]
            best, ids = ops.top_k(logits, k)
            log_probs = best - ops.logsumexp(logits, axis=-1, keepdims=True)
            return log_probs, ids, attention, state["decoder"]

        return step


def _tensors(*arrays) -> list:
    return [ops.convert_to_tensor(array, "int32") for array in arrays]


def _take_sentences(structure, sentences):
    return tree.map_structure(lambda x: ops.take(x, sentences, axis=0), structure)
