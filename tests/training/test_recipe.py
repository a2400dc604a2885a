"""Parts of the recipe that change an update: accumulation, R-Drop, averages, decay, freezing."""

import keras
import numpy as np
import pytest

from helpers.mechanism_cases import tiny_model
from helpers.train_step_bench import Bench, assert_same, batch
from nmtcli.config import TrainingConfig
from nmtcli.data.batching import Arrays
from nmtcli.errors import UsageError
from nmtcli.models.weights import arrays_of, set_arrays
from nmtcli.text.special_tokens import EOS_ID, PAD_ID
from nmtcli.training.fine_tuning import freeze
from nmtcli.training.losses import loss_weights
from nmtcli.training.train_step import TrainStep, make_optimizer


def rows_of(arrays, *rows):
    return Arrays(*(array[list(rows)] for array in arrays[:3]))


def in_parts():
    """The sentences of `batch`, and a part that is padding alone."""
    return [rows_of(batch(), 2), rows_of(batch(), 0, 1), Arrays(*(0 * a for a in batch()[:3]))]


@pytest.fixture(scope="module")
def descent():
    """Plain gradient descent: at a rate of 1 the change is minus the gradient."""
    return Bench(keras.optimizers.SGD(1.0), clip_norm=0.0)


# -- accumulation ----------------------------------------------------------------------------------


def test_the_gradient_of_parts_is_that_of_one_batch_with_all_of_their_sentences(descent):
    whole, change = descent.step(learning_rate=1.0)
    parts, other = descent.step(in_parts(), learning_rate=1.0)
    assert parts.tokens == whole.tokens == 10
    for name in ("loss", "nll", "gradient_norm"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-5)
    for path, part in change.items():
        np.testing.assert_allclose(other[path], part, atol=1e-6)


def test_nothing_of_an_update_is_left_for_the_next(descent):
    first, change = descent.step(in_parts(), learning_rate=1.0)
    again, other = descent.step(in_parts(), learning_rate=1.0)
    assert first == again
    assert_same(change, other)


def test_clipping_acts_on_the_sum_of_the_parts(descent):
    whole, change = descent.step(learning_rate=1.0)
    clipped = Bench(keras.optimizers.SGD(1.0), clip_norm=0.1 * whole.gradient_norm)
    parts, other = clipped.step(in_parts(), learning_rate=1.0)
    assert parts.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-5)
    for path, part in change.items():
        np.testing.assert_allclose(other[path], 0.1 * part, atol=1e-6)


def test_parts_whose_sum_is_not_finite_change_nothing_and_spoil_no_later_update(descent):
    good, change = descent.step(in_parts(), learning_rate=1.0)
    broken = arrays_of(descent.model)
    broken["translator/output_bias"] = broken["translator/output_bias"].copy()
    broken["translator/output_bias"][EOS_ID] = np.inf
    set_arrays(descent.model, broken)
    assert not descent.run(in_parts(), 1.0, 1).finite
    assert_same(arrays_of(descent.model), broken)
    again, other = descent.step(in_parts(), learning_rate=1.0)
    assert again == good
    assert_same(change, other)


def test_each_part_has_dropout_of_its_own():
    bench = Bench(keras.optimizers.SGD(1.0), clip_norm=0.0, dropout=0.5)
    once, twice = bench.step()[0], bench.step([batch(), batch()])[0]
    assert twice.tokens == 2 * once.tokens
    assert twice.loss != pytest.approx(2 * once.loss, rel=1e-3)
    assert twice == bench.step([batch(), batch()])[0]


# -- R-Drop and word dropout -----------------------------------------------------------------------


def log_probs_of(model, inputs):
    logits = np.asarray(model(inputs), dtype=np.float64)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_r_drop_is_half_of_the_papers_loss_over_both_passes():
    """The passes differ by the words they drop, which is known; dropout itself is off."""
    options = {"label_smoothing": 0.0, "r_drop": 3.0}
    options |= {"source_word_dropout": 0.3, "target_word_dropout": 0.3}
    bench = Bench(keras.optimizers.SGD(1.0), clip_norm=0.0, options=options)
    source_ids, decoder_inputs, _ = bench.run._inputs(batch(), 4, 0)
    assert (decoder_inputs[:3] != decoder_inputs[3:]).any() and len(source_ids) == 6
    result, _ = bench.step(number=4)
    bench.reset()
    p, q = np.split(log_probs_of(bench.model, (source_ids, decoder_inputs)), 2)
    loss = nll = 0.0
    for b, t in np.argwhere(batch().targets != PAD_ID):
        v = batch().targets[b, t]
        nll -= 0.5 * (p[b, t, v] + q[b, t, v])
        apart = p[b, t] - q[b, t]
        loss += 0.5 * 3.0 * 0.5 * (np.exp(p[b, t]) @ apart - np.exp(q[b, t]) @ apart)
    assert loss > 0.01 and result.tokens == 10
    assert result.nll == pytest.approx(nll, rel=1e-5)
    assert result.loss == pytest.approx(nll + loss, rel=1e-5)


def test_r_drop_of_equal_passes_is_the_plain_update(descent):
    paired = Bench(keras.optimizers.SGD(1.0), clip_norm=0.0, options={"r_drop": 5.0})
    (result, change), (plain, expected) = paired.step(), descent.step()
    assert result.loss == pytest.approx(plain.loss, rel=1e-5)
    assert result.gradient_norm == pytest.approx(plain.gradient_norm, rel=1e-4)
    for path, part in expected.items():
        np.testing.assert_allclose(change[path], part, atol=1e-6)


def test_the_passes_of_r_drop_have_different_dropout():
    options = {"label_smoothing": 0.0, "r_drop": 5.0}
    bench = Bench(keras.optimizers.SGD(1.0), 0.0, dropout=0.4, options=options)
    result, _ = bench.step()
    assert result.loss > result.nll + 0.5


def test_word_dropout_depends_on_seed_step_and_part_and_never_touches_the_targets(descent):
    options = TrainingConfig(seed=3, source_word_dropout=0.5)
    run = TrainStep(descent.model, options, keras.optimizers.SGD(1.0))
    large = batch(rows=40, source_length=5)
    large.source_ids[:] = 7
    seen = {key: run._inputs(large, *key) for key in ((1, 0), (1, 1), (2, 0))}
    shares = [(inputs[0] == 1).mean() for inputs in seen.values()]
    np.testing.assert_allclose(shares, 0.5, atol=0.15)
    sources = [inputs[0].tobytes() for inputs in seen.values()]
    assert len(set(sources)) == 3
    assert run._inputs(large, 1, 0)[0].tobytes() == sources[0]
    for inputs in seen.values():
        assert inputs[1] is large.decoder_inputs and inputs[2] is large.targets


# -- averages, decay of weights, freezing ----------------------------------------------------------


@pytest.fixture(scope="module")
def averaging():
    optimizer = make_optimizer(TrainingConfig())
    return Bench(optimizer, clip_norm=1.0, options={"average_decay": 0.3})


def test_the_average_follows_the_weights_by_its_decay_and_faster_at_first():
    bench = Bench(make_optimizer(TrainingConfig()), 1.0, options={"average_decay": 0.3})
    expected = {path: w.astype(np.float64) for path, w in bench.weights.items()}
    for step in range(1, 7):
        bench.run(batch(), 0.05, step)
        decay = min(0.3, (1 + step) / (10 + step))
        for path, w in arrays_of(bench.model).items():
            expected[path] = decay * expected[path] + (1 - decay) * w
    saved = bench.run.arrays()
    assert_same(saved["training"], arrays_of(bench.model))
    for path, average in saved["model"].items():
        np.testing.assert_allclose(average, expected[path], atol=1e-6)
        assert np.abs(average - saved["training"][path]).max() > 1e-4


def test_a_step_goes_on_from_what_was_saved_with_the_same_bits(averaging):
    for step in (1, 2):
        averaging.run(batch(), 0.01, step)
    saved = averaging.run.arrays()
    assert tuple(sorted(saved)) == tuple(sorted(averaging.run.groups))
    averaging.run(batch(), 0.01, 3)
    expected = averaging.run.arrays()
    averaging.run(batch(), 0.01, 9)
    averaging.run.set_arrays(saved)
    averaging.run(batch(), 0.01, 3)
    for group, arrays in averaging.run.arrays().items():
        assert_same(arrays, expected[group])


def test_the_weights_to_translate_with_are_the_averaged_ones(averaging, descent):
    averaging.run(batch(), 0.05, 1)
    saved, bias = averaging.run.arrays(), "translator/output_bias"
    assert_same(averaging.run.weights(), saved["model"])
    assert not np.array_equal(saved["model"][bias], saved["training"][bias])
    assert_same(descent.run.weights(), arrays_of(descent.model))


def test_an_update_that_is_not_finite_leaves_the_average(averaging):
    averaging.run(batch(), 0.01, 1)
    before = averaging.run.arrays()["model"]
    set_arrays(averaging.model, {p: np.full_like(w, np.nan) for p, w in before.items()})
    assert not averaging.run(batch(), 0.01, 3).finite
    assert_same(before, averaging.run.arrays()["model"])
    averaging.reset()


def test_weights_decay_by_rate_times_decay_but_vectors_keep_theirs():
    """Loshchilov and Hutter (2019), algorithm 2, line 12: beside Adam's step, not through it."""
    plain = Bench(make_optimizer(TrainingConfig()), clip_norm=0.0)
    decayed = Bench(make_optimizer(TrainingConfig(weight_decay=0.2)), clip_norm=0.0)
    (_, change), (_, expected) = decayed.step(learning_rate=0.05), plain.step(learning_rate=0.05)
    kinds = set()
    for path, weights in plain.weights.items():
        lost = 0.05 * 0.2 * weights if weights.ndim > 1 else 0.0 * weights
        np.testing.assert_allclose(change[path] - expected[path], -lost, atol=1e-6)
        kinds.add(weights.ndim)
    assert kinds == {1, 2}


def test_frozen_weights_keep_their_bits_and_have_no_slots():
    model = tiny_model()
    frozen = freeze(model, ("encoder/*/kernel", "translator/target_embedding"))
    assert frozen == [
        "encoder/encoder_backward/kernel",
        "encoder/encoder_forward/kernel",
        "translator/target_embedding",
    ]
    options = TrainingConfig(freeze=tuple(frozen), average_decay=0.5, weight_decay=0.1)
    run, before = TrainStep(model, options), arrays_of(model)
    assert len(run.optimizer.variables) == 2 + 2 * (len(before) - 3)
    for step in (1, 2):
        assert run(batch(), 0.05, step).finite
    saved = run.arrays()
    for group in ("model", "training"):
        assert saved[group].keys() == before.keys()
        for path, weights in before.items():
            assert (saved[group][path].tobytes() == weights.tobytes()) == (path in frozen), path
    other = tiny_model(seed=2)
    set_arrays(other, saved["model"])  # which freezes nothing
    assert_same(arrays_of(other), saved["model"])


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["encoder/encoder_foward/kernel"], "near it are encoder/encoder_forward/kernel"),
        (
            ["decoder/*", "zzz"],
            "no weight is called 'zzz'; there are bridge/bias, bridge/kernel, decoder/",
        ),
        (["*"], "nothing would be left to train"),
    ],
)
def test_what_cannot_be_frozen_is_refused(patterns, message):
    model = tiny_model()
    with pytest.raises(UsageError, match="training.freeze: ") as caught:
        freeze(model, patterns)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert len(model.trainable_variables) == len(model.weights)


def test_the_coverage_loss_acts_from_and_the_guided_alignment_until_their_updates():
    options = TrainingConfig(guided_alignment=0.5, guided_until=7, coverage_from=3)
    assert [loss_weights(options, step) for step in (3, 4, 7, 8)] == [
        (0.0, 0.5), (1.0, 0.5), (1.0, 0.5), (1.0, 0.0)
    ]  # fmt: skip
    assert loss_weights(TrainingConfig(guided_alignment=0.5), 10**6) == (1.0, 0.5)
