"""A model is a `keras.Model`: compile, fit, save, load, generate; it changes nothing global."""

import random
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from helpers import transformer_cases
from helpers.mechanism_cases import SOURCE, tiny_model
from nmtcli import backend
from nmtcli.config import ModelConfig, TrainingConfig
from nmtcli.data.batching import Arrays
from nmtcli.decoding.beam import beam_search
from nmtcli.engines.keras_engine import KerasEngine
from nmtcli.models import MaskedCrossEntropy, RNNTranslator, TransformerTranslator
from nmtcli.training.losses import LossWeights, batch_loss
from nmtcli.training.train_step import TrainStep

INPUTS = np.array([[2, 6, 4, 9], [2, 10, 5, 0]], dtype="int32")
TARGETS = np.array([[6, 4, 9, 3], [10, 5, 3, 0]], dtype="int32")
NAMES = ("rnn", "transformer")


def model_of(name, **options):
    return (
        transformer_cases.tiny_model(**options) if name == "transformer" else tiny_model(**options)
    )


@pytest.fixture(params=NAMES)
def model(request):
    return model_of(request.param)


def test_the_loss_is_that_of_the_training(model):
    """Two ways to the number: from the logits, and through the output layer with its gradient."""
    options = TrainingConfig(label_smoothing=0.1)

    def of_training(source_ids, decoder_inputs, targets):
        outputs, layer = model.decode(source_ids, decoder_inputs), model.output_layer()
        return batch_loss(outputs, layer, targets, None, options, LossWeights(0.0, 0.0))

    arrays = [ops.convert_to_tensor(ids) for ids in (SOURCE, INPUTS, TARGETS)]
    total, _, tokens = backend.compiled(of_training, model.variables)(*arrays)
    loss = MaskedCrossEntropy(label_smoothing=0.1)(TARGETS, model((SOURCE, INPUTS)))
    assert float(loss) == pytest.approx(float(total) / float(tokens), rel=1e-6)
    assert float(tokens) == 7


def test_padding_does_not_change_the_loss(model):
    model.compile("sgd", run_eagerly=True)
    plain = model.evaluate((SOURCE, INPUTS), TARGETS, verbose=0)
    padded = [np.pad(ids, [[0, 0], [0, 3]]) for ids in (SOURCE, INPUTS, TARGETS)]
    assert model.evaluate(padded[:2], padded[2], verbose=0) == pytest.approx(plain, rel=1e-5)
    assert plain == pytest.approx(float(MaskedCrossEntropy()(TARGETS, model((SOURCE, INPUTS)))))


def test_without_smoothing_the_loss_is_that_of_keras_without_padding(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile("sgd", loss, run_eagerly=True)
    found = model.evaluate((SOURCE, INPUTS), TARGETS, verbose=0)
    expected = MaskedCrossEntropy(label_smoothing=0.0)(TARGETS, model((SOURCE, INPUTS)))
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_fit_computes_the_losses_of_nmt_train(model):
    """Three updates by the same optimizer on the same batch: losses, and weights afterwards."""
    other = type(model).from_config(model.get_config())
    other.set_weights(model.get_weights())
    options = TrainingConfig(label_smoothing=0.1, clip_norm=0.0, average_decay=0.0)
    step = TrainStep(other, options, keras.optimizers.SGD(0.1))
    arrays = Arrays(SOURCE, INPUTS, TARGETS)
    expected = [step(arrays, 0.1, n) for n in (1, 2, 3)]
    model.compile(keras.optimizers.SGD(0.1))
    found = model.fit((SOURCE, INPUTS), TARGETS, epochs=3, verbose=0, shuffle=False)
    losses = [result.loss / result.tokens for result in expected]
    np.testing.assert_allclose(found.history["loss"], losses, rtol=1e-5)
    assert losses[2] < losses[0]
    for weight, same in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_allclose(weight, same, atol=1e-5)


def test_a_model_is_saved_and_loaded_with_its_optimizer(model, tmp_path):
    model.compile("adam", MaskedCrossEntropy(0.2), run_eagerly=True)
    model.fit((SOURCE, INPUTS), TARGETS, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model) and loaded.config == model.config
    np.testing.assert_array_equal(loaded((SOURCE, INPUTS)), model((SOURCE, INPUTS)))
    assert loaded.loss.label_smoothing == 0.2
    for variable, other in zip(loaded.optimizer.variables, model.optimizer.variables):
        np.testing.assert_array_equal(variable, other)


def test_generate_finds_what_the_beam_search_finds(model):
    found = model.generate(SOURCE, beam=3, max_length=8)
    limits = np.full(len(SOURCE), 8)
    expected = beam_search(KerasEngine(model, compile_beam=False), SOURCE, 3, 1.0, limits)
    for row, (best,) in zip(found, expected, strict=True):
        assert row[row != 0].tolist() == list(best.ids)


@pytest.mark.parametrize("name", NAMES)
def test_making_a_model_leaves_the_global_generators_alone(name):
    before = random.getstate(), np.random.get_state()[1].tolist()
    one, other = (model_of(name).get_config() for _ in range(2))
    kind = TransformerTranslator if name == "transformer" else RNNTranslator
    weights = [kind.from_config(config).get_weights() for config in (one, other)]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    for first, second in zip(*weights):
        np.testing.assert_array_equal(first, second)  # the seed alone decides
    again = kind.from_config({**one, "seed": 7}).get_weights()
    assert any((first != third).any() for first, third in zip(weights[0], again))


def test_two_weights_of_one_shape_start_with_different_values():
    config = replace(ModelConfig(), encoder_layers=3, embedding_size=16, encoder_size=16)
    made = RNNTranslator(replace(config, decoder_size=16, attention_size=16), 9, 9)
    kernels = [np.asarray(cell.kernel) for cell in made.encoder.upper_cells]
    assert (kernels[0] != kernels[1]).any()


@pytest.mark.parametrize(
    ("source_ids", "options", "message"),
    [
        ([5, 6], {}, r"matrix of token ids, \(batch, time\). Received: shape \(2,\)"),
        ([[0.5]], {}, "type float64"),
        ([[5, 3]], {"beam": 0}, "`beam` must be a positive integer. Received: beam=0"),
        ([[5, 3]], {"max_length": -1}, "Received: max_length=-1"),
    ],
)
def test_what_cannot_be_generated_is_refused(source_ids, options, message):
    with pytest.raises(ValueError, match=message):
        tiny_model().generate(source_ids, **options)


def test_a_label_smoothing_out_of_range_is_refused():
    with pytest.raises(ValueError, match="below 1. Received: label_smoothing=1"):
        MaskedCrossEntropy(label_smoothing=1)
