"""Cells and attention against the layers of Keras with the same weights: outputs and gradients.

Run as a program, print the largest differences: `python tests/layers/test_against_keras.py`.
"""

import keras
import numpy as np
import pytest
from keras import ops

from nmtcli.layers import (
    AdditiveAttention,
    Attention,
    CrossAttention,
    GRUCell,
    LSTMCell,
    MultiHeadAttention,
    SelfAttention,
)

B, T, S, D, U, H = 3, 4, 6, 8, 5, 2
CELLS = {"gru": (GRUCell, keras.layers.GRU), "lstm": (LSTMCell, keras.layers.LSTM)}
QUERY_MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], dtype=bool)
VALUE_MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]], dtype=bool)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def gradients(function, variables, inputs):
    """The gradients of sum(function(inputs) * upstream) by inputs and variables."""
    from helpers.gradients import gradients_of

    shape = tuple(function(ops.convert_to_tensor(inputs)).shape)
    upstream = normal(*shape, seed=9)

    def total(inputs, *values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return ops.sum(function(inputs) * upstream)

    return gradients_of(total, inputs, *(np.asarray(v.value) for v in variables))


def difference(ours, theirs):
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in zip(ours, theirs))


def cells(kind, both_ways, masked):
    """The differences of outputs and gradients of `RNN(our cell)` and the layer of Keras."""
    cell, layer = CELLS[kind]
    options = {"return_sequences": True, "dtype": "float32"}
    ours, theirs = keras.layers.RNN(cell(U), **options), layer(U, **options)
    if both_ways:
        ours, theirs = (keras.layers.Bidirectional(made) for made in (ours, theirs))
    inputs, mask = normal(B, S, D), VALUE_MASK if masked else None
    for made in (ours, theirs):
        made.build((None, S, D))
    theirs.set_weights([normal(*w.shape, seed=n) for n, w in enumerate(theirs.weights)])
    ours.set_weights(theirs.get_weights())
    found = [made(inputs, mask=mask) for made in (ours, theirs)]
    slopes = [
        gradients(lambda x, made=made: made(x, mask=mask), made.trainable_variables, inputs)
        for made in (ours, theirs)
    ]
    return difference([found[0]], [found[1]]), difference(*slopes)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_with_the_weights_of_keras_equals_its_layer(kind, both_ways, masked):
    outputs, slopes = cells(kind, both_ways, masked)
    assert outputs < 2e-6
    assert slopes < 2e-5


def loops(kind):
    """The differences of outputs and gradients of `run_cell` and the layer of Keras."""
    from nmtcli.layers.recurrent import run_cell

    cell, layer = CELLS[kind]
    theirs, ours = layer(U, return_sequences=True), cell(U)
    theirs.build((None, S, D))
    ours.build((None, D))
    ours.set_weights([normal(*w.shape, seed=n) for n, w in enumerate(ours.weights)])
    theirs.set_weights(ours.get_weights())

    def run(inputs):
        return run_cell(ours, inputs, tuple(ours.get_initial_state(B)))[0]

    inputs = normal(B, S, D)
    outputs = difference([run(ops.convert_to_tensor(inputs))], [theirs(inputs)])
    slopes = [
        gradients(run, ours.trainable_variables, inputs),
        gradients(theirs, theirs.trainable_variables, inputs),
    ]
    return outputs, difference(*slopes)


@pytest.mark.parametrize("kind", CELLS)
def test_our_loop_equals_the_layer_of_keras(kind):
    """`run_cell` is how our models run a cell: the projected inputs, then the steps."""
    outputs, slopes = loops(kind)
    assert outputs < 2e-6
    assert slopes < 2e-5


def attention_pairs():
    """Our attention and Keras's with equal weights, by name."""
    additive = AdditiveAttention(units=D)
    additive.build((None, T, D), (None, S, D))
    for variable in additive.weights:
        value = np.eye(D) if tuple(variable.shape) == (D, D) else np.ones(variable.shape)
        variable.assign(0 * value if variable.name == "bias" else value)
    return {
        "dot": (Attention("dot"), keras.layers.Attention()),
        "additive": (additive, keras.layers.AdditiveAttention(use_scale=False)),
    }


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("with_key", [False, True])
@pytest.mark.parametrize("name", ["dot", "additive"])
def test_attention_stands_where_attention_of_keras_stood(name, with_key, causal):
    ours, theirs = attention_pairs()[name]
    inputs = [normal(B, T, D), normal(B, S, D, seed=1)]
    if with_key:
        inputs.append(normal(B, S, D, seed=2))
    options = {"return_attention_scores": True, "use_causal_mask": causal}
    found = ours(inputs, mask=[QUERY_MASK, VALUE_MASK], **options)
    tensors = [ops.convert_to_tensor(x) for x in (*inputs, QUERY_MASK, VALUE_MASK)]
    expected = theirs(tensors[: len(inputs)], mask=tensors[len(inputs) :], **options)
    for part, other in zip(found, expected):
        np.testing.assert_allclose(part, other, atol=2e-6)
    apart = ours(*inputs, query_mask=QUERY_MASK, value_mask=VALUE_MASK, **options)
    for part, other in zip(apart, found):
        np.testing.assert_array_equal(part, other)


def in_heads(kernel):
    """(D, H P) -> (D, H, P), the layout of Keras."""
    return np.reshape(kernel, (len(kernel), H, -1))


def keras_heads(use_bias, weights):
    layer = keras.layers.MultiHeadAttention(H, D // H, use_bias=use_bias)
    layer.build((None, T, D), (None, S, D))
    layer.set_weights(weights)
    return layer


def test_multi_head_attention_equals_that_of_keras():
    ours, query, value = MultiHeadAttention(H, D), normal(B, T, D), normal(B, S, D, seed=1)
    ours.build((None, T, D), (None, S, D))
    q, k, v, out = (np.asarray(w.value) for w in ours.weights)
    theirs = keras_heads(False, [in_heads(q), in_heads(k), in_heads(v), out.reshape(H, -1, D)])
    options = {"value_mask": VALUE_MASK, "return_attention_scores": True}
    context, weights = ours(query, value, **options)
    expected, all_weights = theirs(query, value, **options)
    np.testing.assert_allclose(context, expected, atol=2e-6)
    np.testing.assert_allclose(weights, np.mean(all_weights, axis=1), atol=2e-6)


@pytest.mark.parametrize("kind", [SelfAttention, CrossAttention])
def test_the_transformers_attention_equals_that_of_keras(kind):
    ours, inputs = kind(H), [normal(B, S, D), normal(B, S, D, seed=1)]
    inputs = inputs[: 1 if kind is SelfAttention else 2]
    ours.build(*[(None, S, D)] * len(inputs))
    ours.set_weights([normal(*w.shape, seed=n) for n, w in enumerate(ours.weights)])
    weights = {w.path.partition("/")[2]: np.asarray(w.value) for w in ours.weights}
    if kind is SelfAttention:
        for name in ("kernel", "bias"):
            parts = np.split(weights[f"projection/{name}"], 3, axis=-1)
            weights |= {f"{n}/{name}": p for n, p in zip(("query", "key", "value"), parts)}
    maps = [
        part
        for name in ("query", "key", "value")
        for part in (in_heads(weights[f"{name}/kernel"]), weights[f"{name}/bias"].reshape(H, -1))
    ]
    output = weights["output/kernel"].reshape(H, -1, D), weights["output/bias"]
    theirs = keras_heads(True, [*maps, *output])
    masks = {"mask": VALUE_MASK} if kind is SelfAttention else {"value_mask": VALUE_MASK}
    found, scores = ours(*inputs, **masks, return_attention_scores=True)
    expected, other = theirs(
        inputs[0], inputs[-1], value_mask=VALUE_MASK, return_attention_scores=True
    )
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(scores, other, atol=2e-6)


if __name__ == "__main__":
    for kind in CELLS:
        for both_ways in (False, True):
            for masked in (False, True):
                outputs, slopes = cells(kind, both_ways, masked)
                name = f"{kind}{', bidirectional' * both_ways}{', masked' * masked}"
                print(f"{name}: outputs {outputs:.1e}, gradients {slopes:.1e}")
        outputs, slopes = loops(kind)
        print(f"{kind}, our loop: outputs {outputs:.1e}, gradients {slopes:.1e}")
