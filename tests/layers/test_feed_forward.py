"""Feed-forward and layer normalisation against the papers' loops, gradients included."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from helpers import reference_transformer as reference
from helpers.gradients import differences, gradients_of, normal
from nmtcli.layers.feed_forward import FeedForward
from nmtcli.layers.transformer import make_norm

B, T, D, F = 3, 4, 8, 6
KINDS = ("relu", "gelu", "geglu", "swiglu")


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x, "float32"))


def fill(layer):
    """The layer, built, with weights that are all of some size."""
    layer.build((None, None, D))
    for n, variable in enumerate(layer.trainable_variables):
        variable.assign(normal(*variable.shape, seed=n))
    return layer


def weights_of(layer):
    """For the reference, whatever the layer is called."""
    arrays = {v.path: np.asarray(v.value) for v in layer.trainable_variables}
    return reference.Weights(arrays, layer.name)


def norm_layer(**options):
    return fill(make_norm("norm", **{"dtype": "float32", **options}))


def test_layer_normalisation_is_the_papers():
    layer, x = norm_layer(), 3 + 2 * normal(B, T, D)
    found, weights = np.asarray(layer(tensor(x))), weights_of(layer)
    for place in np.ndindex(B, T):
        np.testing.assert_allclose(found[place], reference.layer_norm(weights, x[place]), atol=1e-5)


def test_layer_normalisation_is_computed_in_float32():
    """In bfloat16 alone, the mean of units near 256 would be off by more than their spread."""
    x = ops.cast(tensor(256 + 2 * np.round(normal(B, D))), "bfloat16")  # exact in bfloat16
    half = norm_layer(dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    precise = np.asarray(norm_layer()(ops.cast(x, "float32")))
    np.testing.assert_allclose(ops.cast(half, "float32"), precise, rtol=0.01, atol=0.01)


def feed_layer(kind):
    return fill(FeedForward(F, kind, name="feed"))


@pytest.mark.parametrize("kind", KINDS)
def test_feed_forward_is_the_papers(kind):
    layer, x = feed_layer(kind), normal(B, T, D)
    found, weights = np.asarray(layer(tensor(x))), weights_of(layer)
    for place in np.ndindex(B, T):
        expected = reference.feed_forward(kind, weights, x[place])
        np.testing.assert_allclose(found[place], expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["gelu", "swiglu"])
def test_gradients_of_feed_forward_are_central_differences(kind):
    layer, upstream = feed_layer(kind), normal(2, D, seed=4)
    variables = layer.trainable_variables
    paths = [variable.path for variable in variables]

    def of_layer(x, *weights):
        with keras.StatelessScope(state_mapping=list(zip(variables, weights))):
            return ops.sum(layer(x) * upstream)

    def of_loop(x, *weights):
        given = reference.Weights(dict(zip(paths, weights)), "feed")
        rows = zip(x, upstream)
        return sum(np.sum(reference.feed_forward(kind, given, row) * up) for row, up in rows)

    arrays = (normal(2, D), *(np.asarray(v.value) for v in variables))
    for found, expected in zip(gradients_of(of_layer, *arrays), differences(of_loop, *arrays)):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_gelu_is_the_exact_one():
    """Hendrycks and Gimpel (2016): x times the normal distribution's P(x), no approximation."""
    layer = FeedForward(1, "gelu")
    layer.build((None, 1))
    for variable, value in zip(layer.trainable_variables, ([[1.0]], [0.0], [[1.0]], [0.0])):
        variable.assign(value)
    points = np.linspace(-4, 4, 41)
    expected = [x * 0.5 * math.erfc(-x / math.sqrt(2)) for x in points]
    np.testing.assert_allclose(layer(tensor(points[:, None]))[:, 0], expected, atol=1e-6)
