"""Attention of every score and scope against the papers' loops, and what padding must not do."""

import functools

import keras
import numpy as np
import pytest
from gradients import differences, gradients_of, normal
from keras import ops
from mechanism_cases import every_composition
from reference_model import Weights, attend

from nmtcli.layers.attention import Attention, MultiHeadAttention

B, T, S, Q, M, A, D, P = 3, 2, 5, 4, 6, 8, 1, 4
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]], dtype=bool)
TIMES = np.array([1, 3])  # the second is beyond the end of the second sentence
# What is attended with; where it stands and what it feeds is no matter of the layer.
KINDS = {
    f"{m.score} {m.scope}{' heads' * (m.heads > 1)}{' coverage' * m.coverage}": m
    for m in every_composition()
    if m.score and m.placement == "after" and not m.input_feeding
}


def fill(layer):
    """The layer with weights, biases included, that are all of some size."""
    for n, variable in enumerate(layer.trainable_variables):
        variable.assign(normal(*variable.shape, seed=n))
    return layer


def arrays_of(layer):
    """The numbers of a layer called `layer`, by their paths."""
    return {variable.path: np.asarray(variable.value) for variable in layer.trainable_variables}


def make(kind, **options):
    mechanism = KINDS[kind]
    if mechanism.heads > 1:
        layer = MultiHeadAttention(mechanism.heads, A, name="layer", **options)
    else:
        layer = Attention(
            mechanism.score, mechanism.scope, D, A, P, mechanism.coverage, name="layer", **options
        )
    layer.build((None, None, query_size(kind)), (None, None, M))
    return fill(layer)


def query_size(kind):
    mechanism = KINDS[kind]
    return M if mechanism.score in ("dot", "scaled-dot") and mechanism.heads == 1 else Q


@functools.cache
def shared(kind):
    return make(kind)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def inputs_of(kind, seed=10):
    """Queries, memory and coverage."""
    coverage = np.random.default_rng(seed).random((B, T, S)).astype("float32")
    return normal(B, T, query_size(kind), seed=seed), normal(B, S, M, seed=seed + 1), coverage


def attended(layer, query, memory, mask, coverage):
    """Context and weights, as arrays."""
    times = ops.convert_to_tensor(TIMES, "int32")
    found = layer(
        ops.convert_to_tensor(query), ops.convert_to_tensor(memory), mask, times, coverage
    )
    return [np.asarray(part) for part in found]


def loop(kind, arrays, query, memory, coverage, mask=MASK):
    """The papers' contexts (B, T, M) and weights (B, T, S), sentence by sentence."""
    contexts, weights = np.zeros((B, T, M)), np.zeros((B, T, S))
    for b in range(B):
        length = mask[b].sum()
        for n, t in enumerate(TIMES):
            contexts[b, n], weights[b, n, :length] = attend(
                KINDS[kind], Weights(arrays, "layer"), query[b, n], memory[b, :length], t,
                coverage[b, n],
            )  # fmt: skip
    return contexts, weights


# -- against the papers ----------------------------------------------------------------------------


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
    times = ops.convert_to_tensor(TIMES, "int32")

    def of_layer(query, memory, coverage, *weights):
        with keras.StatelessScope(state_mapping=list(zip(variables, weights))):
            return ops.sum(layer(query, memory, MASK, times, coverage)[0] * upstream)

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
    times, variables = ops.convert_to_tensor(TIMES, "int32"), layer.trainable_variables

    def total(query, memory, coverage, *values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            context, weights = layer(query, memory, mask, times, coverage)
        return ops.sum(context * normal(B, T, M, seed=2)) + ops.sum(weights * normal(B, T, S))

    gradients = gradients_of(total, query, memory, coverage, *arrays_of(layer).values())
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert all((gradient[1] == 0.0).all() for gradient in gradients[:3])
    assert np.abs(gradients[0][0]).max() > 1e-4


def test_padding_gets_no_gradient(kind):
    query, memory, coverage = inputs_of(kind)
    times = ops.convert_to_tensor(TIMES, "int32")

    def total(memory):
        context, _ = shared(kind)(ops.convert_to_tensor(query), memory, MASK, times, coverage)
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
            np.testing.assert_allclose(part, whole[b : b + 1], atol=1e-6)


def test_one_query_at_a_time_sees_what_it_sees_among_others(kind):
    layer, (query, memory, coverage) = shared(kind), inputs_of(kind)
    together = attended(layer, query, memory, MASK, coverage)
    source, step = layer.read(ops.convert_to_tensor(memory), MASK), layer.attender()
    for n, t in enumerate(TIMES):
        times = ops.convert_to_tensor(np.full((B, 1), t), "int32")
        one = slice(n, n + 1)
        alone = step(ops.convert_to_tensor(query[:, one]), source, times, coverage[:, one])
        for part, whole in zip(alone, together):
            np.testing.assert_allclose(part, whole[:, one], atol=1e-6)
