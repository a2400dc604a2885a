"""The recurrent decoder: its cells, with attention before or after them.

Letters: B batch, T target, W hypotheses of a sentence, S source, E embedding, M memory, D decoder
state, R readout, G gates.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from nmtcli.config import ModelConfig, mechanism_of
from nmtcli.layers import key_value_cache
from nmtcli.layers.attention import Attention, MultiHeadAttention
from nmtcli.layers.dense import affine
from nmtcli.layers.dropout import Dropout
from nmtcli.layers.readout import Readout
from nmtcli.layers.recurrent import make_cell, run_projected
from nmtcli.layers.scan import scan


class _Shared(NamedTuple):
    """The weights and dropout masks that all target positions share, computed once before the loop.

    source: the result of `read_source`.
    width: W, the number of hypotheses of each sentence; 1 in training.
    cells, attention, readout: the results of `compute_weights` of these layers.
    fed_kernel: the rows of the first cell's matrix for its inputs other than the embedding.
    state_masks: dropout masks, one for the state of each cell, (B, D), or None.
    layer_masks: dropout masks, one for the input of each cell but the first, (B, D), or None.
    """

    source: dict
    width: int
    cells: list
    attention: Any
    readout: Any
    fed_kernel: Any
    state_masks: list
    layer_masks: list


class RNNDecoder(keras.layers.Layer):
    """Recurrent decoder: stacked cells with attention before or after them, or a fixed vector.

    The query is the first cell's previous state (`before`) or the last cell's new state (`after`).
    Then a readout turns state and context into the input of the output layer.

    In training, only those layers need a loop over target positions that depend on earlier
    attention: the first cell with attention before it, all cells with input feeding, and only the
    attention with coverage. Everything else is computed for all positions at once.

    The state between steps is a dictionary. It has `cells`, a tuple of (B, W, D) for each cell. If
    the mechanism needs them, it has `feed` (B, W, R), the last readout; `coverage` float32
    (B, W, S), the sum of the weights so far; `position` int32 (B,), the next target position.
    The W hypotheses of a sentence share its source.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, A.1.2 (before);
    Luong et al. (2015), arXiv:1508.04025, section 3 (after) and 3.3 (input feeding);
    Cho et al. (2014), arXiv:1406.1078, section 2.2 (fixed vector);
    See et al. (2017), arXiv:1704.04368, section 2.3 (coverage).

    Args:
        config: the `model` section.
        seed: seed of the dropout; see `Dropout`.

    Call arguments:
        inputs: embedded decoder inputs, (B, T, E).
        cells: a list with a tuple of (B, D) for each cell.
        source: the dictionary that `read_source` returns.
        training: whether dropout acts, between layers and on the cells' states. Inside a loop, its
            masks are drawn once for a sentence (Gal and Ghahramani, 2016, arXiv:1512.05287).

    Returns:
        hidden: (B, T, R).
        weights: float32, (B, T, S); zeros with the fixed vector.

    Raises:
        ValueError: the mechanism is not possible.
    """

    def __init__(self, config: ModelConfig, seed=None, **kwargs):
        super().__init__(**kwargs)
        policy = {"dtype": self.dtype_policy}
        self.size, self.readout_size = config.decoder_size, config.readout_units
        self.mechanism = mechanism_of(config)
        self.cells = [
            make_cell(config.cell, self.size, name=f"decoder_{n}", **policy)
            for n in range(config.decoder_layers)
        ]
        self.attention = _make_attention(config, name="attention", **policy)
        self.readout = Readout(self.readout_size, self.mechanism.readout, name="readout", **policy)
        self.dropout = Dropout(config.dropout, seed)
        self.recurrent_dropout = Dropout(config.recurrent_dropout, seed)

    def build(self, input_shape, memory_shape):
        embedding, memory = input_shape[-1], memory_shape[-1]
        fed = self.readout_size if self.mechanism.input_feeding else 0
        if self.mechanism.placement == "before":
            fed = memory
        self.cells[0].build((None, None, embedding + fed))
        for cell in self.cells[1:]:
            cell.build((None, None, self.size))
        if self.attention is not None:
            self.attention.build((None, None, self.size), memory_shape)
        self.readout.build((None, None, self.size), memory_shape, input_shape)
        self.embedding_size = embedding
        self.built = True

    # -- the source, and the state before the first step ---------------------------------------

    def read_source(self, memory, mask, summary):
        """Prepare the source for all steps; return a dictionary of batch-first tensors."""
        if self.attention is None:
            return {"mask": mask, "fixed": summary}
        return self.attention.read(memory, mask)

    def start(self, cells, source):
        """Make the state of one hypothesis before the first target position; `cells` of (B, D)."""
        return _by_sentence(self._beginning(cells, source), 1)

    def _beginning(self, cells, source):
        """Make the state before the first target position, in rows."""
        batch, length = ops.shape(source["mask"])
        state = {"cells": cells}
        if self.mechanism.input_feeding:
            state["feed"] = ops.zeros((batch, self.readout_size), dtype=self.compute_dtype)
        if self.mechanism.coverage:
            state["coverage"] = ops.zeros((batch, 1, length), dtype="float32")
        if self.mechanism.is_local:
            state["position"] = ops.zeros((batch,), dtype="int32")
        return state

    def reorder(self, state, origins):
        """Reorder the state: hypothesis w continues hypothesis origins[b, w], (B, W)."""
        rest = {key: x for key, x in state.items() if key != "position"}
        moved = keras.tree.map_structure(lambda x: key_value_cache.reorder(x, origins), rest)
        return {**state, **moved}

    # -- all target positions -------------------------------------------------------------------

    def call(self, inputs, cells, source, training=False):
        projected = self._project(inputs)  # (B, T, G D), the inputs' part of the product
        masks = self._state_masks(ops.shape(inputs)[0], training)
        if self.mechanism.input_feeding:
            return self._feed_in_loop(projected, inputs, cells, source, masks, training)
        if self.attention is None:
            fixed = source["fixed"]
            projected = projected + ops.matmul(fixed, self._fed_kernel())[:, None]
            contexts = ops.repeat(fixed[:, None], ops.shape(inputs)[1], axis=1)
            batch, length = ops.shape(source["mask"])
            weights = ops.zeros((batch, ops.shape(inputs)[1], length), dtype="float32")
        if self.attention is not None and self.mechanism.placement == "before":
            outputs, contexts, weights = self._attend_in_loop(projected, cells[0], source, masks)
        else:
            outputs, _ = run_projected(self.cells[0], projected, cells[0], dropout_mask=masks[0])
        outputs = self._run_upper_cells(outputs, cells, masks, training)
        if self.mechanism.placement == "after":
            contexts, weights = self._attend_at_once(outputs, source)
        return self.readout.step(outputs, contexts, inputs), weights

    def _state_masks(self, batch, training):
        """Draw the dropout mask of each cell's state, (B, D), or None."""
        shape, dtype = (batch, self.size), self.compute_dtype
        return [self.recurrent_dropout.mask(shape, dtype, training) for _ in self.cells]

    def _run_upper_cells(self, outputs, cells, masks, training):
        """Run all cells but the first, with residual connections: (B, T, D) -> (B, T, D)."""
        for cell, start, mask in zip(self.cells[1:], cells[1:], masks[1:]):
            below = self.dropout(outputs, training)
            above, _ = run_projected(cell, cell.project(below), start, dropout_mask=mask)
            outputs = below + above
        return outputs

    def _attend_at_once(self, outputs, source):
        """Attend after the cells, for all their outputs at once: (B, T, M), (B, T, S)."""
        if self.mechanism.coverage:
            return self._cover_in_loop(outputs, source)
        time = ops.arange(ops.shape(outputs)[1], dtype="int32")
        return self.attention.attend(outputs, source, time)

    def _attend_in_loop(self, projected, start, source, state_masks):
        """Run the first cell with attention before it: (B, T, D), (B, T, M), (B, T, S)."""
        shared = self._share(source, state_masks=state_masks)

        def position(state, x):
            context, weights, state = self._attend(state["cells"][0], state, shared)
            x = x + ops.matmul(context, shared.fed_kernel)
            output, new = self.cells[0].step(x, state["cells"], state_masks[0], shared.cells[0])
            return {**state, "cells": new}, (output, context, weights[:, 0])

        return _scan(position, self._beginning(start, source), projected)

    def _cover_in_loop(self, outputs, source):
        """Attend after the cells in a loop, because each step needs the earlier weights."""
        shared = self._share(source)

        def position(state, output):
            context, weights, state = self._attend(output, state, shared)
            return state, (context, weights[:, 0])

        state = self._beginning([], source)
        del state["cells"]
        return _scan(position, state, outputs)

    def _feed_in_loop(self, projected, inputs, cells, source, state_masks, training):
        """Run cells, attention and readout; each step is fed with the previous readout."""
        shape = ops.shape(inputs)[0], self.size
        layer_masks = [  # no random numbers inside the loop
            self.dropout.mask(shape, self.compute_dtype, training) for _ in self.cells[1:]
        ]
        shared = self._share(source, state_masks=state_masks, layer_masks=layer_masks)

        def position(state, x):
            hidden, weights, state = self._turn(*x, state, shared)
            return state, (hidden, weights[:, 0])

        return _scan(position, self._beginning(cells, source), (projected, inputs))

    # -- one target position --------------------------------------------------------------------

    def step(self, inputs, state, source):
        """Compute one position: (B, W, E) -> hidden (B, W, R), weights (B, W, S), new state."""
        width = ops.shape(inputs)[1]
        rows, shared = ops.reshape(inputs, (-1, self.embedding_size)), self._share(source, width)
        hidden, weights, state = self._turn(self._project(rows), rows, _in_rows(state), shared)
        hidden = ops.reshape(hidden, (-1, width, self.readout_size))
        return hidden, weights, _by_sentence(state, width)

    def _share(self, source, width=1, state_masks=None, layer_masks=None):
        """Compute the weights once: TensorFlow would otherwise cast them in every turn."""
        none = [None] * len(self.cells)
        return _Shared(
            source,
            width,
            cells=[cell.compute_weights() for cell in self.cells],
            attention=None if self.attention is None else self.attention.compute_weights(),
            readout=self.readout.compute_weights(),
            fed_kernel=self._fed_kernel(),
            state_masks=state_masks or none,
            layer_masks=layer_masks or none,
        )

    def _turn(self, projected, embedded, state, shared):
        """Compute one target position of B W rows.

        Args:
            projected: (B W, G D).
            embedded: (B W, E).
            state: in rows.
            shared: a `_Shared`.

        Returns:
            hidden (B W, R), weights (B, W, S) and the new state.
        """
        before = self.mechanism.placement == "before"
        if before:
            context, weights, state = self._attend(state["cells"][0][0], state, shared)
            projected = projected + ops.matmul(context, shared.fed_kernel)
        elif self.mechanism.input_feeding:
            projected = projected + ops.matmul(state["feed"], shared.fed_kernel)
        output, cells = self._run_cells(projected, state["cells"], shared)
        if not before:
            context, weights, state = self._attend(output, state, shared)
        hidden = self.readout.step(output, context, embedded, shared.readout)
        state = {**state, "cells": cells}
        if self.mechanism.input_feeding:
            state["feed"] = hidden
        return hidden, weights, state

    def _run_cells(self, projected, states, shared):
        """Run all cells at one position: the last cell's output, (B W, D), and the new states."""
        parts = list(zip(self.cells, states, shared.state_masks, shared.cells))
        cell, *of_cell = parts[0]
        output, first = cell.step(projected, *of_cell)
        new_states = [first]
        for (cell, *of_cell), mask in zip(parts[1:], shared.layer_masks):
            below = output if mask is None else output * mask
            above, new = cell.step(cell.project(below), *of_cell)
            output = below + above
            new_states.append(new)
        return output, new_states

    def _attend(self, query, state, shared):
        """Attend: query (B W, D), state -> context (B W, M), weights (B, W, S), new state."""
        source, width = shared.source, shared.width
        if self.attention is None:
            batch, length = ops.shape(source["mask"])
            size = source["fixed"].shape[-1]
            fixed = ops.broadcast_to(source["fixed"][:, None], (batch, width, size))
            weights = ops.zeros((batch, width, length), dtype="float32")
            return ops.reshape(fixed, (-1, size)), weights, state
        position, coverage = state.get("position"), state.get("coverage")
        query = ops.reshape(query, (-1, width, self.size))
        time = None if position is None else position[:, None]
        attend = self.attention.attend
        context, weights = attend(query, source, time, coverage, shared.attention)
        state = dict(state)
        if position is not None:
            state["position"] = position + 1
        if coverage is not None:
            state["coverage"] = coverage + weights
        return ops.reshape(context, (-1, context.shape[-1])), weights, state

    # -- parts ------------------------------------------------------------------------------------

    def _project(self, inputs):
        """Compute the embeddings' part of the first cell's product: (..., E) -> (..., G D)."""
        cell = self.cells[0]
        return affine(inputs, cell.kernel[: self.embedding_size], cell.input_bias())

    def _fed_kernel(self):
        """Return the rows of the first cell's matrix for its inputs other than the embedding."""
        return ops.cast(self.cells[0].kernel[self.embedding_size :], self.compute_dtype)


def _make_attention(config: ModelConfig, **kwargs):
    """Make the attention layer of a mechanism; None for the fixed vector."""
    mechanism, units = mechanism_of(config), config.attention_size
    if mechanism.score is None:
        return None
    if mechanism.heads > 1:
        return MultiHeadAttention(mechanism.heads, units, **kwargs)
    return Attention(
        mechanism.score, mechanism.scope, mechanism.window, units, config.attention_positions,
        mechanism.coverage, **kwargs,
    )  # fmt: skip


def _scan(function, state, positions):
    """Loop over the time axis of (B, T, ...) tensors; outputs are (B, T, ...) again."""
    _, outputs = scan(function, state, _swap(positions))
    return _swap(outputs)


def _by_sentence(state, width):
    """Reshape rows, (B W, D), to the hypotheses of each sentence, (B, W, D)."""
    return _reshaped(state, lambda x: (-1, width, x.shape[-1]))


def _in_rows(state):
    """Reshape the hypotheses of each sentence, (B, W, D), to rows, (B W, D)."""
    return _reshaped(state, lambda x: (-1, x.shape[-1]))


def _reshaped(state, shape):
    found = dict(state)
    for key in {"cells", "feed"} & set(state):
        found[key] = keras.tree.map_structure(lambda x: ops.reshape(x, shape(x)), state[key])
    return found


def _swap(structure):
    return keras.tree.map_structure(
        lambda x: ops.transpose(x, (1, 0, *range(2, len(x.shape)))), structure
    )
