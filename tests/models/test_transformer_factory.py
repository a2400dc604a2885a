"""A Transformer's dropout, types, names and sizes, and what cannot be built."""

import keras
import numpy as np
import pytest

from helpers.mechanism_cases import SOURCE, TARGET, VOCABULARY, logits_of
from helpers.transformer_cases import (
    SIZES,
    config_of,
    shared_model,
    shared_results,
    transformer_of,
)
from nmtcli.config import ModelConfig
from nmtcli.errors import UsageError
from nmtcli.models.factory import build_model, count_parameters
from nmtcli.models.transformer import TransformerTranslator
from nmtcli.models.weights import arrays_of
from nmtcli.text.special_tokens import PAD_ID
from nmtcli.training.fine_tuning import freeze

H, D, F = (SIZES[name] for name in ("attention_heads", "embedding_size", "feed_forward_size"))
RATES = {
    "embedding_dropout": 0.1,
    "dropout": 0.2,
    "attention_dropout": 0.3,
    "feed_forward_dropout": 0.4,
}


# -- dropout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RATES)
def test_each_dropout_acts_in_training_alone_and_repeats_with_its_seed(kind):
    model = transformer_of(**{"embedding_dropout": 0.0, kind: 0.5})

    def trained(seed):
        model.dropout_seed.state.assign(np.array([seed, 0], dtype="uint32"))
        return logits_of(model, SOURCE, TARGET, training=True)

    plain = shared_results()[0][0]
    np.testing.assert_array_equal(logits_of(model, SOURCE, TARGET), plain)
    first = trained(1)
    assert np.abs(first - plain).max() > 1e-2
    assert np.abs(trained(2) - first).max() > 1e-2
    np.testing.assert_array_equal(trained(1), first)


def test_each_rate_is_that_of_its_units(monkeypatch):
    """Of one encoder layer and two decoder layers; embeddings of both sides are dropped once."""
    drawn = []

    def record(x, rate, seed):
        drawn.append((rate, tuple(x.shape)))
        return x

    monkeypatch.setattr(keras.random, "dropout", record)
    model = transformer_of(**RATES)
    (B, S), (_, T) = SOURCE.shape, TARGET.shape
    S += 1  # another length than the target's
    source = np.concatenate([SOURCE, np.full((B, 1), PAD_ID, dtype="int32")], axis=1)
    model((source, TARGET), training=True)
    encoder = [(0.3, (B, H, S, S)), (0.2, (B, S, D)), (0.4, (B, S, F)), (0.2, (B, S, D))]
    decoder = [
        *[(0.3, (B, H, T, T)), (0.2, (B, T, D))],
        *[(0.3, (B, H, T, S)), (0.2, (B, T, D))],
        *[(0.4, (B, T, F)), (0.2, (B, T, D))],
    ]
    assert drawn == [(0.1, (B, S, D)), *encoder, (0.1, (B, T, D)), *2 * decoder]


def test_no_draw_repeats_another(monkeypatch):
    """Each takes a state of the seed generator of its own, so no two masks are alike."""
    model, states = transformer_of(**RATES), []
    draw = keras.random.dropout

    def record(x, rate, seed):
        states.append(tuple(np.asarray(seed.state.value).tolist()))
        return draw(x, rate, seed=seed)

    monkeypatch.setattr(keras.random, "dropout", record)
    model((SOURCE, TARGET), training=True)
    assert len(set(states)) == len(states) == 18


def test_attention_dropout_leaves_the_weights_that_are_returned():
    """Those of the first layer, before which nothing else was dropped but self-attention's."""
    model = transformer_of(attention_dropout=0.6, alignment_layer=1)
    _, weights = model((SOURCE, TARGET), training=True, with_weights=True)
    weights = np.asarray(weights)
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, atol=1e-5)
    assert (weights[0] > 0.0).all()


# -- numbers and names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "count", "beginning"),
    [
        ("translator/*embedding", 1, "translator/target_embedding"),
        ("encoder_*", 14, "encoder_"),
        ("decoder_2/*", 22, "decoder_2/"),
        ("decoder_1/cross_attention/*", 8, "decoder_1/cross_attention/"),
        ("*/norm_*", 2 * (2 + 3 + 3), ""),
        ("*_norm/*", 4, ""),
    ],
)
def test_parts_are_frozen_by_names_that_people_can_read(pattern, count, beginning):
    model = transformer_of()
    frozen = freeze(model, [pattern])
    assert len(frozen) == count and all(path.startswith(beginning) for path in frozen)
    assert len(model.trainable_variables) == len(shared_model().trainable_variables) - count


def test_the_number_of_parameters_is_the_one_counted_by_hand():
    """Three and three layers of 256 and 1024 units, 8000 pieces, one table for all."""
    model = build_model(
        ModelConfig(
            architecture="transformer", embedding_size=256, feed_forward_size=1024,
            encoder_layers=3, decoder_layers=3,
        ),
        8000, 8000, dtype="float32",
    )  # fmt: skip
    attention = 4 * (256 * 256 + 256)
    feed_forward = 256 * 1024 + 1024 + 1024 * 256 + 256
    norm = 2 * 256
    encoder_layer = attention + feed_forward + 2 * norm
    decoder_layer = 2 * attention + feed_forward + 3 * norm
    total = 8000 * 256 + 8000 + 3 * (encoder_layer + decoder_layer) + 2 * norm
    assert count_parameters(model) == total == 7_586_624


def test_post_norm_has_no_norm_at_the_end_and_a_gate_is_one_matrix_more():
    plain, post, gated = (
        count_parameters(transformer_of(**options))
        for options in ({}, {"normalization": "post"}, {"feed_forward": "swiglu"})
    )
    assert plain - post == 2 * 2 * D
    assert gated - plain == 3 * (D * F + F)  # one layer of the encoder and two of the decoder


def test_tied_embeddings_share_their_variable():
    all_tied, target_tied, untied = (
        transformer_of(tied_embeddings=tied) for tied in ("all", "target", "none")
    )
    assert all_tied.source_embedding is all_tied.target_embedding
    assert target_tied.source_embedding is not target_tied.target_embedding
    assert all_tied.output_kernel is None and target_tied.output_kernel is None
    assert count_parameters(target_tied) == count_parameters(all_tied) + VOCABULARY * D
    assert count_parameters(untied) == count_parameters(all_tied) + 2 * VOCABULARY * D


def test_the_seed_decides_the_initial_weights():
    first, same, other = (
        arrays_of(TransformerTranslator(config_of(), VOCABULARY, VOCABULARY, seed=seed))
        for seed in (4, 4, 5)
    )
    for path, array in first.items():
        np.testing.assert_array_equal(array, same[path])
        if array.any() and not (array == 1.0).all():
            assert np.abs(array - other[path]).max() > 1e-3
    layers = ("encoder_1", "decoder_1", "decoder_2")
    kernels = [first[f"{name}/self_attention/projection/kernel"] for name in layers]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3 < np.abs(kernels[1] - kernels[2]).max()


def test_initial_weights_have_the_scale_of_glorot():
    """Glorot and Bengio (2010), equation 16: within sqrt(6 / (rows + columns)) of each matrix,
    though three stand side by side; queries, keys and values have half of that variance."""
    config = config_of(embedding_size=64, attention_heads=4, feed_forward_size=96)
    arrays = arrays_of(TransformerTranslator(config, 20, 20))
    for path, columns, share in (
        ("encoder_1/self_attention/projection/kernel", 64, 0.5),
        ("decoder_1/cross_attention/key/kernel", 64, 0.5),
        ("decoder_1/cross_attention/output/kernel", 64, 1.0),
        ("decoder_1/feed_forward/inner/kernel", 96, 1.0),
    ):
        limit = (share * 6 / (64 + columns)) ** 0.5
        assert 0.97 * limit < np.abs(arrays[path]).max() <= limit
        assert arrays[path].std() == pytest.approx(limit / 3**0.5, rel=0.05)
    table = arrays["translator/target_embedding"] * 64**0.5
    assert table.std() == pytest.approx(1.0, rel=0.05)


# -- what cannot be built --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention_heads": 3}, "multiple of the heads. Received: embedding_size=8, heads=3"),
        (
            {"embedding_size": 7, "attention_heads": 1},
            "must be even. Received: embedding_size=7, heads=1",
        ),
        (
            {"embedding_size": 6, "positions": "rotary"},
            "must be even. Received: embedding_size=6, heads=2",
        ),
        (
            {"alignment_layer": 3},
            "2 decoder layers of 2 heads. Received: alignment_layer=3, alignment_head=0",
        ),
        ({"alignment_head": 3}, "2 heads. Received: alignment_layer=0, alignment_head=3"),
        ({"alignment_layer": -1}, "2 heads. Received: alignment_layer=-1, alignment_head=0"),
        ({"feed_forward": "tanh"}, "one of relu, gelu, geglu, swiglu. Received: kind="),
        ({"normalization": "none"}, "one of pre, post. Received: normalization="),
    ],
)
def test_sizes_that_do_not_fit_together_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        transformer_of(**options)


def test_two_vocabularies_cannot_share_one_embedding():
    with pytest.raises(ValueError, match="need one joint vocabulary"):
        TransformerTranslator(config_of(), VOCABULARY + 1, VOCABULARY)


def built(**options):
    options = {"architecture": "transformer", "embedding_size": 128, **options}
    return build_model(ModelConfig(**options), VOCABULARY, VOCABULARY, dtype="float32")


def test_a_model_is_built_from_its_configuration():
    model = built(
        decoder_layers=2, alignment_layer=2, alignment_head=1, dropout=0.2, attention_dropout=0.1,
        feed_forward_dropout=0.05, feed_forward="geglu", normalization="post", positions="rotary",
    )  # fmt: skip
    assert logits_of(model, SOURCE, TARGET).shape == (2, TARGET.shape[1], VOCABULARY)
    layer = model.decoder_layers[1]
    assert (layer.self_attention.heads, layer.self_attention.rotary) == (2, True)
    assert (layer.feed_forward.size, layer.feed_forward.kind, layer.is_pre) == (512, "geglu", False)
    dropped = model.embedding_dropout, layer.dropout, layer.cross_attention.dropout
    assert [x.rate for x in (*dropped, layer.feed_forward.dropout)] == [0.2, 0.2, 0.1, 0.05]
    assert (model.mechanism.score, model.mechanism.heads) == ("scaled-dot", 2)
    assert built(embedding_dropout=0.0).embedding_dropout.rate == 0.0


@pytest.mark.parametrize(("size", "heads"), [(32, 1), (64, 1), (128, 2), (512, 8)])
def test_a_head_has_64_units_when_nothing_is_said(size, heads):
    sizes = {"embedding_size": size, "feed_forward_size": 4, "decoder_layers": 2}
    assert built(**sizes).mechanism.heads == heads


@pytest.mark.parametrize(
    "options",
    [
        {"alignment_layer": 2},
        {"alignment_head": 3},
        {"embedding_size": 65},
        {"attention_heads": 3},
    ],
)
def test_a_configuration_that_cannot_be_built_is_refused_in_one_line(options):
    with pytest.raises(UsageError, match="config: model: .*Received: ") as caught:
        built(**options)
    assert "\n" not in str(caught.value)
