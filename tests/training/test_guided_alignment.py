"""Guided alignment against its formula, and that attention learns what it is shown."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.gradients import differences, gradients_of
from helpers.train_step_bench import Bench, batch, norm
from nmtcli.models.weights import set_arrays
from nmtcli.text.special_tokens import PAD_ID
from nmtcli.training.losses import guided_alignment_loss

REAL = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype="float32")


def attention_like():
    weights = np.random.default_rng(0).uniform(0.1, 1.0, size=(2, 4, 5))
    return (weights / weights.sum(axis=-1, keepdims=True)).astype("float32")


def alignment_like():
    """Rows of one link, of two, and of none; and one of padding, which must not count."""
    alignment = np.zeros((2, 4, 5), "float32")
    alignment[0, 0, 3] = alignment[1, 1, 0] = alignment[0, 3, 1] = 1.0
    alignment[0, 2, 1:3] = 0.5
    return alignment


def formula(attention):
    """Chen et al. (2016): the cross-entropy of each linked target piece, one after the other."""
    total, alignment = 0.0, alignment_like()
    for b, t in np.argwhere(REAL):
        for s in np.flatnonzero(alignment[b, t]):
            total -= alignment[b, t, s] * np.log(attention[b, t, s])
    return total


def loss_of(attention):
    return guided_alignment_loss(ops.convert_to_tensor(attention), alignment_like(), REAL)


def test_the_loss_and_its_gradient_are_those_of_the_formula():
    assert float(loss_of(attention_like())) == pytest.approx(formula(attention_like()), rel=1e-5)
    (found,) = gradients_of(loss_of, attention_like())
    (expected,) = differences(formula, attention_like())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_attention_that_is_the_alignment_costs_its_entropy():
    attention = alignment_like() + (alignment_like().sum(axis=-1, keepdims=True) == 0) * 0.2
    assert float(loss_of(attention)) == pytest.approx(np.log(2.0), rel=1e-5)


def test_a_weight_of_zero_at_a_link_is_finite_and_has_no_gradient_to_infinity():
    attention = attention_like()
    attention[0, 0, 3] = 0.0
    (gradient,) = gradients_of(loss_of, attention)
    assert np.isfinite(float(loss_of(attention))) and np.isfinite(gradient).all()


def aligned_batch():
    """The first source piece for the first target piece, and so on; the last two have no link."""
    arrays = batch()
    alignment = np.zeros((*arrays.targets.shape, arrays.source_ids.shape[1]), "float32")
    for t in range(3):
        alignment[:, t, t] = arrays.source_ids[:, t] != PAD_ID
    return arrays._replace(alignment=alignment)


@pytest.fixture(scope="module")
def guided():
    options = {"guided_alignment": 2.0, "guided_until": 5}
    return Bench(keras.optimizers.SGD(1.0), clip_norm=0.0, options=options)


def test_the_loss_is_added_by_its_weight_as_long_as_it_guides(guided):
    with_loss, without = (guided.step(aligned_batch(), number=n)[0] for n in (5, 6))
    guided.reset()
    _, attention = guided.model(aligned_batch()[:2], with_weights=True)
    real = aligned_batch().targets != PAD_ID
    logs = np.log(np.maximum(attention, 1e-30, dtype=np.float64))  # padding has a weight of zero
    added = -2.0 * (aligned_batch().alignment * logs)[real].sum()
    assert added > 5.0 and with_loss.loss - without.loss == pytest.approx(added, rel=1e-4)
    assert with_loss.nll == without.nll


def test_the_gradient_goes_through_the_attention(guided):
    result, change = guided.step(aligned_batch(), learning_rate=1.0)
    slope, width, losses = norm(change), 0.003, []
    for side in (-1, 1):
        moved = {p: w + side * width / slope * change[p] for p, w in guided.weights.items()}
        set_arrays(guided.model, moved)
        losses.append(guided.run(aligned_batch(), 0.0, 1).loss / result.tokens)
    assert (losses[0] - losses[1]) / (2 * width) == pytest.approx(slope, rel=1e-2)


def test_attention_learns_what_it_is_shown(guided):
    guided.reset()
    for _ in range(150):
        guided.run(aligned_batch(), 0.3, 1)
    _, attention = guided.model(aligned_batch()[:2], with_weights=True)
    linked = (aligned_batch().alignment > 0) & (aligned_batch().targets != PAD_ID)[..., None]
    assert np.asarray(attention)[linked].min() > 0.8
    guided.reset()
