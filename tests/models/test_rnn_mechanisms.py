"""The papers in NumPy, and the equivalences that hold for a translator with each mechanism."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.mechanism_cases import (
    EMBEDDING,
    MECHANISMS,
    SIZES,
    SOURCE,
    TARGET,
    VOCABULARY,
    every_composition,
    forced,
    logits_of,
    shared_model,
    shared_results,
    tiny_model,
)
from helpers.rnn_differences import (
    KINDS,
    reference_difference,
    stepwise_difference,
)
from nmtcli.models.rnn import RNNTranslator
from nmtcli.text.special_tokens import PAD_ID

COMPOSITIONS = {
    " ".join(
        f"{m.score} {m.scope} {m.placement}{' heads' * (m.heads > 1)}"
        f"{' fed' * m.input_feeding}{' coverage' * m.coverage}".split()
    ): m
    for m in every_composition()
}


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def kind(request):
    """Name, cell and layers of a shared model."""
    return request.param


@pytest.fixture
def model(kind):
    return shared_model(*kind)


@pytest.fixture(params=MECHANISMS)
def name(request):
    return request.param


@pytest.fixture
def results(kind):
    """Logits and attention of SOURCE and TARGET: all positions at once, and one after the other."""
    return shared_results(*kind)


@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_every_composition_is_the_papers_in_numpy(composition):
    logits, attention = reference_difference(COMPOSITIONS[composition])
    assert logits < 1e-4 and attention < 1e-5


def test_steps_are_the_teacher_forced_call(kind):
    logits, attention = stepwise_difference(*kind)
    assert logits < 1e-5 and attention < 1e-6


def test_attention_sums_to_one_over_real_tokens(model, results):
    for _, attention in results:
        assert attention.dtype == np.float32 and attention.shape == (2, TARGET.shape[1], 5)
        assert (attention[1, :, 3:] == 0.0).all()
        sums = attention.sum(axis=-1)
        if model.mechanism.scope == "local-p":  # the Gaussian takes its share, as in the paper
            assert (sums > 1e-3).all() and (sums < 1.0).all()
        else:
            total = 0.0 if model.mechanism.score is None else 1.0
            np.testing.assert_allclose(sums, total, atol=1e-5)


def test_future_target_pieces_change_nothing_earlier(model, results):
    (logits, weights), changed = results[0], TARGET.copy()
    changed[:, 2] = 8
    after = forced(model, SOURCE, changed)
    np.testing.assert_array_equal(after[0][:, :2], logits[:, :2])
    np.testing.assert_array_equal(after[1][:, :2], weights[:, :2])
    assert np.abs(after[0][:, 2:] - logits[:, 2:]).max(axis=(1, 2)).min() > 1e-3


def test_padding_and_a_row_of_padding_change_nothing_and_give_no_nan(model, results):
    rows = np.concatenate([SOURCE, np.full((1, 5), PAD_ID, dtype="int32")])
    padded = np.concatenate([rows, np.full((3, 3), PAD_ID, dtype="int32")], axis=1)
    logits, weights = forced(model, padded, np.concatenate([TARGET, TARGET[:1]]))
    np.testing.assert_allclose(logits[:2], results[0][0], atol=1e-5)
    np.testing.assert_allclose(weights[:2, :, :5], results[0][1], atol=1e-6)
    assert (weights[:, :, 5:] == 0.0).all()
    assert np.isfinite(logits).all() and (weights[2] == 0.0).all()


def test_a_sentence_alone_is_what_it_is_among_others(model, results):
    words = SOURCE[1:][SOURCE[1:] != PAD_ID][None]
    logits, weights = forced(model, words, TARGET[1:])
    np.testing.assert_allclose(logits[0], results[0][0][1], atol=1e-5)
    np.testing.assert_allclose(weights[0], results[0][1][1, :, : words.shape[1]], atol=1e-6)


def test_without_dropout_training_is_the_same_function(name):
    trained = logits_of(shared_model(name), SOURCE, TARGET, training=True)
    np.testing.assert_array_equal(trained, shared_results(name)[0][0])


def test_every_source_piece_matters(model, results):
    """One batch with a changed piece in each row."""
    changed = np.repeat(SOURCE[:1], SOURCE.shape[1], axis=0)
    np.fill_diagonal(changed, 10)
    logits = logits_of(model, changed, np.repeat(TARGET[:1], len(changed), axis=0))
    assert (np.abs(logits - results[0][0][:1]).max(axis=(1, 2)) > 1e-4).all()


def test_dropout_acts_in_training_alone_and_repeats_with_its_seed(name):
    """Between two layers too, which is inside the loop with input feeding."""
    model = tiny_model(name, dropout=0.5, decoder_layers=2)

    def trained(seed):
        model.dropout_seed.state.assign(np.array([seed, 0], dtype="uint32"))
        return logits_of(model, SOURCE, TARGET, training=True)

    first, plain = trained(1), logits_of(model, SOURCE, TARGET)
    assert np.abs(first - plain).max() > 1e-2
    assert np.abs(trained(2) - first).max() > 1e-2
    np.testing.assert_array_equal(trained(1), first)
    without = tiny_model(name, decoder_layers=2)
    np.testing.assert_array_equal(logits_of(without, SOURCE, TARGET, training=True), plain)


def test_dropout_between_layers_is_one_mask_for_all_steps_inside_a_loop(monkeypatch):
    """Gal and Ghahramani (2016): nothing is drawn inside the loop; each layer has its own mask."""
    model = tiny_model("input feeding", decoder_layers=3, dropout=0.5)
    decoder, (source, cells) = model.decoder, model.encode(SOURCE)
    inputs = np.random.default_rng(0).normal(size=(2, 4, EMBEDDING)).astype("float32")
    drawn = []

    def record(x, rate, seed):
        drawn.append(x)
        return x * (2.0 if len(drawn) == 1 else 0.0)

    monkeypatch.setattr(keras.random, "dropout", record)
    hidden, _ = decoder(ops.convert_to_tensor(inputs), cells, source, training=True)
    assert [tuple(x.shape) for x in drawn] == [(2, SIZES["decoder_size"])] * 2
    masks = [2 * np.ones((2, 8), "float32"), np.zeros((2, 8), "float32")]
    shared = decoder._share(source, layer_masks=masks)
    state, found = decoder._beginning(cells, source), []
    for t in range(4):
        embedded = ops.convert_to_tensor(inputs[:, t])
        output, _, state = decoder._turn(decoder._project(embedded), embedded, state, shared)
        found.append(np.asarray(output))
    np.testing.assert_allclose(np.stack(found, axis=1), hidden, atol=1e-5)


def test_parameter_paths_are_unique_and_the_same_for_each_model(name):
    model = shared_model(name, "lstm", 2)
    paths = [variable.path for variable in model.trainable_variables]
    assert len(set(paths)) == len(paths)
    again = RNNTranslator(model.config, VOCABULARY, VOCABULARY)
    assert [variable.path for variable in again.trainable_variables] == paths


def test_bfloat16_is_close_to_float32_and_keeps_float32_weights(name):
    model = tiny_model(name, dtype="mixed_bfloat16")
    logits, attention = model(SOURCE, TARGET, with_weights=True)
    assert keras.backend.standardize_dtype(attention.dtype) == "float32"
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(v.dtype) for v in model.trainable_variables} == {
        "float32"
    }
    precise = shared_results(name)[0][0]
    error = np.abs(np.asarray(ops.cast(logits, "float32")) - precise).max()
    assert 0.0 < error < 0.05 * np.abs(precise).max()
