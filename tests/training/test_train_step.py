"""One update: what it must do, what it must leave alone, and what it depends on."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from helpers.covering import others_are_slow
from helpers.train_step_bench import Bench, assert_same, batch, norm
from nmtcli.config import TrainingConfig
from nmtcli.models.weights import arrays_of, optimizer_arrays, set_arrays
from nmtcli.text.special_tokens import EOS_ID, PAD_ID
from nmtcli.training.train_step import make_optimizer


@pytest.fixture(scope="module")
def adam():
    """As it is used: with dropout and clipping."""
    return Bench(make_optimizer(TrainingConfig()), clip_norm=1.0, dropout=0.3)


@pytest.fixture(scope="module")
def descent():
    """Plain gradient descent: at a rate of 1 the change is minus the gradient."""
    return Bench(keras.optimizers.SGD(1.0), clip_norm=0.0)


def test_the_gradient_is_the_slope_of_the_loss(descent):
    result, change = descent.step(learning_rate=1.0)
    slope, width = norm(change), 0.01
    losses = []
    for side in (-1, 1):
        moved = {p: w + side * width / slope * change[p] for p, w in descent.weights.items()}
        set_arrays(descent.model, moved)
        losses.append(descent.run(batch(), 0.0, 1).loss / result.tokens)
    assert (losses[0] - losses[1]) / (2 * width) == pytest.approx(slope, rel=2e-3)


def test_the_gradient_norm_is_that_of_the_change_and_scales_with_the_rate(descent):
    result, change = descent.step(learning_rate=1.0)
    assert norm(change) == pytest.approx(result.gradient_norm, rel=1e-4)
    _, half = descent.step(learning_rate=0.5)
    assert norm(half) == pytest.approx(0.5 * result.gradient_norm, rel=1e-4)
    assert all(np.abs(part).max() > 1e-6 for part in change.values())


@pytest.mark.parametrize("share", [0.1, 10.0])
def test_clipping_scales_the_whole_gradient_to_the_norm(descent, share):
    result, change = descent.step(learning_rate=1.0)
    limit = share * result.gradient_norm
    clipped = Bench(keras.optimizers.SGD(1.0), clip_norm=limit)
    other, clipped_change = clipped.step(learning_rate=1.0)
    assert other.gradient_norm == pytest.approx(result.gradient_norm, rel=1e-5)
    for path, part in change.items():
        np.testing.assert_allclose(clipped_change[path], min(1.0, share) * part, atol=1e-5)


def test_loss_and_tokens_are_sums_over_real_targets(descent):
    result, _ = descent.step()
    descent.reset()
    logits = np.asarray(descent.model(batch()[:2]), dtype=np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    at_target = np.take_along_axis(log_probs, batch().targets[..., None], axis=-1)[..., 0]
    real = batch().targets != PAD_ID
    assert result.tokens == real.sum() == 10
    assert result.nll == pytest.approx(-at_target[real].sum(), rel=1e-5)
    smoothed = 0.9 * at_target + 0.1 * log_probs.mean(axis=-1)
    assert result.loss == pytest.approx(-smoothed[real].sum(), rel=1e-5)


def test_padding_and_rows_of_padding_change_no_update(descent):
    result, change = descent.step(learning_rate=1.0)
    padded, other = descent.step(batch(5, 8, 9), learning_rate=1.0)
    assert padded.tokens == result.tokens
    assert padded.loss == pytest.approx(result.loss, rel=1e-5)
    for path, part in change.items():
        np.testing.assert_allclose(other[path], part, atol=1e-5)


def test_adam_moves_each_weight_by_the_rate_at_first(adam, descent):
    """Kingma and Ba (2015), section 2.1: the first step is the rate, downhill."""
    plain = Bench(make_optimizer(TrainingConfig()), clip_norm=0.0)
    _, change = plain.step(learning_rate=0.01)
    _, downhill = descent.step(learning_rate=1.0)
    for path, part in change.items():
        clear = np.abs(downhill[path]) > 1e-3
        np.testing.assert_allclose(part[clear], 0.01 * np.sign(downhill[path][clear]), rtol=1e-2)


def test_the_same_step_from_the_same_state_gives_the_same_bits(adam):
    first, _ = adam.step()
    weights, slots = arrays_of(adam.model), optimizer_arrays(adam.optimizer)
    again, _ = adam.step()
    assert first == again
    assert_same(weights, arrays_of(adam.model))
    assert_same(slots, optimizer_arrays(adam.optimizer))


def test_dropout_depends_on_seed_and_step_alone(adam):
    first = adam.step(number=5)[0].loss
    assert adam.step(number=6)[0].loss != first
    adam.run(batch(), 0.01, 1)
    assert adam.step(number=5)[0].loss == first
    options = adam.run.options
    adam.run.options = replace(options, seed=8)
    try:
        assert adam.step(number=5)[0].loss != first
    finally:
        adam.run.options = options


def coverage_of(weights, targets):
    """See et al. (2017), equations 10 and 12, over the real targets: a sum."""
    total = 0.0
    for b, t in np.argwhere(targets != PAD_ID):
        total += np.minimum(weights[b, t], weights[b, :t].sum(axis=0)).sum()
    return total


@pytest.fixture(
    scope="module", params=others_are_slow(["coverage", "coverage, input feeding"], ["coverage"])
)
def covered(request):
    """With the coverage loss at a weight of 2."""
    return Bench(keras.optimizers.SGD(1.0), 0.0, options={"coverage_loss": 2.0}, name=request.param)


def test_the_coverage_loss_is_added_by_its_weight(covered):
    result, change = covered.step(learning_rate=1.0)
    covered.reset()
    _, attention = covered.model(batch()[:2], with_weights=True)
    logits = np.asarray(covered.model(batch()[:2]), dtype=np.float64)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    at_target = np.take_along_axis(log_probs, batch().targets[..., None], axis=-1)[..., 0]
    smoothed = (0.9 * at_target + 0.1 * log_probs.mean(axis=-1))[batch().targets != PAD_ID]
    added = 2.0 * coverage_of(np.asarray(attention, np.float64), batch().targets)
    assert added > 0.5
    assert result.loss == pytest.approx(added - smoothed.sum(), rel=1e-5)
    assert result.nll == pytest.approx(-at_target[batch().targets != PAD_ID].sum(), rel=1e-5)
    assert np.abs(change["decoder/attention/score/coverage_vector"]).max() > 1e-4


def test_the_gradient_goes_through_the_coverage_of_earlier_steps(covered):
    """The slope along the gradient is its norm, the coverage loss included."""
    result, change = covered.step(learning_rate=1.0)
    slope, width, losses = norm(change), 0.005, []
    for side in (-1, 1):
        moved = {p: w + side * width / slope * change[p] for p, w in covered.weights.items()}
        set_arrays(covered.model, moved)
        losses.append(covered.run(batch(), 0.0, 1).loss / result.tokens)
    assert (losses[0] - losses[1]) / (2 * width) == pytest.approx(slope, rel=5e-3)


def test_a_model_without_coverage_has_no_coverage_loss(descent):
    other = Bench(keras.optimizers.SGD(1.0), clip_norm=0.0, options={"coverage_loss": 2.0})
    assert other.step()[0].loss == pytest.approx(descent.step()[0].loss, rel=1e-6)


def test_the_coverage_loss_can_wait(covered):
    with_loss = covered.step(number=1)[0].loss
    options = covered.run.options
    covered.run.options = replace(options, coverage_from=5)
    try:
        before, after = (covered.step(number=number)[0].loss for number in (5, 6))
    finally:
        covered.run.options = options
    assert after == pytest.approx(with_loss, rel=1e-6)
    assert before < with_loss - 0.5


def test_coverage_is_trained_in_bfloat16_too(covered):
    name = "coverage, input feeding" if covered.model.mechanism.input_feeding else "coverage"
    options = {"coverage_loss": 2.0}
    half = Bench(keras.optimizers.SGD(1.0), 0.0, options=options, name=name, dtype="mixed_bfloat16")
    (result, change), (expected, precise) = half.step(), covered.step()
    assert result.finite and result.loss == pytest.approx(expected.loss, rel=0.02)
    moved = [norm({p: c - precise[p] for p, c in change.items()}), norm(precise)]
    assert moved[0] < 0.15 * moved[1]


@pytest.fixture(scope="module")
def transformer():
    """With every kind of dropout."""
    options = {"clip_norm": 0.0, "dropout": 0.3, "name": "transformer, rotary and swiglu"}
    return Bench(keras.optimizers.SGD(1.0), **options)


def test_a_transformer_is_updated_by_the_gradient_and_by_seed_and_step_alone(transformer):
    result, change = transformer.step(learning_rate=1.0)
    assert norm(change) == pytest.approx(result.gradient_norm, rel=1e-4)
    moved = {path for path, part in change.items() if np.abs(part).max() > 1e-6}
    unmoved = set(change) - moved
    assert all(path.endswith("cross_attention/key/bias") for path in unmoved)
    again, same = transformer.step(learning_rate=1.0)
    assert again == result
    assert_same(change, same)
    assert transformer.step(number=2)[0].loss != result.loss


def test_a_transformer_does_not_learn_from_padding():
    plain = Bench(keras.optimizers.SGD(1.0), clip_norm=0.0, name="transformer, post-norm")
    (result, change), (padded, other) = plain.step(), plain.step(batch(5, 8, 9))
    assert padded.loss == pytest.approx(result.loss, rel=1e-5)
    for path, part in change.items():
        np.testing.assert_allclose(other[path], part, atol=1e-6)


@pytest.mark.slow
def test_a_transformer_is_trained_in_bfloat16_too():
    options = {"clip_norm": 0.0, "name": "transformer, rotary and swiglu"}
    benches = (
        Bench(keras.optimizers.SGD(1.0), dtype=dtype, **options)
        for dtype in ("mixed_bfloat16", "float32")
    )
    (result, change), (expected, precise) = (bench.step() for bench in benches)
    assert result.finite and result.loss == pytest.approx(expected.loss, rel=0.02)
    apart = norm({path: part - precise[path] for path, part in change.items()})
    assert apart < 0.15 * norm(precise)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_an_update_that_is_not_finite_changes_nothing(adam, value):
    adam.step()  # so that the slots are not all zero
    weights = arrays_of(adam.model)
    weights["translator/output_bias"] = weights["translator/output_bias"].copy()
    weights["translator/output_bias"][EOS_ID] = value
    set_arrays(adam.model, weights)
    slots = optimizer_arrays(adam.optimizer)
    result = adam.run(batch(), 0.01, 2)
    assert not result.finite
    assert_same(arrays_of(adam.model), weights)
    assert_same(optimizer_arrays(adam.optimizer), slots)


def test_an_update_goes_on_after_one_that_was_not_finite(adam):
    broken = {path: np.full_like(w, np.nan) for path, w in adam.weights.items()}
    adam.reset()
    set_arrays(adam.model, broken)
    assert not adam.run(batch(), 0.01, 1).finite
    result, change = adam.step()
    assert result.finite and norm(change) > 0.0


def test_the_optimizer_is_the_one_of_the_configuration():
    optimizer = make_optimizer(TrainingConfig(adam_beta_1=0.8, adam_beta_2=0.95, learning_rate=0.5))
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.8, 0.95, 1e-8)
    assert float(optimizer.learning_rate) == 0.5


def test_repeated_updates_learn_the_batch(adam):
    adam.reset()
    results = [adam.run(batch(), 0.02, number) for number in range(1, 41)]
    assert results[-1].nll < 0.5 * results[0].nll
