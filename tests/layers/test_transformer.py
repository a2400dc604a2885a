"""A Transformer's attention and layers against the papers' loops; masks, caches and dropout."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from helpers import reference_transformer as reference
from helpers.gradients import gradients_of, normal
from nmtcli.layers.feed_forward import FeedForward
from nmtcli.layers.key_value_cache import append_to_mask, reorder
from nmtcli.layers.self_attention import CrossAttention, SelfAttention
from nmtcli.layers.transformer import DecoderLayer, EncoderLayer

B, T, S, D, H, F = 3, 4, 5, 8, 2, 6
LENGTHS = (5, 2, 0)  # the last sentence has no real token
MASK = np.arange(S) < np.array(LENGTHS)[:, None]
ROTATIONS = ("sinusoidal", "rotary")  # by the second, queries and keys are rotated


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x, "float32"))


def fill(layer, *shapes):
    """The layer, built, with weights that are all of some size."""
    layer.build(*shapes)
    for n, variable in enumerate(layer.trainable_variables):
        variable.assign(normal(*variable.shape, seed=n))
    return layer


def weights_of(layer):
    """For the reference, whatever the layer is called."""
    arrays = {v.path: np.asarray(v.value) for v in layer.trainable_variables}
    return reference.Weights(arrays, layer.name)


def self_attention(**options):
    return fill(SelfAttention(H, name="own", **options), (None, None, D))


def cross_attention(**options):
    return fill(CrossAttention(H, name="cross", **options), (None, None, D), (None, None, D))


def places(positions):
    return ops.convert_to_tensor(positions, "int32")


# -- attention -------------------------------------------------------------------------------------


@pytest.mark.parametrize("positions", ROTATIONS)
@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_the_papers(positions, causal):
    layer, x = self_attention(rotary=positions == "rotary"), normal(B, T, D)
    found = np.asarray(layer(x, use_causal_mask=causal))
    design = reference.Design(heads=H, positions=positions)
    for b in range(B):
        expected = reference.self_attention(design, weights_of(layer), x[b], causal)
        np.testing.assert_allclose(found[b], expected, atol=1e-5)


@pytest.mark.parametrize("positions", ROTATIONS)
def test_padding_changes_no_self_attention_and_a_row_of_it_gives_no_nan(positions):
    layer, x = self_attention(rotary=positions == "rotary"), normal(B, S, D)
    found = np.asarray(layer(x, mask=MASK))
    design = reference.Design(heads=H, positions=positions)
    for b, length in enumerate(LENGTHS[:2]):
        expected = reference.self_attention(design, weights_of(layer), x[b, :length], False)
        np.testing.assert_allclose(found[b, :length], expected, atol=1e-5)
    np.testing.assert_allclose(found[2], np.tile(weights_of(layer)["output/bias"], (S, 1)))


@pytest.mark.parametrize("positions", ROTATIONS)
@pytest.mark.parametrize("capacity", [T, 9, None])
def test_steps_of_self_attention_are_the_causal_call(positions, capacity):
    layer, x = self_attention(rotary=positions == "rotary"), tensor(normal(B, T, D))
    together = np.asarray(layer(x, use_causal_mask=True))
    cache = (ops.zeros((B, H, capacity or 0, D // H)),) * 2
    cache_mask = ops.zeros((B, 1, capacity or 0), dtype="bool")
    for t in range(T):
        here = ops.full((B,), t, dtype="int32")
        length = None if capacity is None else here
        cache_mask = append_to_mask(cache_mask, 1, length)
        y, cache = layer.step(x[:, t : t + 1], cache, cache_mask, length, here[:, None])
        np.testing.assert_allclose(y[:, 0], together[:, t], atol=1e-5)
    for part in cache:
        assert part.shape == (B, H, capacity or T, D // H)
        assert (np.asarray(part)[:, :, T:] == 0.0).all()
        assert np.abs(np.asarray(part)[:, :, :T]).max(axis=-1).min() > 0.0


@pytest.mark.parametrize("capacity", [9, None])
def test_a_hypothesis_sees_what_it_descends_from_and_nothing_of_its_rivals(capacity):
    """Three positions of 1, 3 and 2 hypotheses that change places: each is the causal call."""
    layer = self_attention()
    xs = [normal(B, width, D, seed=width) for width in (1, 3, 2)]
    origins = [np.array([[0, 0, 0]] * B), np.array([[2, 0], [1, 1], [0, 2]])]
    cache = (ops.zeros((B, H, capacity or 0, D // H)),) * 2
    cache_mask, taken = ops.zeros((B, 1, capacity or 0), dtype="bool"), 0
    for t, x in enumerate(xs):
        if t:
            cache_mask = reorder(cache_mask, places(origins[t - 1]))
        length = None if capacity is None else ops.full((B,), taken, dtype="int32")
        cache_mask = append_to_mask(cache_mask, x.shape[1], length)
        taken += x.shape[1]
        y, cache = layer.step(tensor(x), cache, cache_mask, length)
    for b in range(B):
        for w in range(2):
            middle = origins[1][b, w]
            path = np.stack([xs[0][b, 0], xs[1][b, middle], xs[2][b, w]])[None]
            together = layer(path, use_causal_mask=True)
            np.testing.assert_allclose(y[b, w], together[0, 2], atol=1e-5)


def test_a_step_writes_behind_the_places_that_are_taken_and_sees_nothing_behind_them():
    """Each sentence has its own; what an earlier owner of the places left behind is not seen."""
    layer, x = self_attention(), tensor(normal(B, 1, D))
    old = [normal(B, H, 5, D // H, seed=seed) for seed in (1, 2)]
    positions = np.array([0, 2, 4])
    behind = np.arange(5)[None, None, :, None] > positions[:, None, None, None]
    caches = [tuple(tensor(np.where(behind, v, part)) for part in old) for v in (7.0, -3.0)]
    at = places(positions)
    before = np.arange(5)[None, None] < positions[:, None, None]
    mask = append_to_mask(ops.convert_to_tensor(before), 1, at)
    (one, after), (other, _) = (layer.step(x, cache, mask, at) for cache in caches)
    np.testing.assert_array_equal(one, other)
    for part, before in zip(after, caches[0]):
        changed = np.abs(np.asarray(part) - np.asarray(before)).max(axis=(1, 3)) > 0.0
        np.testing.assert_array_equal(changed, np.arange(5) == positions[:, None])


def test_cross_attention_is_the_papers_and_padding_gets_no_weight():
    layer, x, memory = cross_attention(), normal(B, T, D), normal(B, S, D, seed=1)
    found, weights = layer(x, memory, value_mask=MASK, return_attention_scores=True)
    given = weights_of(layer)
    for b, length in enumerate(LENGTHS[:2]):
        keys, values = (
            [given.affine(name, h) for h in memory[b, :length]] for name in ("key", "value")
        )
        for t in range(T):
            query = given.affine("query", x[b, t])
            joined, alpha = reference.attend(H, query, keys, values)
            np.testing.assert_allclose(weights[b, :, t, :length], alpha, atol=1e-5)
            np.testing.assert_allclose(found[b, t], given.affine("output", joined), atol=1e-4)
    masked = ~np.broadcast_to(MASK[:, None, None], weights.shape)
    assert (np.asarray(weights)[masked] == 0.0).all()
    np.testing.assert_allclose(found[2], np.tile(given["output/bias"], (T, 1)))


def test_a_row_of_padding_has_gradients_that_are_numbers():
    layer = cross_attention()

    def total(x, memory):
        found, weights = layer(x, memory, value_mask=MASK, return_attention_scores=True)
        return ops.sum(ops.square(found)) + ops.sum(ops.square(weights))

    of_x, of_memory = gradients_of(total, normal(B, T, D), normal(B, S, D, seed=1))
    assert np.isfinite(of_x).all() and np.isfinite(of_memory).all()
    assert (of_x[2] == 0.0).all() and np.abs(of_x[0]).max() > 1e-3
    assert (of_memory[1, LENGTHS[1] :] == 0.0).all() and (of_memory[2] == 0.0).all()


# -- layers, norms and dropout ---------------------------------------------------------------------


KINDS = ("dropout", "attention_dropout", "feed_forward_dropout")


def block(kind, normalization="pre", **options):
    made = kind(H, F, normalization=normalization, name="block", **options)
    return fill(made, *[(None, None, D)] * (2 if kind is DecoderLayer else 1))


def run(layer, x, memory, training=False):
    """An encoder's or a decoder's layer on real tokens alone: its sequence, as an array."""
    inputs = (x,) if isinstance(layer, EncoderLayer) else (x, memory)
    return np.asarray(layer(*inputs, training=training))


@pytest.mark.parametrize("kind", [EncoderLayer, DecoderLayer])
@pytest.mark.parametrize("normalization", ["pre", "post"])
def test_without_what_the_sub_layers_add_only_the_norms_are_left(kind, normalization, monkeypatch):
    """Pre-norm has a path that nothing is on (Xiong et al., 2020, section 3); post-norm none."""
    monkeypatch.setattr(keras.random, "dropout", lambda x, rate, seed: x * 0.0)
    layer, x = block(kind, normalization, dropout=0.5), normal(1, T, D)
    found = run(layer, tensor(x), tensor(normal(1, S, D, seed=1)), training=True)
    if normalization == "pre":
        np.testing.assert_array_equal(found, x)
        return
    expected = list(x[0])
    for n in range(len(layer.norms)):
        norm = weights_of(layer).under(f"norm_{n}")
        expected = [reference.layer_norm(norm, row) for row in expected]
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


@pytest.mark.parametrize("part", KINDS)
def test_what_is_dropped_has_its_shape_and_place(part, monkeypatch):
    """Residual behind each sub-layer, attention on the weights, feed-forward on the inner units."""

    def drawn(kind):
        shapes = []

        def record(x, rate, seed):
            shapes.append(tuple(x.shape))
            return x

        monkeypatch.setattr(keras.random, "dropout", record)
        layer, x = block(kind, **{part: 0.5}), tensor(normal(1, T, D))
        run(layer, x, tensor(normal(1, S, D)))
        assert shapes == []  # dropout acts in training alone
        run(layer, x, tensor(normal(1, S, D)), training=True)
        return shapes

    expected = {
        "dropout": ([(1, T, D)] * 2, [(1, T, D)] * 3),
        "attention_dropout": ([(1, H, T, T)], [(1, H, T, T), (1, H, T, S)]),
        "feed_forward_dropout": ([(1, T, F)], [(1, T, F)]),
    }
    assert (drawn(EncoderLayer), drawn(DecoderLayer)) == expected[part]


@pytest.mark.parametrize("part", ["self-attention", "cross-attention", "feed-forward"])
def test_the_mean_over_draws_of_dropout_is_the_value_without_it(part):
    """As all that comes after it in the same sub-layer is linear."""
    x, memory, rows = normal(1, T, D), normal(1, S, D, seed=1), 4000
    dropout = {"dropout": 0.4, "seed": keras.random.SeedGenerator(5)}

    def call(rows, training):
        inputs, source = tensor(np.repeat(x, rows, axis=0)), np.repeat(memory, rows, axis=0)
        if part == "self-attention":
            return self_attention(**dropout)(inputs, training=training)
        if part == "feed-forward":
            layer = fill(FeedForward(F, "geglu", **dropout), (None, None, D))
            return layer(inputs, training=training)
        return cross_attention(**dropout)(inputs, source, training=training)

    found, plain = np.asarray(call(rows, True)), np.asarray(call(1, False))[0]
    mean, error = found.mean(axis=0), found.std(axis=0) / math.sqrt(rows)
    assert error.min() > 0.0
    assert np.abs((mean - plain) / error).max() < 5.5


def test_the_weights_that_are_returned_are_never_dropped():
    layer, x = cross_attention(dropout=0.5, seed=1), tensor(normal(B, T, D))
    inputs, options = (x, normal(B, S, D, seed=1)), {"return_attention_scores": True}
    found, weights = layer(*inputs, value_mask=MASK, **options)
    dropped, same = layer(*inputs, value_mask=MASK, training=True, **options)
    np.testing.assert_array_equal(weights, same)
    assert np.abs(np.asarray(found) - np.asarray(dropped)).max() > 0.1


# -- what layers are made of -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [
        SelfAttention(2, name="a"),
        CrossAttention(4, name="b"),
        FeedForward(6, "geglu", name="c"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_is_made_again_from_its_configuration(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fill(SelfAttention(3), (None, None, D)), "Received: size=8, heads=3"),
        (
            lambda: fill(SelfAttention(0), (None, None, D)),
            "must be a positive integer. Received: heads=0",
        ),
        (
            lambda: fill(CrossAttention(5), (None, None, D), (None, None, D)),
            "Received: size=8, heads=5",
        ),
        (
            lambda: FeedForward(6, "tanh"),
            "one of relu, gelu, geglu, swiglu. Received: kind='tanh'",
        ),
        (
            lambda: EncoderLayer(2, 6, normalization="none"),
            "one of pre, post. Received: normalization='none'",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
