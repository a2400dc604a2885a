"""Softmax under a mask, and what the attention layers promise beside their numbers."""

import keras
import numpy as np
import pytest

from helpers.attention_cases import (
    KINDS,
    MASK,
    B,
    M,
    S,
    T,
    arrays_of,
    attended,
    call,
    inputs_of,
    loop,
    make,
    query_size,
    shared,
)
from helpers.gradients import normal
from nmtcli.layers.attention import Attention, MultiHeadAttention
from nmtcli.layers.attention_weights import masked_softmax


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def softmax_loop(scores, mask):
    """Luong et al. (2015), equation 7, over the real positions alone."""
    weights = np.zeros(scores.shape)
    for b, t in np.ndindex(scores.shape[:2]):
        powers = {s: np.exp(scores[b, t, s]) for s in range(scores.shape[2]) if mask[b, t, s]}
        for s, power in powers.items():
            weights[b, t, s] = power / sum(powers.values())
    return weights


def test_each_query_may_have_a_mask_of_its_own():
    masks = np.random.default_rng(5).random((B, T, S)) < 0.6
    scores = normal(B, T, S)
    np.testing.assert_allclose(
        masked_softmax(scores, masks), softmax_loop(scores, masks), atol=1e-6
    )


@pytest.mark.parametrize("offset", [-1e6, 1e6])
def test_adding_a_large_number_to_all_scores_changes_nothing(offset):
    scores = np.round(normal(B, T, S) * 4)  # so that the sums are exact in float32
    weights = masked_softmax(scores + np.float32(offset), MASK)
    np.testing.assert_allclose(weights, masked_softmax(scores, MASK), atol=1e-6)


# -- types, configuration, refusals ----------------------------------------------------------------


def test_weights_are_float32_whatever_the_policy(kind):
    query, memory, coverage = inputs_of(kind)
    layer = make(kind, dtype="mixed_bfloat16")
    context, weights = call(layer, query, memory, MASK, coverage)
    types = [keras.backend.standardize_dtype(x.dtype) for x in (context, weights)]
    assert types == ["bfloat16", "float32"]
    held = {keras.backend.standardize_dtype(v.dtype) for v in layer.trainable_variables}
    assert held <= {"float32"}  # the dot products have no weights
    precise = loop(kind, arrays_of(layer), query, memory, coverage)[1]
    np.testing.assert_allclose(weights, precise, atol=0.05)


def test_a_layer_is_made_again_from_its_configuration(kind):
    layer = shared(kind)
    again = type(layer).from_config(layer.get_config())
    again.build((None, None, query_size(kind)), (None, None, M))
    assert again.get_config() == layer.get_config()
    for variable, array in zip(again.trainable_variables, arrays_of(layer).values(), strict=True):
        variable.assign(array)
    query, memory, coverage = inputs_of(kind)
    found = [attended(made, query, memory, MASK, coverage)[1] for made in (layer, again)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cosine",), "one of additive, dot, .*Received: score='cosine'"),
        (
            ("dot", "local"),
            "one of global, local-m, local-p. Received: scope='local'",
        ),
        (("dot", "local-m", 0), "`width` must be a positive integer. Received: width=0"),
        (("dot", "local-p", 2, 0), "`units` must be a positive integer. Received: units=0"),
        (("concat", "global", 2, -1), "`units` must be a positive integer. Received: units=-1"),
        (
            ("location", "global", 2, 3, 0),
            "must be a positive integer. Received: positions=0",
        ),
    ],
)
def test_what_does_not_exist_or_is_not_positive_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Attention(*arguments)


@pytest.mark.parametrize(
    ("heads", "units", "received"),
    [(0, 8, "heads=0"), (3, 8, "units=8, heads=3"), (2, 0, "units=0")],
)
def test_units_that_the_heads_cannot_share_are_refused(heads, units, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        MultiHeadAttention(heads, units)
