"""Recurrent cells, and functions that run them over whole sequences.

A cell works in two steps, because the product with the inputs needs no loop:

    projected = cell.project(inputs)            # (B, T, I) -> (B, T, G * U), all positions at once
    weights = cell.compute_weights()            # once before the loop
    output, state = cell.step(projected[:, t], state, weights=weights)

Letters: B batch, T positions, I input size, U units, G gates (3 in a GRU, 4 in an LSTM).
A state is a tuple of (B, U) tensors; its first tensor is the output.
"""

import keras
from keras import ops

from nmtcli.layers.dense import affine
from nmtcli.layers.scan import scan


class _Cell(keras.layers.Layer):
    """The base class of the cells; it has the weights [W, U, b] of G gates side by side."""

    gates: int
    state_size: int

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be positive. Received: units={units}")
        self.units = units

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], width), initializer="glorot_uniform"
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, width), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(width,), initializer=self.first_bias)
        self.built = True

    def first_bias(self, shape, dtype=None):
        return ops.zeros(shape, dtype)

    def project(self, inputs):
        """Compute W x + b at every position: (..., I) -> (..., G * U)."""
        return affine(inputs, self.kernel, self.bias)

    def zero_state(self, batch):
        zeros = ops.zeros((batch, self.units), dtype=self.compute_dtype)
        return (zeros,) * self.state_size

    def compute_weights(self):
        """Return the weights for `step` in the compute type. Call it once before a loop:
        TensorFlow would otherwise cast the weights in every turn."""

    def step(self, projected, state, dropout_mask=None, weights=None):
        """Compute one position.

        Args:
            projected: one position of the result of `project`, (B, G * U).
            state: tuple of (B, U).
            dropout_mask: (B, U); the state is multiplied by it before its product. None: no
                dropout.
            weights: the result of `compute_weights`; None computes them here.

        Returns:
            output: (B, U), and the new state.
        """

    def call(self, inputs, state):
        return self.step(self.project(inputs), state)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="nmtcli")
class GRUCell(_Cell):
    """Gated recurrent unit (GRU).

        z = sigmoid(Wz x + Uz h),  r = sigmoid(Wr x + Ur h)
        h~ = tanh(W x + r * (U h + b')),  h' = z * h + (1 - z) * h~

    The reset gate acts after the product with U, as in cuDNN, so one product serves all gates.

    Reference: Cho et al. (2014), arXiv:1406.1078, section 2.3 and appendix A.
    """

    gates = 3
    state_size = 1

    def build(self, input_shape):
        super().build(input_shape)
        self.recurrent_bias = self.add_weight(
            name="recurrent_bias", shape=(self.units,), initializer="zeros"
        )

    def compute_weights(self):
        kernel = ops.cast(self.recurrent_kernel, self.compute_dtype)
        return kernel, ops.cast(self.recurrent_bias, self.compute_dtype)

    def step(self, projected, state, dropout_mask=None, weights=None):
        kernel, bias = self.compute_weights() if weights is None else weights
        (h,) = state
        inner = ops.matmul(h if dropout_mask is None else h * dropout_mask, kernel)  # (B, 3 U)
        input_gates, input_rest = ops.split(projected, [2 * self.units], -1)
        inner_gates, inner_rest = ops.split(inner, [2 * self.units], -1)
        update, reset = ops.split(ops.sigmoid(input_gates + inner_gates), 2, -1)
        candidate = ops.tanh(input_rest + reset * (inner_rest + bias))
        h = candidate + update * (h - candidate)
        return h, (h,)


@keras.saving.register_keras_serializable(package="nmtcli")
class LSTMCell(_Cell):
    """Long short-term memory (LSTM) with a forget gate whose bias is initialised to one.

        i, f, o = sigmoid(W x + U h),  g = tanh(W x + U h)
        c' = f * c + i * g,  h' = o * tanh(c')

    Reference: Hochreiter and Schmidhuber (1997); Gers et al. (2000) for the forget gate.
    """

    gates = 4
    state_size = 2

    def first_bias(self, shape, dtype=None):
        units = self.units
        parts = [ops.zeros(units, dtype), ops.ones(units, dtype), ops.zeros(2 * units, dtype)]
        return ops.concatenate(parts)

    def compute_weights(self):
        return ops.cast(self.recurrent_kernel, self.compute_dtype)

    def step(self, projected, state, dropout_mask=None, weights=None):
        kernel = self.compute_weights() if weights is None else weights
        h, c = state
        seen = h if dropout_mask is None else h * dropout_mask
        gates = projected + ops.matmul(seen, kernel)  # (B, 4 U)
        gates, candidate = ops.split(gates, [3 * self.units], -1)
        admit, forget, emit = ops.split(ops.sigmoid(gates), 3, -1)
        c = forget * c + admit * ops.tanh(candidate)
        h = emit * ops.tanh(c)
        return h, (h, c)


def make_cell(kind, units, **kwargs):
    """Make the cell for the name `gru` or `lstm`."""
    cells = {"gru": GRUCell, "lstm": LSTMCell}
    if kind not in cells:
        raise ValueError(f"cell must be one of {sorted(cells)}. Received: {kind!r}")
    return cells[kind](units, **kwargs)


def run_cell(cell, inputs, state, mask=None, reverse=False, dropout_mask=None):
    """Run a cell over a sequence.

    Args:
        cell: a built cell.
        inputs: (B, T, I).
        state: tuple of (B, U).
        mask: bool, (B, T); where it is False, the state is carried over unchanged.
        reverse: run from the last position to the first; outputs keep the order of the inputs.
        dropout_mask: (B, U); the state is multiplied by it before each product. Or None.

    Returns:
        outputs: (B, T, U).
        state: tuple of (B, U) after the last real position (after the first if reversed).
    """
    return run_projected(cell, cell.project(inputs), state, mask, reverse, dropout_mask)


def run_projected(cell, projected, state, mask=None, reverse=False, dropout_mask=None):
    """Run a cell over the results of `cell.project`, (B, T, G U); see `run_cell`."""
    weights = cell.compute_weights()
    projected = ops.transpose(projected, (1, 0, 2))  # (T, B, G U)

    def step(state, x):
        return cell.step(x, state, dropout_mask, weights)

    if mask is None:
        return _scan(step, state, projected, reverse)
    is_real = ops.transpose(mask, (1, 0))[:, :, None]  # (T, B, 1)

    def masked_step(state, position):
        x, is_real = position
        _, new = step(state, x)
        new = tuple(ops.where(is_real, fresh, old) for fresh, old in zip(new, state))
        return new[0], new

    return _scan(masked_step, state, (projected, is_real), reverse)


def _scan(function, state, positions, reverse):
    """Loop over the first axis; (T, B, U) outputs are returned as (B, T, U)."""

    def body(state, position):
        output, state = function(state, position)
        return state, output

    state, outputs = scan(body, state, positions, reverse=reverse)
    return ops.transpose(outputs, (1, 0, 2)), state
