"""The recurrent encoder, from the embedded source to the memory.

Letters: B batch, S source, I input size, M memory size.
"""

import keras
from keras import ops

from nmtcli.config import ModelConfig
from nmtcli.layers.dropout import Dropout
from nmtcli.layers.recurrent import make_cell, run_cell


class RNNEncoder(keras.layers.Layer):
    """Recurrent encoder: stacked layers; the first may be bidirectional.

    1. The first layer: (B, S, I) -> (B, S, M), M/2 units in each direction, side by side.
    2. Each further layer reads the layer below it, with a residual connection.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, section 3.2 (both directions);
    Wu et al. (2016), arXiv:1609.08144, section 3.1 (residual stack, bottom layer bidirectional).

    Args:
        config: the `model` section: `encoder_size` is M; it is even if the first layer is
            bidirectional.
        seed: seed of the dropout; see `Dropout`.

    Call arguments:
        inputs: (B, S, I).
        mask: bool, (B, S), True = real token.
        training: whether dropout acts, between layers, on the memory and on the cells' states.

    Returns:
        memory: (B, S, M).
        summary: (B, M), the last states: the forward state at the last token and the backward
            state at the first.

    Raises:
        ValueError: the size is odd, but there are two directions.
    """

    def __init__(self, config: ModelConfig, seed=None, **kwargs):
        super().__init__(**kwargs)
        size, cell, policy = config.encoder_size, config.cell, {"dtype": self.dtype_policy}
        if config.bidirectional and size % 2:
            raise ValueError(
                f"A bidirectional encoder needs an even size. Received: encoder_size={size}"
            )
        units = size // 2 if config.bidirectional else size
        self.forward_cell = make_cell(cell, units, name="encoder_forward", **policy)
        self.backward_cell = None
        if config.bidirectional:
            self.backward_cell = make_cell(cell, units, name="encoder_backward", **policy)
        self.upper_cells = [
            make_cell(cell, size, name=f"encoder_{n}", **policy)
            for n in range(1, config.encoder_layers)
        ]
        self.size = size
        self.dropout = Dropout(config.dropout, seed)
        self.recurrent_dropout = Dropout(config.recurrent_dropout, seed)

    def build(self, input_shape):
        self.forward_cell.build(input_shape)
        if self.backward_cell is not None:
            self.backward_cell.build(input_shape)
        for cell in self.upper_cells:
            cell.build((None, None, self.size))
        self.built = True

    def call(self, inputs, mask, training=False):
        memory, summary = self._run(self.forward_cell, inputs, mask, training)
        if self.backward_cell is not None:
            backward, last = self._run(self.backward_cell, inputs, mask, training, reverse=True)
            memory = ops.concatenate([memory, backward], axis=-1)
            summary = ops.concatenate([summary, last], axis=-1)
        for cell in self.upper_cells:
            below = self.dropout(memory, training)
            above, summary = self._run(cell, below, mask, training)
            memory = below + above
        return self.dropout(memory, training), summary

    def _run(self, cell, inputs, mask, training, reverse=False):
        """Run a cell; return its outputs (B, S, U) and the last output (B, U)."""
        batch = ops.shape(inputs)[0]
        dropout_mask = self.recurrent_dropout.mask(
            (batch, cell.units), self.compute_dtype, training
        )
        start = tuple(cell.get_initial_state(batch))
        outputs, state = run_cell(cell, inputs, start, mask, reverse, dropout_mask)
        return outputs, state[0]
