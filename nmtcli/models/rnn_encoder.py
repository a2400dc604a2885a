"""The recurrent encoder: embedded source -> memory.

Letters: B batch, S source, I input size, M memory size.
"""

import keras
from keras import ops

from nmtcli.layers.dense import keep
from nmtcli.layers.recurrent import make_cell, no_mask, run_cell


class RecurrentEncoder(keras.layers.Layer):
    """Stacked recurrent layers, the first of which may read both ways.

    1. The first layer: (B, S, I) -> (B, S, M), M/2 units in each direction, side by side.
    2. Each further layer reads the one below, with a residual connection.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, section 3.2 (both directions);
    Wu et al. (2016), arXiv:1609.08144, section 3.1 (residual stack, bottom layer bidirectional).

    Args:
        size: M.
        layers: how many.
        bidirectional: whether the first layer reads both ways; M must be even then.
        cell: `gru` or `lstm`.

    Call arguments:
        inputs: (B, S, I).
        mask: bool, (B, S), True = real token.
        drop: function applied between layers and to the memory (dropout when training).
        on_states: function of a cell and a batch size: the factors of its state.

    Returns:
        memory: (B, S, M).
        summary: (B, M), the last state: of the forward reading at the last token and of the
            backward one at the first.

    Raises:
        ValueError: an odd size for two directions.
    """

    def __init__(self, size, layers=1, bidirectional=True, cell="gru", **kwargs):
        super().__init__(**kwargs)
        if bidirectional and size % 2:
            raise ValueError(f"A bidirectional encoder needs an even size. Received: size={size}")
        units = size // 2 if bidirectional else size
        policy = {"dtype": self.dtype_policy}
        self.forward_cell = make_cell(cell, units, name="encoder_forward", **policy)
        self.backward_cell = (
            make_cell(cell, units, name="encoder_backward", **policy) if bidirectional else None
        )
        self.upper_cells = [
            make_cell(cell, size, name=f"encoder_{n}", **policy) for n in range(1, layers)
        ]
        self.size = size

    def build(self, input_shape):
        self.forward_cell.build(input_shape)
        if self.backward_cell is not None:
            self.backward_cell.build(input_shape)
        for cell in self.upper_cells:
            cell.build((None, None, self.size))
        self.built = True

    def call(self, inputs, mask, drop=keep, on_states=no_mask):
        batch = ops.shape(inputs)[0]
        zero = self.forward_cell.zero_state
        factors = on_states(self.forward_cell, batch)
        memory, state = run_cell(self.forward_cell, inputs, zero(batch), mask, factors=factors)
        summary = state[0]
        if self.backward_cell is not None:
            factors = on_states(self.backward_cell, batch)
            backward, state = run_cell(
                self.backward_cell, inputs, zero(batch), mask, reverse=True, factors=factors
            )
            memory = ops.concatenate([memory, backward], axis=-1)
            summary = ops.concatenate([summary, state[0]], axis=-1)
        for cell in self.upper_cells:
            below = drop(memory)
            factors = on_states(cell, batch)
            above, state = run_cell(cell, below, cell.zero_state(batch), mask, factors=factors)
            memory, summary = below + above, state[0]
        return drop(memory), summary
