"""How positions are told: the papers' formulas, and what rotated products depend on."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from helpers import reference_transformer as reference
from helpers.gradients import normal
from nmtcli.layers.positions import rotate, sinusoids

B, H, T, D = 3, 2, 4, 8


def tensor(x):
    return ops.convert_to_tensor(np.asarray(x, "float32"))


@pytest.mark.parametrize("size", [2, 8, 50])
def test_sinusoids_are_the_papers_with_sines_first(size):
    found = sinusoids(ops.arange(70, dtype="int32"), size)
    expected = [reference.sines_first(reference.sinusoid(t, size)) for t in range(70)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_sinusoids_of_single_positions_are_those_of_the_whole_row():
    each = ops.convert_to_tensor([[3], [0], [69]], "int32")
    rows = np.asarray(sinusoids(ops.arange(70, dtype="int32"), D))
    np.testing.assert_allclose(sinusoids(each, D), rows[[[3], [0], [69]]], atol=1e-6)


def test_known_values_of_the_sinusoidal_encoding():
    """Of position 1 and four columns: sin 1, sin 0.01, cos 1, cos 0.01."""
    (found,) = np.asarray(sinusoids(ops.convert_to_tensor([1], "int32"), 4))
    np.testing.assert_allclose(found, [0.841471, 0.0099998, 0.540302, 0.99995], atol=1e-6)


def test_rotation_is_the_product_with_a_complex_number():
    x = normal(B, H, T, 6)
    found = np.asarray(rotate(tensor(x), ops.arange(T, dtype="int32")))
    for b, h, t in np.ndindex(B, H, T):
        np.testing.assert_allclose(found[b, h, t], reference.rotated(x[b, h, t], t), atol=1e-6)


def test_each_row_is_rotated_by_its_own_position():
    x, positions = normal(B, H, 1, 6), [7, 0, 31]
    found = np.asarray(rotate(tensor(x), ops.convert_to_tensor(positions, "int32")[:, None]))
    for b, h in np.ndindex(B, H):
        expected = reference.rotated(x[b, h, 0], positions[b])
        np.testing.assert_allclose(found[b, h, 0], expected, atol=1e-5)
    np.testing.assert_array_equal(found[1], x[1])


PLACES = st.integers(0, 150)


@given(PLACES, PLACES, PLACES, st.sampled_from((2, 4, 6, 32)), st.integers(0, 9))
def test_products_of_rotated_units_depend_on_their_distance_alone(one, other, shift, size, seed):
    """And the rotation changes no length."""
    query, key = normal(2, 1, 1, 1, size, seed=seed)

    def product(first, second):
        sides = (query, first), (key, second)
        q, k = (np.asarray(rotate(tensor(x), np.array([t], "int32"))) for x, t in sides)
        np.testing.assert_allclose(np.linalg.norm(q), np.linalg.norm(query), rtol=1e-5)
        return float(np.sum(q * k))

    scale = float(np.linalg.norm(query) * np.linalg.norm(key)) + 1e-3
    moved = product(one + shift, other + shift)
    assert moved == pytest.approx(product(one, other), abs=1e-4 * scale)


def test_another_distance_gives_another_product():
    """With all units 1 the product is the sum of the cosines of all angles, twice."""
    ones = np.ones((1, 1, 1, 6))
    turned = [np.sum(rotate(tensor(ones), np.array([t], "int32")) * ones) for t in range(5)]
    angles = np.arange(5)[:, None] * 10000 ** (-np.arange(3) / 3)
    np.testing.assert_allclose(turned, 2 * np.cos(angles).sum(axis=1), atol=1e-5)


def test_rotation_keeps_the_type():
    x = ops.cast(tensor(normal(B, H, T, 6)), "bfloat16")
    turned = rotate(x, ops.arange(T, dtype="int32"))
    assert keras.backend.standardize_dtype(turned.dtype) == "bfloat16"
