"""The recurrent translators: equivalences that hold for each mechanism, and one in plain NumPy."""

import functools

import keras
import numpy as np
import pytest
from keras import ops
from test_recurrent import gru_loop

from nmtcli.config import ModelConfig
from nmtcli.errors import UsageError
from nmtcli.models.build import build_model, count_parameters
from nmtcli.models.decoder import RecurrentDecoder
from nmtcli.models.recurrent import PRESETS, RecurrentTranslator, Sizes
from nmtcli.models.weights import arrays_of, set_arrays
from nmtcli.text.piece_ids import BOS_ID, EOS_ID, PAD_ID

VOCABULARY, EMBEDDING = 11, 6
SIZES = {
    "source_vocabulary": VOCABULARY,
    "target_vocabulary": VOCABULARY,
    "embedding": EMBEDDING,
    "encoder": 8,
    "decoder": 8,
    "attention": 5,
    "readout": EMBEDDING,
}
SOURCE = np.array([[5, 7, 4, 9, EOS_ID], [8, 6, EOS_ID, PAD_ID, PAD_ID]], dtype="int32")
TARGET = np.array([[BOS_ID, 6, 4, 9], [BOS_ID, 10, 5, PAD_ID]], dtype="int32")


def tiny_model(preset="bahdanau", dropout=0.0, seed=1, dtype="float32", **sizes):
    """A model whose weights, biases included, are all of some size, so that each one matters."""
    made = RecurrentTranslator(
        Sizes(**{**SIZES, **sizes}), PRESETS[preset], dropout, seed=seed, dtype=dtype
    )
    random = np.random.default_rng(seed)
    set_arrays(made, {p: random.normal(0, 0.4, w.shape) for p, w in arrays_of(made).items()})
    return made


@functools.cache
def shared_model(preset, cell, layers):
    return tiny_model(preset, cell=cell, encoder_layers=layers, decoder_layers=layers)


@pytest.fixture(params=[(p, c, n) for p in PRESETS for c in ("gru", "lstm") for n in (1, 2)])
def model(request):
    return shared_model(*request.param)


@pytest.fixture(params=PRESETS)
def preset(request):
    return request.param


def logits_of(model, source_ids, decoder_inputs, **options):
    logits = model(np.asarray(source_ids), np.asarray(decoder_inputs), **options)
    return np.asarray(ops.cast(logits, "float32"))


def stepwise(model, source_ids, decoder_inputs):
    """Logits (B, T, V) and attention (B, T, S), one position after the other."""
    state, logits, attention = model.start(source_ids), [], []
    for previous_ids in decoder_inputs.T:
        step, weights, state = model.step(state, previous_ids)
        logits.append(np.asarray(step))
        attention.append(np.asarray(weights))
    return np.stack(logits, axis=1), np.stack(attention, axis=1)


def bahdanau(weights, source_ids, decoder_inputs):
    """Bahdanau et al. (2015), A.1.2 to A.2.2, for one sentence: logits (T, V), attention (T, S)."""

    def cell(x, h, name):
        names = ("kernel", "recurrent_kernel", "bias", "recurrent_bias")
        return gru_loop(x, h, *(weights[f"{name}/{part}"] for part in names))

    table = weights["translator/target_embedding"]
    score = {name: weights[f"decoder/score/{name}"] for name in ("query_kernel", "memory_kernel")}
    source = [table[i] * np.sqrt(EMBEDDING) for i in source_ids]
    zeros = np.zeros(SIZES["encoder"] // 2)
    forward = cell(source, zeros, "encoder/encoder_forward")
    backward = cell(source[::-1], zeros, "encoder/encoder_backward")[::-1]
    memory = np.concatenate([forward, backward], axis=1)
    summary = np.concatenate([forward[-1], backward[0]])
    state = summary @ weights["translator/bridge_kernel"] + weights["translator/bridge_bias"]
    state = np.tanh(state)
    logits, attention = [], []
    for i in decoder_inputs:
        inner = state @ score["query_kernel"] + memory @ score["memory_kernel"]
        energy = np.tanh(inner + weights["decoder/score/bias"]) @ weights["decoder/score/vector"]
        alpha = np.exp(energy[:, 0]) / np.exp(energy).sum()
        context, embedded = alpha @ memory, table[i] * np.sqrt(EMBEDDING)
        (state,) = cell([np.concatenate([embedded, context])], state, "decoder/decoder_0")
        pieces = np.concatenate([state, context, embedded])
        hidden = pieces @ weights["translator/readout_kernel"] + weights["translator/readout_bias"]
        maxout = np.maximum(*np.split(hidden, 2))
        logits.append(table @ maxout + weights["translator/output_bias"])
        attention.append(alpha)
    return np.array(logits), np.array(attention)


def test_the_bahdanau_model_is_the_papers_in_numpy():
    model = shared_model("bahdanau", "gru", 1)
    logits, (stepped, attention) = logits_of(model, SOURCE, TARGET), stepwise(model, SOURCE, TARGET)
    for b in range(len(SOURCE)):
        words = SOURCE[b][SOURCE[b] != PAD_ID]
        expected, weights = bahdanau(arrays_of(model), words, TARGET[b])
        np.testing.assert_allclose(logits[b], expected, atol=1e-4)
        np.testing.assert_allclose(stepped[b], expected, atol=1e-4)
        np.testing.assert_allclose(attention[b, :, : len(words)], weights, atol=1e-5)


def test_stepwise_logits_are_the_teacher_forced_ones(model):
    logits, _ = stepwise(model, SOURCE, TARGET)
    np.testing.assert_allclose(logits, logits_of(model, SOURCE, TARGET), atol=1e-5)


def test_attention_sums_to_one_over_real_tokens(model):
    _, attention = stepwise(model, SOURCE, TARGET)
    assert attention.dtype == np.float32 and attention.shape == (2, TARGET.shape[1], 5)
    total = 0.0 if model.attention.score is None else 1.0
    np.testing.assert_allclose(attention.sum(axis=-1), total, atol=1e-5)
    assert (attention[1, :, 3:] == 0.0).all()


def test_future_target_pieces_change_no_earlier_logits(model):
    before = logits_of(model, SOURCE, TARGET)
    changed = TARGET.copy()
    changed[:, 2] = 8
    after = logits_of(model, SOURCE, changed)
    np.testing.assert_array_equal(after[:, :2], before[:, :2])
    assert np.abs(after[:, 2:] - before[:, 2:]).max(axis=(1, 2)).min() > 1e-3


def test_padding_and_other_sentences_change_nothing(model):
    together = logits_of(model, SOURCE, TARGET)
    padding = np.full((2, 3), PAD_ID, dtype="int32")
    padded = logits_of(model, np.concatenate([SOURCE, padding], axis=1), TARGET)
    np.testing.assert_allclose(padded, together, atol=1e-5)
    for b, row in enumerate(SOURCE):
        alone = logits_of(model, row[row != PAD_ID][None], TARGET[b : b + 1])
        np.testing.assert_allclose(alone[0], together[b], atol=1e-5)


def test_every_source_piece_matters(model):
    before = logits_of(model, SOURCE, TARGET)[0]
    for position in range(SOURCE.shape[1]):
        changed = SOURCE[:1].copy()
        changed[0, position] = 10
        assert np.abs(logits_of(model, changed, TARGET[:1])[0] - before).max() > 1e-4


def test_the_fixed_vector_model_sees_the_source_through_its_summary_alone():
    model = shared_model("none", "gru", 2)
    first, second = model.start(SOURCE[:1]), model.start(SOURCE[1:])
    assert set(first["source"]) == {"mask", "fixed"} and first["source"]["fixed"].shape == (1, 8)
    mixed = {
        "source": {**first["source"], "fixed": second["source"]["fixed"]},
        "cells": second["cells"],
    }
    logits = [np.asarray(model.step(state, [BOS_ID])[0]) for state in (first, second, mixed)]
    np.testing.assert_array_equal(logits[2], logits[1])
    assert np.abs(logits[0] - logits[1]).max() > 1e-3


def test_dropout_acts_in_training_alone_and_repeats_with_its_seed(preset):
    model = tiny_model(preset, dropout=0.5)

    def trained(seed):
        model.dropout_seed.state.assign(np.array([seed, 0], dtype="uint32"))
        return logits_of(model, SOURCE, TARGET, training=True)

    plain = logits_of(model, SOURCE, TARGET)
    np.testing.assert_array_equal(logits_of(model, SOURCE, TARGET), plain)
    first = trained(1)
    assert np.abs(first - plain).max() > 1e-2
    assert np.abs(trained(2) - first).max() > 1e-2
    np.testing.assert_array_equal(trained(1), first)


def test_without_dropout_training_is_the_same_function():
    model = shared_model("luong-dot", "lstm", 1)
    trained = logits_of(model, SOURCE, TARGET, training=True)
    np.testing.assert_array_equal(trained, logits_of(model, SOURCE, TARGET))


def test_tied_embeddings_share_their_variable():
    all_tied, target_tied, untied = (
        tiny_model(tied_embeddings=tied) for tied in ("all", "target", "none")
    )
    assert all_tied.source_embedding is all_tied.target_embedding
    assert target_tied.source_embedding is not target_tied.target_embedding
    assert all_tied.output_kernel is None and target_tied.output_kernel is None
    table = VOCABULARY * EMBEDDING
    assert count_parameters(target_tied) == count_parameters(all_tied) + table
    assert count_parameters(untied) == count_parameters(all_tied) + 2 * table


@pytest.mark.parametrize("tied", ["all", "target", "none"])
def test_a_piece_that_is_not_read_reaches_the_logits_through_a_tied_output_alone(tied):
    model = tiny_model(tied_embeddings=tied)
    before = logits_of(model, SOURCE, TARGET)
    table = np.array(model.target_embedding.value)
    table[1] += 1.0  # UNK stands in neither side
    model.target_embedding.assign(table)
    change = np.abs(logits_of(model, SOURCE, TARGET) - before).max(axis=(0, 1))
    assert (change[np.arange(VOCABULARY) != 1] == 0.0).all()
    assert (change[1] > 1e-2) == (tied != "none")


@pytest.mark.parametrize(
    ("preset", "sizes", "message"),
    [
        ("bahdanau", {"source_vocabulary": 12}, "need one joint vocabulary"),
        ("bahdanau", {"readout": 7}, "Received: readout=7, embedding=6"),
        ("bahdanau", {"encoder": 7}, "needs an even size. Received: size=7"),
        ("bahdanau", {"attention": 0}, "units must be positive. Received: units=0"),
        ("luong-dot", {"decoder": 10}, "Received: query size 10, memory size 8"),
        ("none", {"cell": "rnn"}, "cell must be one of"),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(preset, sizes, message):
    with pytest.raises(ValueError, match=message):
        RecurrentTranslator(Sizes(**{**SIZES, **sizes}), PRESETS[preset])


def test_a_placement_or_score_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="placement must be before or after. Received: 'between'"):
        RecurrentDecoder(8, "dot", "between")
    with pytest.raises(ValueError, match="score must be additive or dot. Received: 'cosine'"):
        RecurrentDecoder(8, "cosine", "after")


def test_a_model_is_built_from_its_configuration():
    options = {"embedding_size": 6, "encoder_size": 8, "decoder_size": 10, "attention_size": 5}
    model = build_model(ModelConfig(**options), VOCABULARY, VOCABULARY, dtype="float32")
    assert logits_of(model, SOURCE, TARGET).shape == (2, TARGET.shape[1], VOCABULARY)
    assert (model.sizes.readout, model.dropout) == (6, ModelConfig().dropout)
    with pytest.raises(UsageError, match="config: model: The dot score needs"):
        build_model(ModelConfig(attention="luong-dot", **options), 11, 11, dtype="float32")


def test_parameter_paths_are_unique_and_the_same_for_each_model(model):
    paths = [variable.path for variable in model.trainable_variables]
    assert len(set(paths)) == len(paths)
    sizes = model.sizes
    again = RecurrentTranslator(sizes, model.attention)
    assert [variable.path for variable in again.trainable_variables] == paths


def test_the_seed_decides_the_initial_weights():
    first, same, other = (
        arrays_of(RecurrentTranslator(Sizes(**SIZES), PRESETS["bahdanau"], seed=seed))
        for seed in (4, 4, 5)
    )
    for path, array in first.items():
        np.testing.assert_array_equal(array, same[path])
        if array.any() and not (array == 1.0).all():
            assert np.abs(array - other[path]).max() > 1e-3


def test_bfloat16_is_close_to_float32_and_keeps_float32_weights(preset):
    model = tiny_model(preset, dtype="mixed_bfloat16")
    logits = model(SOURCE, TARGET)
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(v.dtype) for v in model.trainable_variables} == {
        "float32"
    }
    precise = logits_of(tiny_model(preset), SOURCE, TARGET)
    error = np.abs(np.asarray(ops.cast(logits, "float32")) - precise).max()
    assert 0.0 < error < 0.05 * np.abs(precise).max()
