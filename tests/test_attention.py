"""Attention against the papers' formulas in NumPy, and what padding must not do."""

import keras
import numpy as np
import pytest
from keras import ops

from nmtcli.layers.attention import AdditiveScore, DotScore, attend, masked_softmax

B, T, S, Q, M, A = 3, 2, 5, 4, 6, 7
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 1, 1, 0]], dtype=bool)


def gradients_of(function, *arrays):
    """The gradient of a function's scalar by each of its arrays, on the backend at hand."""
    tensors = [ops.convert_to_tensor(np.asarray(x, "float32")) for x in arrays]
    if keras.backend.backend() == "jax":
        import jax

        found = jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        found = tape.gradient(value, tensors)
    return [np.asarray(gradient) for gradient in found]


def differences(function, *arrays, width=1e-5):
    """The same by central differences of a NumPy function, in float64."""
    arrays = [np.array(x, dtype=np.float64) for x in arrays]
    found = [np.zeros_like(x) for x in arrays]
    for array, gradient in zip(arrays, found):
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + width
            above = function(*arrays)
            array[place] = kept - width
            gradient[place] = (above - function(*arrays)) / (2 * width)
            array[place] = kept
    return found


def additive_loop(query, memory, query_kernel, memory_kernel, bias, vector):
    """Bahdanau et al. (2015), A.1.2: v . tanh(W s + U h + b)."""
    scores = np.zeros((*query.shape[:2], memory.shape[1]))
    for b, t, s in np.ndindex(scores.shape):
        inner = query[b, t] @ query_kernel + memory[b, s] @ memory_kernel + bias
        scores[b, t, s] = np.tanh(inner) @ vector[:, 0]
    return scores


def dot_loop(query, memory):
    """Luong et al. (2015), equation 8: h_t . h_s."""
    scores = np.zeros((*query.shape[:2], memory.shape[1]))
    for b, t, s in np.ndindex(scores.shape):
        scores[b, t, s] = query[b, t] @ memory[b, s]
    return scores


def weights_loop(scores, mask):
    """Luong et al. (2015), equation 7, over the real positions alone."""
    weights = np.zeros(scores.shape)
    for b, t in np.ndindex(scores.shape[:2]):
        powers = {s: np.exp(scores[b, t, s]) for s in range(scores.shape[2]) if mask[b, s]}
        for s, power in powers.items():
            weights[b, t, s] = power / sum(powers.values())
    return weights


def context_loop(weights, values):
    """Bahdanau et al. (2015), equation 5: the sum of the weighted annotations."""
    contexts = np.zeros((*weights.shape[:2], values.shape[2]))
    for b, t, s in np.ndindex(weights.shape):
        contexts[b, t] += weights[b, t, s] * values[b, s]
    return contexts


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.fixture(scope="module")
def additive():
    """A layer whose weights, bias included, are all of some size."""
    layer = AdditiveScore(A)
    layer.build((None, None, Q), (None, None, M))
    for n, variable in enumerate(layer.trainable_variables):
        variable.assign(normal(*variable.shape, seed=n))
    return layer


def weights_of(layer):
    parts = (layer.query_kernel, layer.memory_kernel, layer.bias, layer.vector)
    return [np.asarray(part.value) for part in parts]


def test_additive_scores_are_those_of_the_paper(additive):
    query, memory = normal(B, T, Q, seed=10), normal(B, S, M, seed=11)
    scores = additive(query, additive.project(memory))
    expected = additive_loop(query, memory, *weights_of(additive))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_the_written_gradient_of_additive_scores_is_that_of_the_formula(additive):
    query, memory, upstream = normal(2, T, Q), normal(2, 3, M, seed=1), normal(2, T, 3, seed=2)
    variables = (additive.query_kernel, additive.memory_kernel, additive.bias, additive.vector)

    def layer(query, memory, *weights):
        with keras.StatelessScope(state_mapping=list(zip(variables, weights))):
            return ops.sum(additive(query, additive.project(memory)) * upstream)

    def formula(*arrays):
        return np.sum(additive_loop(*arrays) * upstream)

    arrays = (query, memory, *weights_of(additive))
    for found, expected in zip(gradients_of(layer, *arrays), differences(formula, *arrays)):
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_dot_scores_are_those_of_the_paper():
    layer = DotScore()
    layer.build((None, None, Q), (None, None, Q))
    query, memory = normal(B, T, Q), normal(B, S, Q, seed=1)
    scores = layer(query, layer.project(memory))
    np.testing.assert_allclose(scores, dot_loop(query, memory), atol=1e-5)


def test_weights_and_context_are_those_of_the_paper(additive):
    query, memory = normal(B, T, Q, seed=3), normal(B, S, M, seed=4)
    keys = additive.project(memory)
    context, weights = attend(additive.scorer(), query, keys, ops.convert_to_tensor(memory), MASK)
    expected = weights_loop(additive_loop(query, memory, *weights_of(additive)), MASK)
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    np.testing.assert_allclose(context, context_loop(expected, memory), atol=1e-5)


def test_weights_sum_to_one_and_are_exactly_zero_at_padding():
    weights = np.asarray(masked_softmax(normal(B, T, S) * 20, MASK))
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, atol=1e-6)
    assert (weights[~np.repeat(MASK[:, None], T, axis=1)] == 0.0).all()
    assert (weights >= 0.0).all() and weights.dtype == np.float32


def test_each_query_may_have_a_mask_of_its_own():
    masks = np.random.default_rng(5).random((B, T, S)) < 0.6
    masks[..., 0] = True
    scores = normal(B, T, S)
    weights = np.asarray(masked_softmax(scores, masks))
    for t in range(T):
        expected = weights_loop(scores[:, t : t + 1], masks[:, t])
        np.testing.assert_allclose(weights[:, t : t + 1], expected, atol=1e-6)


@pytest.mark.parametrize("offset", [-1e6, 1e6])
def test_adding_a_large_number_to_all_scores_changes_nothing(offset):
    scores = np.round(normal(B, T, S) * 4)  # so that the sums are exact in float32
    weights = masked_softmax(scores + np.float32(offset), MASK)
    np.testing.assert_allclose(weights, masked_softmax(scores, MASK), atol=1e-6)


def test_a_sentence_without_a_real_token_gives_zeros_and_no_nan(additive):
    query, memory = normal(B, T, Q), normal(B, S, M, seed=1)
    mask = MASK.copy()
    mask[1] = False

    def both(query, memory):
        return attend(additive.scorer(), query, additive.project(memory), memory, mask)

    def total(query, memory):
        context, weights = both(query, memory)
        return ops.sum(context * normal(B, T, M, seed=2)) + ops.sum(weights * normal(B, T, S))

    context, weights = (np.asarray(x) for x in both(query, ops.convert_to_tensor(memory)))
    assert (context[1] == 0.0).all() and (weights[1] == 0.0).all()
    for gradient in gradients_of(total, query, memory):
        assert np.isfinite(gradient).all()
        assert (gradient[1] == 0.0).all() and np.abs(gradient[0]).max() > 1e-3


def test_padding_gets_no_gradient(additive):
    query, memory, upstream = normal(B, T, Q), normal(B, S, M, seed=1), normal(B, T, M, seed=2)

    def total(memory):
        keys = additive.project(memory)
        return ops.sum(attend(additive.scorer(), query, keys, memory, MASK)[0] * upstream)

    (gradient,) = gradients_of(total, memory)
    assert (gradient[~MASK] == 0.0).all()
    assert (np.abs(gradient[MASK]).max(axis=-1) > 1e-4).all()


def test_more_padding_changes_nothing(additive):
    query, memory = normal(B, T, Q), normal(B, S, M, seed=1)
    junk = 100 * normal(B, 4, M, seed=2)
    longer = np.concatenate([memory, junk], axis=1)
    mask = np.concatenate([MASK, np.zeros((B, 4), dtype=bool)], axis=1)
    context, weights = attend(additive.scorer(), query, additive.project(memory), memory, MASK)
    padded = attend(additive.scorer(), query, additive.project(longer), longer, mask)
    np.testing.assert_allclose(padded[0], context, atol=1e-6)
    np.testing.assert_allclose(np.asarray(padded[1])[..., :S], weights, atol=1e-6)


def test_other_sentences_in_the_batch_change_nothing(additive):
    query, memory = normal(B, T, Q), normal(B, S, M, seed=1)
    together = attend(additive.scorer(), query, additive.project(memory), memory, MASK)
    for b in range(B):
        one = slice(b, b + 1)
        keys = additive.project(memory[one])
        alone = attend(additive.scorer(), query[one], keys, memory[one], MASK[one])
        for part, whole in zip(alone, together):
            np.testing.assert_allclose(part, np.asarray(whole)[one], atol=1e-6)


def test_scores_and_weights_are_float32_whatever_the_policy():
    layer = AdditiveScore(A, dtype="mixed_bfloat16")
    layer.build((None, None, Q), (None, None, M))
    query = ops.cast(normal(B, T, Q), "bfloat16")
    memory = ops.cast(normal(B, S, M), "bfloat16")
    context, weights = attend(layer.scorer(), query, layer.project(memory), memory, MASK)
    types = [keras.backend.standardize_dtype(x.dtype) for x in (context, weights)]
    assert types == ["bfloat16", "float32"]
    assert keras.backend.standardize_dtype(layer.vector.dtype) == "float32"
    precise = additive_loop(normal(B, T, Q), normal(B, S, M), *weights_of(layer))
    np.testing.assert_allclose(weights, weights_loop(precise, MASK), atol=0.02)


def test_a_score_is_made_again_from_its_configuration():
    layer = AdditiveScore(A, name="score")
    again = AdditiveScore.from_config(layer.get_config())
    assert (again.units, again.name) == (A, "score")


def test_units_that_are_not_positive_are_refused():
    with pytest.raises(ValueError, match=r"units must be positive. Received: units=0"):
        AdditiveScore(0)


def test_the_dot_score_refuses_queries_and_memory_of_different_sizes():
    with pytest.raises(ValueError, match="one size. Received: query size 4, memory size 6"):
        DotScore().build((None, None, 4), (None, None, 6))
