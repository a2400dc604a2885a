"""Attention of every score and scope against the papers' loops, and what padding must not do."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.attention_cases import (
    KINDS,
    MASK,
    TIMES,
    B,
    M,
    P,
    S,
    T,
    arrays_of,
    attended,
    call,
    inputs_of,
    loop,
    shared,
)
from helpers.gradients import differences, gradients_of, normal
from nmtcli.layers.attention import MultiHeadAttention

# -- against the papers ----------------------------------------------------------------------------


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_weights_and_context_are_those_of_the_papers(kind):
    query, memory, coverage = inputs_of(kind)
    context, weights = attended(shared(kind), query, memory, MASK, coverage)
    expected = loop(kind, arrays_of(shared(kind)), query, memory, coverage)
    np.testing.assert_allclose(weights, expected[1], atol=1e-6)
    np.testing.assert_allclose(context, expected[0], atol=1e-5)


@pytest.mark.parametrize(
    "kind",
    [
        "general local-p",
        "additive local-p coverage",
        "location global",
        "scaled-dot global heads",
    ],
)
def test_gradients_are_those_of_the_papers_formulas(kind):
    """Through the softmax and, with a predicted window, through its centre."""
    layer, upstream = shared(kind), normal(B, T, M, seed=2)
    variables, arrays = layer.trainable_variables, inputs_of(kind)

    def of_layer(query, memory, coverage, *weights):
        with keras.StatelessScope(state_mapping=list(zip(variables, weights))):
            return ops.sum(call(layer, query, memory, MASK, coverage)[0] * upstream)

    def of_loop(query, memory, coverage, *weights):
        paths = (variable.path for variable in variables)
        contexts, _ = loop(kind, dict(zip(paths, weights)), query, memory, coverage)
        return np.sum(contexts * upstream)

    arrays = (*arrays, *arrays_of(layer).values())
    for found, expected in zip(gradients_of(of_layer, *arrays), differences(of_loop, *arrays)):
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_one_head_that_changes_no_space_is_scaled_dot_attention():
    heads = MultiHeadAttention(1, M, name="layer")
    heads.build((None, None, M), (None, None, M))
    for variable in heads.trainable_variables:
        variable.assign(np.eye(M))
    kind = "scaled-dot global"
    query, memory, coverage = inputs_of(kind)
    expected = attended(shared(kind), query, memory, MASK, coverage)
    for part, other in zip(attended(heads, query, memory, MASK, None), expected):
        np.testing.assert_allclose(part, other, atol=1e-5)


def test_positions_beyond_those_of_the_location_score_get_nothing():
    """Luong et al. (2015), 3.1: the words near the end of a long sentence are ignored."""
    query, memory, _ = inputs_of("location global")
    _, weights = attended(shared("location global"), query, memory, MASK, None)
    assert (weights[0, :, P:] == 0.0).all() and (weights[0, :, :P] > 0.0).all()
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, atol=1e-6)


# -- masks -----------------------------------------------------------------------------------------


def test_weights_are_a_distribution_over_real_positions(kind):
    query, memory, coverage = inputs_of(kind)
    _, weights = attended(shared(kind), 5 * query, memory, MASK, coverage)
    assert (weights[~np.repeat(MASK[:, None], T, axis=1)] == 0.0).all()
    assert (weights >= 0.0).all() and weights.dtype == np.float32
    sums = weights.sum(axis=-1)
    if KINDS[kind].scope == "local-p":  # the Gaussian takes its share
        assert (sums < 1.0).all() and (sums > 0.1).all()
    else:
        np.testing.assert_allclose(sums, 1.0, atol=1e-6)


def test_a_sentence_without_a_real_token_gives_zeros_and_no_nan(kind):
    layer, (query, memory, coverage) = shared(kind), inputs_of(kind)
    mask = MASK.copy()
    mask[1] = False
    context, weights = attended(layer, query, memory, mask, coverage)
    assert (context[1] == 0.0).all() and (weights[1] == 0.0).all()
    variables = layer.trainable_variables

    def total(query, memory, coverage, *values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            context, weights = call(layer, query, memory, mask, coverage)
        return ops.sum(context * normal(B, T, M, seed=2)) + ops.sum(weights * normal(B, T, S))

    gradients = gradients_of(total, query, memory, coverage, *arrays_of(layer).values())
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert all((gradient[1] == 0.0).all() for gradient in gradients[:3])
    assert np.abs(gradients[0][0]).max() > 1e-4


def test_padding_gets_no_gradient(kind):
    query, memory, coverage = inputs_of(kind)

    def total(memory):
        context, _ = call(shared(kind), query, memory, MASK, coverage)
        return ops.sum(context * normal(B, T, M, seed=2))

    (gradient,) = gradients_of(total, memory)
    assert (gradient[~MASK] == 0.0).all()
    if KINDS[kind].scope == "global" and KINDS[kind].score != "location":
        assert (np.abs(gradient[MASK]).max(axis=-1) > 1e-4).all()


def test_more_padding_changes_nothing(kind):
    query, memory, coverage = inputs_of(kind)
    longer = np.concatenate([memory, 100 * normal(B, 4, M, seed=2)], axis=1)
    mask = np.concatenate([MASK, np.zeros((B, 4), dtype=bool)], axis=1)
    covered = np.concatenate([coverage, np.ones((B, T, 4), "float32")], axis=2)
    context, weights = attended(shared(kind), query, memory, MASK, coverage)
    padded = attended(shared(kind), query, longer, mask, covered)
    np.testing.assert_allclose(padded[0], context, atol=1e-6)
    np.testing.assert_allclose(padded[1][..., :S], weights, atol=1e-6)
    assert (padded[1][..., S:] == 0.0).all()


def test_other_sentences_in_the_batch_change_nothing(kind):
    query, memory, coverage = inputs_of(kind)
    together = attended(shared(kind), query, memory, MASK, coverage)
    for b in range(B):
        own = [array[b : b + 1] for array in (query, memory, MASK, coverage)]
        for part, whole in zip(attended(shared(kind), *own), together):
            np.testing.assert_allclose(part, whole[b : b + 1], rtol=1e-6, atol=1e-6)


def test_one_query_at_a_time_sees_what_it_sees_among_others(kind):
    layer, (query, memory, coverage) = shared(kind), inputs_of(kind)
    together = attended(layer, query, memory, MASK, coverage)
    source, weights = layer.read(ops.convert_to_tensor(memory), MASK), layer.compute_weights()
    for n, t in enumerate(TIMES):
        times = ops.convert_to_tensor(np.full((B, 1), t), "int32")
        one = slice(n, n + 1)
        alone = layer.attend(
            ops.convert_to_tensor(query[:, one]), source, times, coverage[:, one], weights
        )
        for part, whole in zip(alone, together):
            np.testing.assert_allclose(part, whole[:, one], atol=1e-6)
