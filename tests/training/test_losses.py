"""The losses and their written gradients against the formulas in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.gradients import differences, gradients_of
from nmtcli.training.losses import coverage_loss, smoothed_cross_entropy

B, T, V = 2, 3, 7
TARGETS = np.array([[4, 0, 6], [1, 5, 0]], dtype="int32")
WEIGHTS = np.array([[1.0, 1.0, 0.5], [1.0, 2.0, 0.0]], dtype="float32")
SAME = np.eye(V, dtype="float32"), np.zeros(V, dtype="float32")  # a layer that changes nothing


def loss_of(logits, smoothing, targets=TARGETS):
    return smoothed_cross_entropy(ops.convert_to_tensor(logits), *SAME, targets, WEIGHTS, smoothing)


def logits_like(scale=2.0, seed=0):
    return (scale * np.random.default_rng(seed).normal(size=(B, T, V))).astype("float32")


def formula(logits, smoothing):
    """Szegedy et al. (2016), section 7: -sum of q(v) log p(v), and -log p(target)."""
    loss = nll = 0.0
    logits = np.asarray(logits, dtype=np.float64)
    for b, t in np.ndindex(B, T):
        shifted = logits[b, t] - logits[b, t].max()
        log_probs = shifted - np.log(np.exp(shifted).sum())
        q = np.full(V, smoothing / V)
        q[TARGETS[b, t]] += 1 - smoothing
        loss -= WEIGHTS[b, t] * (q @ log_probs)
        nll -= WEIGHTS[b, t] * log_probs[TARGETS[b, t]]
    return loss, nll


def gradient_of(logits, smoothing, scale=1.0):
    def total(logits):
        return scale * loss_of(logits, smoothing)[0]

    return gradients_of(total, logits)[0]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_loss_and_nll_are_those_of_the_formula(smoothing):
    loss, nll = loss_of(logits_like(), smoothing)
    expected = formula(logits_like(), smoothing)
    np.testing.assert_allclose([float(loss), float(nll)], expected, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_written_gradient_is_that_of_the_formula(smoothing):
    (expected,) = differences(lambda z: formula(z, smoothing)[0], logits_like())
    np.testing.assert_allclose(gradient_of(logits_like(), smoothing), expected, atol=1e-6)


def test_without_smoothing_the_loss_is_the_nll():
    loss, nll = loss_of(logits_like(), 0.0)
    assert float(loss) == float(nll)


def test_the_gradient_follows_what_is_made_of_the_loss():
    one, tenth = gradient_of(logits_like(), 0.1), gradient_of(logits_like(), 0.1, scale=0.1)
    np.testing.assert_allclose(tenth, 0.1 * one, atol=1e-7)


def test_the_nll_has_no_gradient():
    def both(logits):
        loss, nll = loss_of(logits, 0.1)
        return loss + 5.0 * nll

    (found,) = gradients_of(both, logits_like())
    np.testing.assert_array_equal(found, gradient_of(logits_like(), 0.1))


def test_positions_of_weight_zero_count_nothing():
    changed = logits_like()
    changed[1, 2] = 50.0 * np.arange(V)
    for before, after in zip(
        loss_of(logits_like(), 0.1),
        loss_of(changed, 0.1),
    ):
        assert float(before) == pytest.approx(float(after), rel=1e-6)
    gradient = gradient_of(changed, 0.1)
    assert (gradient[1, 2] == 0.0).all() and np.abs(gradient[1, 1]).max() > 0.1


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_huge_logits_give_a_finite_loss_and_gradient(scale):
    logits = scale * np.sign(logits_like())
    loss, nll = loss_of(logits, 0.1)
    np.testing.assert_allclose([float(loss), float(nll)], formula(logits, 0.1), rtol=1e-5)
    gradient = gradient_of(logits, 0.1)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.1
    np.testing.assert_allclose(gradient.sum(axis=-1), 0.0, atol=1e-5)


def layer_like(units=4, seed=1):
    """Hidden units (B, T, R), and the kernel and the bias of an output layer."""
    generator = np.random.default_rng(seed)
    shapes = (B, T, units), (units, V), (V,)
    return [generator.normal(size=shape).astype("float32") for shape in shapes]


def test_the_gradient_reaches_the_hidden_units_and_the_layer():
    def total(hidden, kernel, bias):
        loss, nll = smoothed_cross_entropy(hidden, kernel, bias, TARGETS, WEIGHTS, 0.1)
        return 0.5 * loss + 3.0 * nll

    def expected(hidden, kernel, bias):
        return 0.5 * formula(hidden @ kernel + bias, 0.1)[0]

    for found, wanted in zip(
        gradients_of(total, *layer_like()), differences(expected, *layer_like())
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert np.abs(wanted).max() > 0.1


def test_a_target_of_no_probability_has_the_loss_of_the_formula_beside_likely_ones():
    logits = logits_like()
    logits[0, 0, TARGETS[0, 0]] = -300.0
    found = [float(x) for x in loss_of(logits, 0.1)]
    np.testing.assert_allclose(found, formula(logits, 0.1), rtol=1e-6)
    assert found[1] > 300.0


def test_bfloat16_is_as_exact_as_its_probabilities():
    hidden, kernel, bias = (
        np.asarray(ops.cast(ops.cast(x, "bfloat16"), "float32")) for x in layer_like()
    )
    loss, nll = smoothed_cross_entropy(
        ops.cast(hidden, "bfloat16"), kernel, bias, TARGETS, WEIGHTS, 0.1
    )
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    np.testing.assert_allclose(
        [float(loss), float(nll)], formula(hidden @ kernel + bias, 0.1), rtol=2**-8
    )

    def total(hidden, kernel, bias):
        hidden = ops.cast(hidden, "bfloat16")
        return smoothed_cross_entropy(hidden, kernel, bias, TARGETS, WEIGHTS, 0.1)[0]

    def expected(hidden, kernel, bias):
        return formula(hidden @ kernel + bias, 0.1)[0]

    inputs = hidden, kernel, bias
    for found, wanted in zip(gradients_of(total, *inputs), differences(expected, *inputs)):
        np.testing.assert_allclose(found, wanted, rtol=0.02, atol=0.02)


def test_the_sum_over_many_pieces_is_exact_in_bfloat16():
    pieces = 8192  # so many equal probabilities that a sum in bfloat16 would stop growing
    shape, zeros = (1, 1, 1), np.zeros((1, 1), dtype="int32")
    _, nll = smoothed_cross_entropy(
        ops.zeros(shape, "bfloat16"), ops.zeros((1, pieces)), ops.zeros(pieces), zeros,
        np.ones((1, 1), "float32"), 0.0,
    )  # fmt: skip
    assert float(nll) == pytest.approx(np.log(pieces), rel=1e-3)


# -- coverage --------------------------------------------------------------------------------------

REAL = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], dtype="float32")


def attention_like(seed=0):
    """Weights over 5 source positions, (B, 4, 5), of which the second sentence has 3."""
    scores = 2 * np.random.default_rng(seed).normal(size=(B, 4, 5))
    powers = np.exp(scores) * (np.arange(5) < np.array([5, 3])[:, None])[:, None]
    return (powers / powers.sum(axis=-1, keepdims=True)).astype("float32")


def coverage_formula(weights):
    """See et al. (2017), equations 10 and 12, step by step."""
    loss = 0.0
    for b in range(B):
        covered = np.zeros(weights.shape[2])  # nothing, before the first step
        for t in range(weights.shape[1]):
            if REAL[b, t]:
                loss += sum(min(a, c) for a, c in zip(weights[b, t], covered))
            covered = covered + weights[b, t]
    return loss


def test_the_coverage_loss_is_that_of_the_formula():
    loss = coverage_loss(ops.convert_to_tensor(attention_like()), REAL)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(coverage_formula(attention_like()), rel=1e-5)


def test_the_gradient_of_the_coverage_loss_is_that_of_the_formula():
    weights = attention_like()
    (found,) = gradients_of(lambda a: coverage_loss(a, REAL), weights)
    real_source = weights > 0  # where both are zero, at padding, the minimum has a corner
    (expected,) = differences(coverage_formula, weights)
    np.testing.assert_allclose(found[real_source], expected[real_source], atol=1e-4)
    assert np.abs(expected).max() > 1.5


def test_to_attend_to_each_word_once_costs_nothing_and_to_one_word_always_costs_each_repetition():
    once, always = np.eye(4, dtype="float32")[None], np.zeros((1, 4, 4), "float32")
    always[:, :, 2] = 1.0
    assert float(coverage_loss(ops.convert_to_tensor(once), np.ones((1, 4), "float32"))) == 0.0
    assert float(coverage_loss(ops.convert_to_tensor(always), np.ones((1, 4), "float32"))) == 3.0


def test_padding_of_target_and_source_costs_nothing():
    weights = attention_like()
    changed = np.pad(weights, ((0, 0), (0, 2), (0, 3)))
    changed[:, 4:] = 0.25
    real = np.pad(REAL, ((0, 0), (0, 2)))
    losses = [
        float(coverage_loss(ops.convert_to_tensor(a), r))
        for a, r in ((weights, REAL), (changed, real))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6) and losses[0] > 0.5
