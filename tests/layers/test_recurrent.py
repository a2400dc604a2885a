"""Cells against their formulas in NumPy and against Keras's own layers; loops and masks."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.gradients import gradients_of, normal
from nmtcli.layers.recurrent import GRUCell, LSTMCell, make_cell, run_cell
from nmtcli.layers.scan import scan

B, T, INPUTS, U = 3, 6, 4, 5
LENGTHS = (6, 2, 4)
MASK = np.arange(T)[None, :] < np.array(LENGTHS)[:, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_loop(x, h, kernel, recurrent, biases):
    """Cho et al. (2014), with the reset gate after the product; returns the states (T, U)."""
    wz, wr, wh = np.split(kernel, 3, axis=1)
    uz, ur, uh = np.split(recurrent, 3, axis=1)
    (bz, br, bh), (cz, cr, ch) = (np.split(bias, 3) for bias in biases)
    states = []
    for x_t in x:
        z = sigmoid(x_t @ wz + bz + h @ uz + cz)
        r = sigmoid(x_t @ wr + br + h @ ur + cr)
        candidate = np.tanh(x_t @ wh + bh + r * (h @ uh + ch))
        h = z * h + (1 - z) * candidate
        states.append(h)
    return np.array(states)


def lstm_loop(x, h, c, kernel, recurrent, bias):
    """Hochreiter and Schmidhuber (1997) with a forget gate; returns states and memories (T, U)."""
    states, memories = [], []
    for x_t in x:
        i, f, g, o = np.split(x_t @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
        memories.append(c)
    return np.array(states), np.array(memories)


def weights_of(cell):
    return [np.asarray(v.value) for v in cell.trainable_variables]


@pytest.fixture(scope="module", params=["gru", "lstm"])
def cell(request):
    made = make_cell(request.param, U)
    made.build((None, None, INPUTS))
    for n, variable in enumerate(made.trainable_variables):
        variable.assign(normal(*variable.shape, seed=n))
    return made


def first_state(cell, seed=50):
    return tuple(
        ops.convert_to_tensor(normal(B, U, seed=seed + n)) for n in range(cell.state_count)
    )


def keras_twin(cell, reverse=False):
    """Keras's layer with the weights of `cell`."""
    options = {"return_sequences": True, "return_state": True, "go_backwards": reverse}
    kind = keras.layers.GRU if isinstance(cell, GRUCell) else keras.layers.LSTM
    layer = kind(U, **options)
    layer.build((None, None, INPUTS))
    layer.set_weights(cell.get_weights())
    return layer


def test_cells_follow_their_formulas(cell):
    inputs, state = normal(B, T, INPUTS, seed=9), first_state(cell)
    outputs, last = run_cell(cell, ops.convert_to_tensor(inputs), state)
    for b in range(B):
        begin = [np.asarray(part)[b] for part in state]
        if isinstance(cell, GRUCell):
            expected = (gru_loop(inputs[b], *begin, *weights_of(cell)),)
        else:
            expected = lstm_loop(inputs[b], *begin, *weights_of(cell))
        np.testing.assert_allclose(outputs[b], expected[0], atol=1e-5)
        for part, history in zip(last, expected):
            np.testing.assert_allclose(part[b], history[-1], atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_cells_equal_the_layers_of_keras(cell, reverse):
    inputs, state = ops.convert_to_tensor(normal(B, T, INPUTS, seed=9)), first_state(cell)
    outputs, last = run_cell(cell, inputs, state, MASK, reverse=reverse)
    expected, *final = keras_twin(cell, reverse)(inputs, mask=MASK, initial_state=list(state))
    expected = np.asarray(expected)[:, ::-1] if reverse else np.asarray(expected)
    np.testing.assert_allclose(np.asarray(outputs)[MASK], expected[MASK], atol=1e-5)
    for part, other in zip(last, final):
        np.testing.assert_allclose(part, other, atol=1e-5)


def test_one_call_is_one_turn_of_the_loop(cell):
    inputs, state = ops.convert_to_tensor(normal(B, T, INPUTS)), first_state(cell)
    outputs, last = run_cell(cell, inputs, state)
    for t in range(T):
        output, state = cell(inputs[:, t], list(state))
        np.testing.assert_allclose(output, outputs[:, t], atol=1e-6)
    for part, other in zip(state, last):
        np.testing.assert_allclose(part, other, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_padding_does_not_change_outputs_and_final_states(cell, reverse):
    inputs, state = normal(B, T, INPUTS), first_state(cell)
    padded = np.where(MASK[..., None], inputs, 50.0).astype("float32")
    outputs, last = run_cell(cell, ops.convert_to_tensor(padded), state, MASK, reverse=reverse)
    for b, length in enumerate(LENGTHS):
        alone, final = run_cell(
            cell,
            ops.convert_to_tensor(inputs[b : b + 1, :length]),
            tuple(part[b : b + 1] for part in state),
            reverse=reverse,
        )
        np.testing.assert_allclose(outputs[b, :length], alone[0], atol=1e-6)
        for part, other in zip(last, final):
            np.testing.assert_allclose(part[b], other[0], atol=1e-6)
        end = 0 if reverse else length - 1
        np.testing.assert_allclose(last[0][b], outputs[b, end], atol=1e-6)


def test_a_row_of_padding_keeps_its_first_state(cell):
    state = first_state(cell)
    mask = np.zeros((B, T), dtype=bool)
    _, last = run_cell(cell, ops.convert_to_tensor(normal(B, T, INPUTS)), state, mask)
    for part, begin in zip(last, state):
        np.testing.assert_array_equal(part, begin)


def test_reading_backwards_is_reading_the_reversed_sentence(cell):
    inputs, state = normal(B, T, INPUTS), first_state(cell)
    outputs, last = run_cell(cell, ops.convert_to_tensor(inputs), state, reverse=True)
    turned, other = run_cell(cell, ops.convert_to_tensor(inputs[:, ::-1].copy()), state)
    np.testing.assert_allclose(outputs, np.asarray(turned)[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(last[0], other[0], atol=1e-6)


def _turn(carry, position):
    """Outputs of other shapes than the carry; the carry comes back as a structure too."""
    total, count = carry
    total = ops.tanh(total * 0.7 + position["x"] + position["shift"][:, None])
    return (total, count + 1.0), {"sum": ops.sum(total, axis=-1), "pair": (total * 2, count)}


def _python_loop(carry, positions, reverse):
    length = len(positions["x"])
    outputs = [None] * length
    for t in reversed(range(length)) if reverse else range(length):
        carry, outputs[t] = _turn(carry, {name: x[t] for name, x in positions.items()})
    return carry, keras.tree.map_structure(lambda *parts: ops.stack(parts), *outputs)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_is_a_python_loop(reverse):
    carry = (ops.convert_to_tensor(normal(B, U)), ops.zeros(()))
    positions = {"x": normal(T, B, U, seed=1), "shift": normal(T, B, seed=2)}
    positions = {name: ops.convert_to_tensor(x) for name, x in positions.items()}
    found = scan(_turn, carry, positions, reverse=reverse)
    expected = _python_loop(carry, positions, reverse)
    keras.tree.assert_same_structure(found, expected)
    for part, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected)):
        np.testing.assert_allclose(part, other, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_gradient_of_scan_is_that_of_a_python_loop(reverse):
    upstream = normal(T, B, seed=3)

    def objective(loop):
        def value(start, x, shift):
            carry, outputs = loop((start, ops.zeros(())), {"x": x, "shift": shift})
            return ops.sum(outputs["sum"] * upstream) + ops.sum(ops.square(carry[0]))

        return value

    arrays = (normal(B, U), normal(T, B, U, seed=1), normal(T, B, seed=2))
    found = gradients_of(objective(lambda c, p: scan(_turn, c, p, reverse=reverse)), *arrays)
    expected = gradients_of(objective(lambda c, p: _python_loop(c, p, reverse)), *arrays)
    for gradient, other in zip(found, expected):
        np.testing.assert_allclose(gradient, other, atol=1e-5)
        assert np.abs(other).max() > 0.1


def test_a_new_lstm_remembers_and_other_biases_are_zero():
    lstm, gru = LSTMCell(2), GRUCell(2)
    lstm.build((None, 3))
    gru.build((None, 3))
    assert np.asarray(lstm.bias.value).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert not np.asarray(gru.bias.value).any() and tuple(gru.bias.shape) == (2, 6)


def test_the_zero_state_has_the_shape_and_type_of_the_states():
    cell = LSTMCell(U, dtype="mixed_bfloat16")
    state = cell.get_initial_state(B)
    assert [tuple(part.shape) for part in state] == [(B, U), (B, U)]
    assert {keras.backend.standardize_dtype(part.dtype) for part in state} == {"bfloat16"}


def test_the_other_form_of_the_gru_is_refused():
    with pytest.raises(ValueError, match="`reset_after` must be True.*Received: reset_after=False"):
        GRUCell(4, reset_after=False)


@pytest.mark.parametrize("kind", [GRUCell, LSTMCell])
def test_a_cell_without_biases_equals_the_layer_of_keras(kind):
    cell, inputs = kind(U, use_bias=False), ops.convert_to_tensor(normal(B, T, INPUTS))
    cell.build((None, INPUTS))
    layer = keras.layers.RNN(cell, return_sequences=True)
    outputs, _ = run_cell(cell, inputs, tuple(cell.get_initial_state(B)))
    np.testing.assert_allclose(outputs, layer(inputs), atol=1e-6)


def test_a_cell_is_made_again_from_its_configuration(cell):
    again = type(cell).from_config(cell.get_config())
    assert (again.units, again.name) == (U, cell.name)


def test_units_that_are_not_positive_are_refused():
    with pytest.raises(ValueError, match="`units` must be a positive integer. Received: units=-1"):
        GRUCell(-1)


def test_an_unknown_cell_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"one of \['gru', 'lstm'\]. Received: 'rnn'"):
        make_cell("rnn", U)
