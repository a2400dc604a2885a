"""The recurrent translators: what does not depend on the mechanism, and what cannot be built."""

import numpy as np
import pytest

from helpers.mechanism_cases import (
    EMBEDDING,
    SOURCE,
    TARGET,
    VOCABULARY,
    config_of,
    logits_of,
    one_step,
    shared_model,
    tiny_model,
)
from nmtcli.config import ModelConfig
from nmtcli.config.attention import PRESETS
from nmtcli.errors import UsageError
from nmtcli.models.factory import build_model, count_parameters
from nmtcli.models.rnn import RNNTranslator
from nmtcli.models.rnn_decoder import RNNDecoder
from nmtcli.models.weights import arrays_of
from nmtcli.text.special_tokens import BOS_ID


def test_the_fixed_vector_model_sees_the_source_through_its_summary_alone():
    model = shared_model("none", "gru", 2)
    first, second = model.start(SOURCE[:1]), model.start(SOURCE[1:])
    assert set(first["source"]) == {"mask", "fixed"} and first["source"]["fixed"].shape == (1, 8)
    mixed = {
        "source": {**first["source"], "fixed": second["source"]["fixed"]},
        "decoder": second["decoder"],
    }
    logits = [np.asarray(one_step(model, state, [BOS_ID])[0]) for state in (first, second, mixed)]
    np.testing.assert_array_equal(logits[2], logits[1])
    assert np.abs(logits[0] - logits[1]).max() > 1e-3


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
    ("preset", "options", "message"),
    [
        ("bahdanau", {"readout_size": 7}, "Received: readout_size=7, embedding_size=6"),
        ("bahdanau", {"encoder_size": 7}, "needs an even size. Received: encoder_size=7"),
        ("bahdanau", {"attention_size": 0}, "must be a positive integer. Received: units=0"),
        ("multi-head", {"attention_size": 6}, "attention_size 6 cannot be shared by 4 heads"),
        (
            "luong-location",
            {"attention_positions": 0},
            "must be a positive integer. Received: positions=0",
        ),
        ("luong-dot", {"decoder_size": 10}, "decoder_size like the encoder_size, not 10 and 8"),
        ("none", {"cell": "rnn"}, "cell must be one of"),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(preset, options, message):
    with pytest.raises(ValueError, match=message):
        RNNTranslator(config_of(PRESETS[preset], **options), VOCABULARY, VOCABULARY)


def test_two_vocabularies_cannot_share_one_embedding():
    with pytest.raises(ValueError, match="need one joint vocabulary"):
        RNNTranslator(config_of(PRESETS["bahdanau"]), VOCABULARY + 1, VOCABULARY)


def test_a_score_or_a_composition_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="score must be one of additive, dot, .*, not 'cosine'"):
        RNNDecoder(ModelConfig(attention_score="cosine"))
    with pytest.raises(ValueError, match="input feeding is for attention after the cell"):
        RNNDecoder(ModelConfig(attention="bahdanau", input_feeding=True))


def test_a_model_is_built_from_its_configuration():
    options = {"embedding_size": 6, "encoder_size": 8, "decoder_size": 10, "attention_size": 5}
    model = build_model(ModelConfig(**options), VOCABULARY, VOCABULARY, dtype="float32")
    assert logits_of(model, SOURCE, TARGET).shape == (2, TARGET.shape[1], VOCABULARY)
    assert (model.decoder.readout.size, model.dropout.rate) == (6, ModelConfig().dropout)
    with pytest.raises(UsageError, match="config: model: the dot score needs a decoder_size like"):
        build_model(ModelConfig(attention="luong-dot", **options), 11, 11, dtype="float32")


def test_the_seed_decides_the_initial_weights():
    first, same, other = (
        arrays_of(RNNTranslator(config_of(PRESETS["bahdanau"]), VOCABULARY, VOCABULARY, seed=seed))
        for seed in (4, 4, 5)
    )
    for path, array in first.items():
        np.testing.assert_array_equal(array, same[path])
        if array.any() and not (array == 1.0).all():
            assert np.abs(array - other[path]).max() > 1e-3
