"""The recurrent decoder: its cells, and where attention stands among them.

Letters: B batch, T target, S source, E embedding, M memory, D decoder state.
"""

import keras
from keras import ops

from nmtcli.layers.attention import AdditiveScore, DotScore, attend
from nmtcli.layers.loop import scan
from nmtcli.layers.recurrent import make_cell, run_cell


def make_score(kind, units, **kwargs):
    """The score function called `additive` or `dot`."""
    if kind == "additive":
        return AdditiveScore(units, **kwargs)
    if kind == "dot":
        return DotScore(**kwargs)
    raise ValueError(f"score must be additive or dot. Received: {kind!r}")


class RecurrentDecoder(keras.layers.Layer):
    """Stacked cells with attention before or after them, or with one fixed vector.

    What attends is the first cell's previous state (`before`) or the last cell's new one (`after`).
    Only a cell that is fed by its own attention needs a loop of its own; all other layers, and
    attention `after` the cells, are computed for all target positions at once when training.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, A.1.2 (before);
    Luong et al. (2015), arXiv:1508.04025, section 3 (after);
    Cho et al. (2014), arXiv:1406.1078, section 2.2 (fixed vector).

    Args:
        size: D.
        score: `additive`, `dot`, or None for the fixed vector.
        placement: `before` or `after`; the fixed vector stands before.
        layers: how many cells.
        cell: `gru` or `lstm`.
        attention_size: A of the additive score.

    Call arguments:
        inputs: embedded decoder inputs, (B, T, E).
        state: list, for each cell its tuple of (B, D).
        source: dictionary made by `read_source`.
        drop: function applied between layers (dropout when training).

    Returns:
        outputs: (B, T, D).
        contexts: (B, T, M).
        weights: float32, (B, T, S); zeros with the fixed vector.
    """

    def __init__(self, size, score, placement, layers=1, cell="gru", attention_size=256, **kwargs):
        super().__init__(**kwargs)
        if placement not in ("before", "after"):
            raise ValueError(f"placement must be before or after. Received: {placement!r}")
        policy = {"dtype": self.dtype_policy}
        self.size, self.placement = size, placement
        self.cells = [make_cell(cell, size, name=f"decoder_{n}", **policy) for n in range(layers)]
        self.score = (
            None if score is None else make_score(score, attention_size, name="score", **policy)
        )

    def build(self, input_shape, memory_shape):
        embedding, memory = input_shape[-1], memory_shape[-1]
        fed = embedding + memory if self.placement == "before" else embedding
        self.cells[0].build((None, None, fed))
        for cell in self.cells[1:]:
            cell.build((None, None, self.size))
        if self.score is not None:
            self.score.build((None, None, self.size), memory_shape)
        self.embedding_size = embedding
        self.built = True

    def read_source(self, memory, mask, summary):
        """What a step needs of the source, computed once: a dictionary of batch-first tensors."""
        if self.score is None:
            return {"mask": mask, "fixed": summary}
        return {"mask": mask, "memory": memory, "keys": self.score.project(memory)}

    def call(self, inputs, state, source, drop=lambda x: x):
        if self.score is not None and self.placement == "before":
            outputs, contexts, weights = self._attend_in_loop(inputs, state[0], source)
        else:
            first = inputs
            if self.score is None:
                contexts = self._repeat(source["fixed"], inputs)
                first = ops.concatenate([inputs, contexts], axis=-1)
            outputs, _ = run_cell(self.cells[0], first, state[0])
        for cell, start in zip(self.cells[1:], state[1:]):
            below = drop(outputs)
            outputs = below + run_cell(cell, below, start)[0]
        if self.score is None:
            weights = self._no_weights(inputs, source["mask"])
        elif self.placement == "after":
            contexts, weights = attend(
                self.score.scorer(), outputs, source["keys"], source["memory"], source["mask"]
            )
        return outputs, contexts, weights

    def step(self, inputs, state, source):
        """One target position: as `call` with T = 1, and the new state besides."""
        new_state = []
        query = state[0][0][:, None]
        first = inputs
        if self.score is None:
            contexts = self._repeat(source["fixed"], inputs)
            weights = self._no_weights(inputs, source["mask"])
        elif self.placement == "before":
            contexts, weights = self._attend(query, source)
        if self.placement == "before":
            first = ops.concatenate([inputs, contexts], axis=-1)
        outputs = first
        for layer, (cell, old) in enumerate(zip(self.cells, state)):
            above, new = cell(outputs[:, 0], old)
            outputs = above[:, None] if layer == 0 else outputs + above[:, None]
            new_state.append(new)
        if self.placement == "after":
            contexts, weights = self._attend(outputs, source)
        return outputs, contexts, weights, new_state

    def _attend(self, query, source):
        score = self.score.scorer()
        return attend(score, query, source["keys"], source["memory"], source["mask"])

    def _attend_in_loop(self, inputs, state, source):
        """The first cell with attention before it: (B, T, D), (B, T, M), (B, T, S)."""
        cell, score, cell_step = self.cells[0], self.score.scorer(), self.cells[0].stepper()
        kernel = ops.cast(cell.kernel, self.compute_dtype)
        embedding_kernel, context_kernel = (
            kernel[: self.embedding_size],
            kernel[self.embedding_size :],
        )
        projected = ops.matmul(ops.reshape(inputs, (-1, self.embedding_size)), embedding_kernel)
        projected = projected + ops.cast(cell.bias, self.compute_dtype)
        shape = ops.shape(inputs)
        projected = ops.reshape(projected, (shape[0], shape[1], kernel.shape[-1]))

        def position(state, x):
            context, weights = attend(
                score, state[0][:, None], source["keys"], source["memory"], source["mask"]
            )
            context = context[:, 0]
            output, state = cell_step(x + ops.matmul(context, context_kernel), state)
            return state, (output, context, weights[:, 0])

        _, stacked = scan(position, state, ops.transpose(projected, (1, 0, 2)))
        return [ops.transpose(x, (1, 0, 2)) for x in stacked]

    @staticmethod
    def _repeat(fixed, inputs):
        """(B, M) -> (B, T, M)."""
        return ops.repeat(fixed[:, None], ops.shape(inputs)[1], axis=1)

    @staticmethod
    def _no_weights(inputs, mask):
        batch, length = ops.shape(mask)
        return ops.zeros((batch, ops.shape(inputs)[1], length), dtype="float32")
