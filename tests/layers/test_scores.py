"""Each score function against its paper's formula in NumPy, and the written gradients."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from helpers.attention_cases import arrays_of, fill
from helpers.gradients import differences, gradients_of, normal
from helpers.reference_model import Weights, score
from nmtcli.config.attention import SCORES
from nmtcli.layers.scores import (
    NOTHING,
    AdditiveScore,
    ConcatScore,
    DotScore,
    LocationScore,
    make_score,
)

B, T, S, Q, M, A, P = 2, 2, 5, 4, 6, 7, 3
KINDS = [(kind, False) for kind in SCORES] + [("additive", True), ("concat", True)]
WITH_TANH = [("additive", False), ("additive", True), ("concat", False), ("concat", True)]


def sizes(kind):
    return (M, M) if kind in ("dot", "scaled-dot") else (Q, M)


@functools.cache
def layer_of(kind, coverage=False, dtype="float32"):
    layer = make_score(kind, A, P, coverage, name="layer", dtype=dtype)
    query_size, memory_size = sizes(kind)
    layer.build((None, None, query_size), (None, None, memory_size))
    return fill(layer)


def inputs_of(kind, length=S):
    query_size, memory_size = sizes(kind)
    coverage = 3 * np.random.default_rng(2).random((B, T, length)).astype("float32")
    return normal(B, T, query_size), normal(B, length, memory_size, seed=1), coverage


def loop(kind, arrays, query, memory, coverage):
    scores, weights = np.zeros((B, T, memory.shape[1])), Weights(arrays, "layer")
    for b, t, s in np.ndindex(scores.shape):
        scores[b, t, s] = score(kind, weights, query[b, t], memory[b, s], s, coverage[b, t, s])
    return scores


@pytest.mark.parametrize(("kind", "coverage"), KINDS)
def test_scores_are_those_of_the_paper(kind, coverage):
    layer, length = layer_of(kind, coverage), P if kind == "location" else S
    query, memory, covered = inputs_of(kind, length)
    scores = layer(query, memory, covered)
    expected = loop(kind, arrays_of(layer), query, memory, covered)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert np.ptp(expected, axis=-1).min() > 0.1, "the test tests little"


def test_coverage_that_is_nothing_changes_nothing():
    """A new model starts so: what multiplies the coverage is zero at first."""
    query, memory, coverage = inputs_of("additive")
    plain, covered = layer_of("additive"), make_score("additive", A, coverage=True)
    covered.build((None, None, Q), (None, None, M))
    assert not np.asarray(covered.coverage_vector.value).any()
    for name in ("query_kernel", "memory_kernel", "bias", "vector"):
        getattr(covered, name).assign(getattr(plain, name))
    scores = covered(query, memory, coverage)
    np.testing.assert_array_equal(scores, plain(query, memory))


@pytest.mark.parametrize(("kind", "coverage"), WITH_TANH)
def test_the_written_gradient_is_that_of_the_formula(kind, coverage):
    layer, upstream = layer_of(kind, coverage), normal(B, T, S, seed=3)
    variables = layer.trainable_variables

    def of_layer(query, memory, covered, *weights):
        with keras.StatelessScope(state_mapping=list(zip(variables, weights))):
            return ops.sum(layer(query, memory, covered) * upstream)

    def of_loop(query, memory, covered, *weights):
        paths = (variable.path for variable in variables)
        return np.sum(loop(kind, dict(zip(paths, weights)), query, memory, covered) * upstream)

    arrays = (*inputs_of(kind), *arrays_of(layer).values())
    found, expected = gradients_of(of_layer, *arrays), differences(of_loop, *arrays)
    for gradient, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(gradient, other, atol=5e-5)
    assert (np.abs(found[2]).max() > 0.1) == coverage


@pytest.mark.parametrize("kind", ["additive", "concat"])
def test_the_written_gradient_keeps_to_the_types_of_a_mixed_policy(kind):
    """Of what goes into the score, a gradient in its own type: float32 of the coverage."""
    layer, (query, memory, coverage) = layer_of(kind, True, "mixed_bfloat16"), inputs_of(kind)

    def total(query, memory, coverage):
        return ops.sum(layer(query, memory, coverage))

    precise = layer_of(kind, True)

    def precise_total(query, memory, coverage):
        return ops.sum(precise(query, memory, coverage))

    expected = gradients_of(precise_total, query, memory, coverage)
    for gradient, other in zip(gradients_of(total, query, memory, coverage), expected):
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, other, atol=0.05 * np.abs(other).max())


def test_positions_that_the_location_score_has_no_row_for_cannot_win():
    layer = layer_of("location")
    query, memory, _ = inputs_of("location")
    scores = np.asarray(layer(query, memory))
    assert (scores[..., P:] == np.float32(NOTHING)).all()
    expected = np.einsum("btq,qp->btp", query, np.asarray(layer.kernel.value))
    np.testing.assert_allclose(scores[..., :P], expected, atol=1e-5)

    def total(query):
        return ops.sum(layer(query, memory)[..., P:])

    assert not gradients_of(total, query)[0].any()


@pytest.mark.parametrize(("kind", "coverage"), KINDS)
def test_scores_are_float32_whatever_the_policy(kind, coverage):
    layer, (query, memory, covered) = layer_of(kind, coverage, "mixed_bfloat16"), inputs_of(kind)
    keys = layer.project(ops.cast(memory, "bfloat16"))
    scores = layer(query, memory, covered)
    assert keras.backend.standardize_dtype(keys.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    seen = P if kind == "location" else S
    expected = loop(kind, arrays_of(layer), query, memory[:, :seen], covered)
    np.testing.assert_allclose(
        np.asarray(scores)[..., :seen], expected, atol=0.03 * np.abs(expected).max()
    )


@pytest.mark.parametrize(("kind", "coverage"), KINDS)
def test_a_score_is_made_again_from_its_configuration(kind, coverage):
    layer = layer_of(kind, coverage)
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config() and again.name == "layer"
    query_size, memory_size = sizes(kind)
    again.build((None, None, query_size), (None, None, memory_size))
    for variable, array in zip(again.trainable_variables, arrays_of(layer).values(), strict=True):
        variable.assign(array)
    query, memory, covered = inputs_of(kind)
    both = [made(query, memory, covered) for made in (layer, again)]
    np.testing.assert_array_equal(*both)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AdditiveScore(0), "`units` must be a positive integer. Received: units=0"),
        (lambda: ConcatScore(-2), "`units` must be a positive integer. Received: units=-2"),
        (lambda: LocationScore(0), "must be a positive integer. Received: positions=0"),
        (
            lambda: make_score("cosine"),
            "one of additive, dot, .*Received: score='cosine'",
        ),
    ],
)
def test_a_score_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("scaled", [False, True])
def test_the_dot_score_refuses_queries_and_keys_of_different_sizes(scaled):
    with pytest.raises(ValueError, match="one size. Received: query size 4, key size 6"):
        DotScore(scaled).build((None, None, 4), (None, None, 6))
