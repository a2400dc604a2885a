"""The loss and its written gradient against the formula in NumPy."""

import keras
import numpy as np
import pytest
from gradients import differences, gradients_of
from keras import ops

from nmtcli.training.loss import coverage_loss, smoothed_cross_entropy

B, T, V = 2, 3, 7
TARGETS = np.array([[4, 0, 6], [1, 5, 0]], dtype="int32")
WEIGHTS = np.array([[1.0, 1.0, 0.5], [1.0, 2.0, 0.0]], dtype="float32")


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
        return scale * smoothed_cross_entropy(logits, TARGETS, WEIGHTS, smoothing)[0]

    return gradients_of(total, logits)[0]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_loss_and_nll_are_those_of_the_formula(smoothing):
    loss, nll = smoothed_cross_entropy(logits_like(), TARGETS, WEIGHTS, smoothing)
    expected = formula(logits_like(), smoothing)
    np.testing.assert_allclose([float(loss), float(nll)], expected, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_written_gradient_is_that_of_the_formula(smoothing):
    (expected,) = differences(lambda z: formula(z, smoothing)[0], logits_like())
    np.testing.assert_allclose(gradient_of(logits_like(), smoothing), expected, atol=1e-6)


def test_without_smoothing_the_loss_is_the_nll():
    loss, nll = smoothed_cross_entropy(logits_like(), TARGETS, WEIGHTS, 0.0)
    assert float(loss) == float(nll)


def test_the_gradient_follows_what_is_made_of_the_loss():
    one, tenth = gradient_of(logits_like(), 0.1), gradient_of(logits_like(), 0.1, scale=0.1)
    np.testing.assert_allclose(tenth, 0.1 * one, atol=1e-7)


def test_the_nll_has_no_gradient():
    def both(logits):
        loss, nll = smoothed_cross_entropy(logits, TARGETS, WEIGHTS, 0.1)
        return loss + 5.0 * nll

    (found,) = gradients_of(both, logits_like())
    np.testing.assert_array_equal(found, gradient_of(logits_like(), 0.1))


def test_positions_of_weight_zero_count_nothing():
    changed = logits_like()
    changed[1, 2] = 50.0 * np.arange(V)
    for before, after in zip(
        smoothed_cross_entropy(logits_like(), TARGETS, WEIGHTS, 0.1),
        smoothed_cross_entropy(changed, TARGETS, WEIGHTS, 0.1),
    ):
        assert float(before) == float(after)
    gradient = gradient_of(changed, 0.1)
    assert (gradient[1, 2] == 0.0).all() and np.abs(gradient[1, 1]).max() > 0.1


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_huge_logits_give_a_finite_loss_and_gradient(scale):
    logits = scale * np.sign(logits_like())
    loss, nll = smoothed_cross_entropy(logits, TARGETS, WEIGHTS, 0.1)
    np.testing.assert_allclose([float(loss), float(nll)], formula(logits, 0.1), rtol=1e-5)
    gradient = gradient_of(logits, 0.1)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.1
    np.testing.assert_allclose(gradient.sum(axis=-1), 0.0, atol=1e-5)


def test_bfloat16_logits_are_computed_with_in_float32():
    logits = ops.cast(logits_like(), "bfloat16")
    loss, nll = smoothed_cross_entropy(logits, TARGETS, WEIGHTS, 0.1)
    rounded = np.asarray(ops.cast(logits, "float32"))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    np.testing.assert_allclose([float(loss), float(nll)], formula(rounded, 0.1), rtol=1e-6)

    def total(z):
        return smoothed_cross_entropy(ops.cast(z, "bfloat16"), TARGETS, WEIGHTS, 0.1)[0]

    np.testing.assert_allclose(
        gradients_of(total, rounded)[0], gradient_of(rounded, 0.1), rtol=0.01, atol=1e-3
    )


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
