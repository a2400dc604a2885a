"""A translator with each mechanism against the papers in NumPy, and its dropout."""

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
    every_composition,
    logits_of,
    tiny_model,
)
from helpers.rnn_differences import reference_difference

COMPOSITIONS = {
    " ".join(
        f"{m.score} {m.scope} {m.placement}{' heads' * (m.heads > 1)}"
        f"{' fed' * m.input_feeding}{' coverage' * m.coverage}".split()
    ): m
    for m in every_composition()
}


@pytest.fixture(params=MECHANISMS)
def name(request):
    return request.param


@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_every_composition_is_the_papers_in_numpy(composition):
    logits, attention = reference_difference(COMPOSITIONS[composition])
    assert logits < 1e-4 and attention < 1e-5


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
