"""The recurrent decoder: its cells, and where attention stands among them.

Letters: B batch, T target, W hypotheses of a sentence, S source, E embedding, M memory, D decoder
state, R readout, G gates.
"""

import keras
from keras import ops

from nmtcli.config.attention import Mechanism
from nmtcli.layers.attention import Attention, MultiHeadAttention
from nmtcli.layers.dense import affine, keep
from nmtcli.layers.key_value_cache import follow
from nmtcli.layers.readout import Readout
from nmtcli.layers.recurrent import make_cell, no_mask, run_projected
from nmtcli.layers.scan import scan


class RecurrentDecoder(keras.layers.Layer):
    """Stacked cells with attention before or after them, or with one fixed vector.

    What attends is the first cell's previous state (`before`) or the last cell's new one (`after`).
    Then a readout makes of state and context what the output layer sees.

    Only what is fed by its own attention needs a loop over target positions when training: the
    first cell with attention before it, all cells with input feeding, attention alone with
    coverage. Everything else is computed for all positions at once.

    The state between steps is a dictionary: `cells`, for each cell its tuple of (B, W, D); and
    where the mechanism needs it `feed` (B, W, R), the last readout; `coverage` float32 (B, W, S),
    the sum of the weights so far; `position` int32 (B,), the number of the next target position.
    The W hypotheses of a sentence share its source.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, A.1.2 (before);
    Luong et al. (2015), arXiv:1508.04025, section 3 (after) and 3.3 (input feeding);
    Cho et al. (2014), arXiv:1406.1078, section 2.2 (fixed vector);
    See et al. (2017), arXiv:1704.04368, section 2.3 (coverage).

    Args:
        size: D.
        mechanism: which attention, and where.
        readout: R.
        layers: how many cells.
        cell: `gru` or `lstm`.
        attention_size: A of the mechanism.
        positions: of the score `location`.

    Call arguments:
        inputs: embedded decoder inputs, (B, T, E).
        cells: list, for each cell its tuple of (B, D).
        source: dictionary made by `read_source`.
        drop: function applied between layers (dropout when training). Inside a loop it is drawn
            once for a sentence (Gal and Ghahramani, 2016, arXiv:1512.05287).
        on_states: function of a cell and a batch size: the factors of its state.

    Returns:
        hidden: (B, T, R).
        weights: float32, (B, T, S); zeros with the fixed vector.
    """

    def __init__(
        self, size, mechanism: Mechanism, readout, layers=1, cell="gru",
        attention_size=256, positions=256, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        problem = mechanism.problem()
        if problem:
            raise ValueError(problem)
        policy = {"dtype": self.dtype_policy}
        self.size, self.mechanism, self.readout_size = size, mechanism, readout
        self.cells = [make_cell(cell, size, name=f"decoder_{n}", **policy) for n in range(layers)]
        self.attention = _make_attention(mechanism, attention_size, positions, policy)
        self.readout = Readout(readout, mechanism.readout, name="readout", **policy)

    def build(self, input_shape, memory_shape):
        embedding, memory = input_shape[-1], memory_shape[-1]
        fed = 0
        if self.mechanism.placement == "before":
            fed = memory
        elif self.mechanism.input_feeding:
            fed = self.readout_size
        self.cells[0].build((None, None, embedding + fed))
        for cell in self.cells[1:]:
            cell.build((None, None, self.size))
        if self.attention is not None:
            self.attention.build((None, None, self.size), memory_shape)
        self.readout.build(self.size, memory, embedding)
        self.embedding_size = embedding
        self.built = True

    # -- the source, and the state before the first step ---------------------------------------

    def read_source(self, memory, mask, summary):
        """What a step needs of the source, computed once: a dictionary of batch-first tensors."""
        if self.attention is None:
            return {"mask": mask, "fixed": summary}
        return self.attention.read(memory, mask)

    def start(self, cells, source):
        """The state before the first target position, of one hypothesis; `cells` of (B, D)."""
        return _by_sentence(self._beginning(cells, source), 1)

    def _beginning(self, cells, source):
        """As `start`, in rows."""
        batch, length = ops.shape(source["mask"])
        state = {"cells": cells}
        if self.mechanism.input_feeding:
            state["feed"] = ops.zeros((batch, self.readout_size), dtype=self.compute_dtype)
        if self.mechanism.coverage:
            state["coverage"] = ops.zeros((batch, 1, length), dtype="float32")
        if self.mechanism.is_local:
            state["position"] = ops.zeros((batch,), dtype="int32")
        return state

    def follow(self, state, origins):
        """The state when hypothesis w goes on from what hypothesis origins[b, w] was: (B, W)."""
        rest = {key: x for key, x in state.items() if key != "position"}
        moved = keras.tree.map_structure(lambda x: follow(x, origins), rest)
        return {**state, **moved}

    # -- all target positions -------------------------------------------------------------------

    def call(self, inputs, cells, source, drop=keep, on_states=no_mask):
        projected = self._project(inputs)  # (B, T, G D), the first cell's share of the inputs
        factors = [on_states(cell, ops.shape(inputs)[0]) for cell in self.cells]
        if self.mechanism.input_feeding:
            return self._feed_in_loop(projected, inputs, cells, source, drop, factors)
        if self.attention is None:
            fixed = source["fixed"]
            projected = projected + ops.matmul(fixed, self._fed_kernel())[:, None]
            contexts = ops.repeat(fixed[:, None], ops.shape(inputs)[1], axis=1)
            weights = self._no_weights(inputs, source)
            outputs, _ = run_projected(self.cells[0], projected, cells[0], factors=factors[0])
        elif self.mechanism.placement == "before":
            outputs, contexts, weights = self._attend_in_loop(
                projected, cells[0], source, factors[0]
            )
        else:
            outputs, _ = run_projected(self.cells[0], projected, cells[0], factors=factors[0])
        for cell, start, its_own in zip(self.cells[1:], cells[1:], factors[1:]):
            below = drop(outputs)
            above, _ = run_projected(cell, cell.project(below), start, factors=its_own)
            outputs = below + above
        if self.mechanism.placement == "after":
            contexts, weights = self._attend_at_once(outputs, source)
        return self.readout(outputs, contexts, inputs), weights

    def _attend_at_once(self, outputs, source):
        """Attention after the cells for all of their outputs: (B, T, M), (B, T, S)."""
        if self.mechanism.coverage:
            return self._cover_in_loop(outputs, source)
        time = ops.arange(ops.shape(outputs)[1], dtype="int32")
        return self.attention.attender()(outputs, source, time)

    def _attend_in_loop(self, projected, start, source, factors):
        """The first cell with attention before it: (B, T, D), (B, T, M), (B, T, S)."""
        cell_step, fed_kernel = self.cells[0].stepper(factors), self._fed_kernel()
        attend = self._stepwise_attender(source)

        def position(state, x):
            context, weights, state = attend(state["cells"][0], state)
            output, cell = cell_step(x + ops.matmul(context, fed_kernel), state["cells"])
            return {**state, "cells": cell}, (output, context, weights[:, 0])

        return _scan(position, self._beginning(start, source), projected)

    def _cover_in_loop(self, outputs, source):
        """Attention after the cells when each step must know the weights before it."""
        attend = self._stepwise_attender(source)

        def position(state, output):
            context, weights, state = attend(output, state)
            return state, (context, weights[:, 0])

        state = self._beginning([], source)
        del state["cells"]
        return _scan(position, state, outputs)

    def _feed_in_loop(self, projected, inputs, cells, source, drop, factors):
        """All cells, attention and readout, each step fed with the readout before it."""
        turn, batch = self._turn(source, factors), ops.shape(inputs)[0]
        ones = ops.ones((batch, self.size), dtype=self.compute_dtype)
        masks = [drop(ones) for _ in self.cells[1:]]  # no random numbers inside the loop

        def position(state, x):
            hidden, weights, state = turn(*x, state, masks)
            return state, (hidden, weights[:, 0])

        return _scan(position, self._beginning(cells, source), (projected, inputs))

    # -- one target position --------------------------------------------------------------------

    def step(self, inputs, state, source):
        """One target position: (B, W, E) -> hidden (B, W, R), weights (B, W, S), the new state."""
        width = ops.shape(inputs)[1]
        rows = ops.reshape(inputs, (-1, self.embedding_size))
        turn = self._turn(source, width=width)
        hidden, weights, state = turn(self._project(rows), rows, _in_rows(state), None)
        hidden = ops.reshape(hidden, (-1, width, self.readout_size))
        return hidden, weights, _by_sentence(state, width)

    def _turn(self, source, factors=None, width=1):
        """One target position of B W rows.

        It is a function (projected (B W, G D), embedded (B W, E), state, masks) that returns
        hidden (B W, R), weights (B, W, S) and the new state.
        """
        factors = factors or [None] * len(self.cells)
        steppers = [cell.stepper(its_own) for cell, its_own in zip(self.cells, factors)]
        read_out, before = self.readout.reader(), self.mechanism.placement == "before"
        fed_kernel = self._fed_kernel()
        attend = self._stepwise_attender(source, width)

        def turn(projected, embedded, state, masks):
            if before:
                context, weights, state = attend(state["cells"][0][0], state)
                projected = projected + ops.matmul(context, fed_kernel)
            elif self.mechanism.input_feeding:
                projected = projected + ops.matmul(state["feed"], fed_kernel)
            output, first = steppers[0](projected, state["cells"][0])
            new_cells = [first]
            upper = zip(self.cells[1:], steppers[1:], state["cells"][1:])
            for layer, (cell, step, old) in enumerate(upper):
                below = output if masks is None else output * masks[layer]
                above, new = step(cell.project(below), old)
                output = below + above
                new_cells.append(new)
            if not before:
                context, weights, state = attend(output, state)
            hidden = read_out(output, context, embedded)
            state = {**state, "cells": new_cells}
            if self.mechanism.input_feeding:
                state["feed"] = hidden
            return hidden, weights, state

        return turn

    def _stepwise_attender(self, source, width=1):
        """A function (query (B W, D), state) -> context (B W, M), weights (B, W, S), new state."""
        batch, length = ops.shape(source["mask"])
        if self.attention is None:
            zeros = ops.zeros((batch, width, length), dtype="float32")
            size = source["fixed"].shape[-1]
            shared = ops.broadcast_to(source["fixed"][:, None], (batch, width, size))
            rows = ops.reshape(shared, (-1, size))
            return lambda query, state: (rows, zeros, state)
        attend = self.attention.attender()

        def attend_once(query, state):
            state = dict(state)
            position, coverage = state.get("position"), state.get("coverage")
            context, weights = attend(
                ops.reshape(query, (-1, width, self.size)),
                source,
                None if position is None else position[:, None],
                coverage,
            )
            if position is not None:
                state["position"] = position + 1
            if coverage is not None:
                state["coverage"] = coverage + weights
            return ops.reshape(context, (-1, context.shape[-1])), weights, state

        return attend_once

    # -- parts ------------------------------------------------------------------------------------

    def _project(self, inputs):
        """The embedded inputs' share of the first cell's product: (..., E) -> (..., G D)."""
        cell = self.cells[0]
        return affine(inputs, cell.kernel[: self.embedding_size], cell.bias)

    def _fed_kernel(self):
        """The rows of the first cell's matrix for what is fed to it beside the embedding."""
        return ops.cast(self.cells[0].kernel[self.embedding_size :], self.compute_dtype)

    @staticmethod
    def _no_weights(inputs, source):
        batch, length = ops.shape(source["mask"])
        return ops.zeros((batch, ops.shape(inputs)[1], length), dtype="float32")


def _make_attention(mechanism: Mechanism, units, positions, policy):
    """The layer of a mechanism; None of the fixed vector."""
    if mechanism.score is None:
        return None
    if mechanism.heads > 1:
        return MultiHeadAttention(mechanism.heads, units, name="attention", **policy)
    return Attention(
        mechanism.score, mechanism.scope, mechanism.window, units, positions, mechanism.coverage,
        name="attention", **policy,
    )  # fmt: skip


def _scan(function, state, positions):
    """Loop over the time axis of (B, T, ...) tensors; outputs are (B, T, ...) again."""
    time_first = _swap(positions)
    _, outputs = scan(function, state, time_first)
    return _swap(outputs)


def _by_sentence(state, width):
    """Rows, (B W, D), as the hypotheses of each sentence, (B, W, D)."""
    return _reshaped(state, lambda x: (-1, width, x.shape[-1]))


def _in_rows(state):
    """The hypotheses of each sentence, (B, W, D), as rows, (B W, D)."""
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
