"""R-Drop's loss and its written gradient against the paper's equations in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.gradients import differences, gradients_of
from nmtcli.training.losses import r_drop_loss, smoothed_cross_entropy

B, T, V = 2, 3, 5
TARGETS = np.array([[4, 0, 3], [1, 2, 0]], dtype="int32")
WEIGHTS = np.array([[1.0, 1.0, 0.5], [1.0, 2.0, 0.0]], dtype="float32")
PAIRED = np.concatenate([TARGETS, TARGETS]), np.concatenate([WEIGHTS, WEIGHTS])
SAME = np.eye(V, dtype="float32"), np.zeros(V, dtype="float32")  # a layer that changes nothing


def logits_like(seed=0, scale=2.0):
    """Of two passes, (2 B, T, V)."""
    return (scale * np.random.default_rng(seed).normal(size=(2 * B, T, V))).astype("float32")


def log_softmax(z):
    shifted = np.asarray(z, np.float64) - np.max(z)
    return shifted - np.log(np.exp(shifted).sum())


def formula(logits, smoothing, alpha):
    """Liang et al. (2021), equations 1 to 4, with smoothed labels; position by position."""
    total = 0.0
    for b, t in np.ndindex(B, T):
        p, q = log_softmax(logits[b, t]), log_softmax(logits[b + B, t])
        label = np.full(V, smoothing / V)
        label[TARGETS[b, t]] += 1.0 - smoothing
        forth = sum(np.exp(p[v]) * (p[v] - q[v]) for v in range(V))
        back = sum(np.exp(q[v]) * (q[v] - p[v]) for v in range(V))
        total += WEIGHTS[b, t] * (-label @ p - label @ q + alpha * 0.5 * (forth + back))
    return total


def loss_of(logits, smoothing=0.1, alpha=5.0):
    logits = ops.convert_to_tensor(logits)
    return r_drop_loss(logits, *SAME, *PAIRED, smoothing, alpha)


@pytest.mark.parametrize(("smoothing", "alpha"), [(0.0, 1.0), (0.1, 5.0), (0.5, 0.3)])
def test_the_loss_is_that_of_the_paper(smoothing, alpha):
    loss, nll = loss_of(logits_like(), smoothing, alpha)
    assert float(loss) == pytest.approx(formula(logits_like(), smoothing, alpha), rel=1e-5)
    assert float(nll) == pytest.approx(formula(logits_like(), 0.0, 0.0), rel=1e-5)


@pytest.mark.parametrize(("smoothing", "alpha"), [(0.0, 1.0), (0.1, 5.0)])
def test_the_written_gradient_is_that_of_the_paper(smoothing, alpha):
    (found,) = gradients_of(lambda z: loss_of(z, smoothing, alpha)[0], logits_like())
    (expected,) = differences(lambda z: formula(z, smoothing, alpha), logits_like())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.5


def test_without_weight_it_is_the_cross_entropy_of_both_passes():
    both = [float(x) for x in loss_of(logits_like(), 0.1, 0.0)]
    plain = smoothed_cross_entropy(ops.convert_to_tensor(logits_like()), *SAME, *PAIRED, 0.1)
    np.testing.assert_allclose(both, [float(x) for x in plain], rtol=1e-6)


def test_passes_that_agree_cost_nothing_more_however_large_the_weight():
    agreed = np.concatenate([logits_like()[:B]] * 2)
    shifted = agreed + np.repeat([0.0, 3.0], B)[:, None, None].astype("float32")
    for logits in (agreed, shifted):  # logits that differ by a number are the same distribution
        assert float(loss_of(logits, alpha=100.0)[0]) == pytest.approx(
            float(loss_of(agreed, alpha=0.0)[0]), rel=1e-5
        )


def test_the_gradient_follows_what_is_made_of_the_loss_and_the_nll_has_none():
    (one,) = gradients_of(lambda z: loss_of(z)[0], logits_like())
    (made,) = gradients_of(lambda z: 0.1 * loss_of(z)[0] + 7.0 * loss_of(z)[1], logits_like())
    np.testing.assert_allclose(made, 0.1 * one, atol=1e-6)


def test_huge_bfloat16_logits_give_a_finite_loss_and_gradient():
    logits = ops.cast(1e4 * np.sign(logits_like()), "bfloat16")
    loss, _ = r_drop_loss(logits, *SAME, *PAIRED, 0.1, 5.0)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32" and np.isfinite(float(loss))

    def total(z):
        return r_drop_loss(ops.cast(z, "bfloat16"), *SAME, *PAIRED, 0.1, 5.0)[0]

    (gradient,) = gradients_of(total, 1e4 * np.sign(logits_like()))
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.1
