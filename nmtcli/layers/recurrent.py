"""Recurrent cells, and functions that run them over whole sequences.

The cells are those of Keras with a second way to compute them. `keras.layers.RNN(cell)` calls a
cell at each position. Our models use two steps, because the product with the inputs needs no loop:

    projected = cell.project(inputs)            # (B, T, I) -> (B, T, G * U), all positions at once
    weights = cell.compute_weights()            # once before the loop
    output, state = cell.step(projected[:, t], state, weights=weights)

Letters: B batch, T positions, I input size, U units, G gates (3 in a GRU, 4 in an LSTM).
A state is a tuple of (B, U) tensors; its first tensor is the output.
"""

import keras
from keras import ops

from nmtcli.layers.checks import check_positive
from nmtcli.layers.dense import affine
from nmtcli.layers.scan import scan


@keras.saving.register_keras_serializable(package="nmtcli")
class GRUCell(keras.layers.GRUCell):
    """Gated recurrent unit (GRU).

        z = sigmoid(Wz x + Uz h),  r = sigmoid(Wr x + Ur h)
        h~ = tanh(W x + r * (U h + b')),  h' = z * h + (1 - z) * h~

    The reset gate acts after the product with U, as in cuDNN, so one product serves all gates. The
    weights are those of `keras.layers.GRU`: gates in the order z, r, h~ and two rows of biases.

    Reference: Cho et al. (2014), arXiv:1406.1078, section 2.3 and appendix A.

    Args:
        units: U.
        **kwargs: the arguments of `keras.layers.GRUCell`. Its dropouts act in `keras.layers.RNN`;
            `step` has a dropout mask as an argument.

    Call arguments:
        inputs: (B, I).
        states: a list of one state, (B, U).
        training: whether dropout acts.

    Returns:
        the output, (B, U), and a list of the new state.

    Raises:
        ValueError: `units` is not positive, or `reset_after` is False.

    Example:
        >>> import numpy as np
        >>> encoder = keras.layers.RNN(GRUCell(8), return_sequences=True)
        >>> tuple(encoder(np.ones((2, 5, 4))).shape)
        (2, 5, 8)
    """

    state_count = 1

    def __init__(self, units, **kwargs):
        check_positive(units=units)
        super().__init__(units, **kwargs)
        if not self.reset_after:
            raise ValueError(
                "`reset_after` must be True; `keras.layers.GRUCell` has the other form. Received:"
                " reset_after=False"
            )

    def project(self, inputs):
        """Compute W x + b at every position: (..., I) -> (..., G * U)."""
        return affine(inputs, self.kernel, self.input_bias())

    def input_bias(self):
        """Return the biases that do not depend on the state, (G * U,): both rows of z and r, and
        the first row of h~. None without biases."""
        if not self.use_bias:
            return None
        gates = 2 * self.units
        recurrent = ops.concatenate([self.bias[1, :gates], ops.zeros_like(self.bias[1, gates:])])
        return self.bias[0] + recurrent

    def compute_weights(self):
        """Return the weights for `step` in the compute type. Call it once before a loop:
        TensorFlow would otherwise cast the weights in every turn."""
        kernel = ops.cast(self.recurrent_kernel, self.compute_dtype)
        if not self.use_bias:
            return kernel, 0.0
        return kernel, ops.cast(self.bias[1, 2 * self.units :], self.compute_dtype)

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
        kernel, bias = self.compute_weights() if weights is None else weights
        (h,) = state
        inner = ops.matmul(h if dropout_mask is None else h * dropout_mask, kernel)  # (B, 3 U)
        input_gates, input_rest = ops.split(projected, [2 * self.units], -1)
        inner_gates, inner_rest = ops.split(inner, [2 * self.units], -1)
        gates = self.recurrent_activation(input_gates + inner_gates)
        update, reset = ops.split(gates, 2, -1)
        candidate = self.activation(input_rest + reset * (inner_rest + bias))
        h = candidate + update * (h - candidate)
        return h, (h,)


@keras.saving.register_keras_serializable(package="nmtcli")
class LSTMCell(keras.layers.LSTMCell):
    """Long short-term memory (LSTM) with a forget gate whose bias is initialised to one.

        i, f, o = sigmoid(W x + U h),  g = tanh(W x + U h)
        c' = f * c + i * g,  h' = o * tanh(c')

    The weights are those of `keras.layers.LSTM`: gates in the order i, f, g, o.

    Reference: Hochreiter and Schmidhuber (1997); Gers et al. (2000) for the forget gate.

    Args:
        units: U.
        **kwargs: the arguments of `keras.layers.LSTMCell`. Its dropouts act in `keras.layers.RNN`;
            `step` has a dropout mask as an argument.

    Call arguments:
        inputs: (B, I).
        states: a list of h and c, (B, U) each.
        training: whether dropout acts.

    Returns:
        the output, (B, U), and a list of the new h and c.

    Raises:
        ValueError: `units` is not positive.

    Example:
        >>> import numpy as np
        >>> encoder = keras.layers.Bidirectional(keras.layers.RNN(LSTMCell(8)))
        >>> tuple(encoder(np.ones((2, 5, 4))).shape)
        (2, 16)
    """

    state_count = 2

    def __init__(self, units, **kwargs):
        check_positive(units=units)
        super().__init__(units, **kwargs)

    def project(self, inputs):
        """Compute W x + b at every position: (..., I) -> (..., G * U)."""
        return affine(inputs, self.kernel, self.bias)

    def input_bias(self):
        """Return the biases, (G * U,), or None without biases."""
        return self.bias

    def compute_weights(self):
        """Return the weights for `step`; see `GRUCell.compute_weights`."""
        return ops.cast(self.recurrent_kernel, self.compute_dtype)

    def step(self, projected, state, dropout_mask=None, weights=None):
        """Compute one position; for arguments and results see `GRUCell.step`."""
        kernel = self.compute_weights() if weights is None else weights
        h, c = state
        seen = h if dropout_mask is None else h * dropout_mask
        gates = projected + ops.matmul(seen, kernel)  # (B, 4 U)
        admit, candidate, emit = ops.split(gates, [2 * self.units, 3 * self.units], -1)
        admit, forget = ops.split(self.recurrent_activation(admit), 2, -1)
        c = forget * c + admit * self.activation(candidate)
        h = self.recurrent_activation(emit) * self.activation(c)
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
