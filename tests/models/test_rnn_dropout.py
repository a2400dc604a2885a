"""Dropout of the recurrent model: which units, in which steps, and that nothing else changes.

A unit of the state that is hidden in all steps of a sentence is a row of zeros in the matrix that
the state is multiplied by; a source position that is hidden is one whose values are zero. So each
sentence is compared with a model without dropout whose matrices, or values, are changed that way.
"""

import keras
import numpy as np
import pytest
from keras import ops

from helpers.covering import others_are_slow
from helpers.mechanism_cases import (
    EMBEDDING,
    MECHANISMS,
    SIZES,
    SOURCE,
    TARGET,
    forced,
    logits_of,
    one_step,
    shared_model,
    shared_results,
    tiny_model,
)
from nmtcli.layers.recurrent import make_cell, run_cell
from nmtcli.models.weights import arrays_of, set_arrays

(B, S), T = SOURCE.shape, TARGET.shape[1]
LSTM = ("none", "bahdanau", "luong-dot", "input feeding, heads")
KINDS = [*((name, "gru") for name in MECHANISMS), *((name, "lstm") for name in LSTM)]
ATTENDING = [name for name in MECHANISMS if name != "none"]


@pytest.fixture
def drawn(monkeypatch):
    """What dropout draws: a list of rates and of the factors that units are multiplied by."""
    calls, draw = [], keras.random.dropout

    def record(x, rate, seed):
        factors = draw(ops.ones(ops.shape(x), dtype="float32"), rate, seed=seed)
        calls.append((rate, np.asarray(factors)))
        return x * ops.cast(factors, x.dtype)

    monkeypatch.setattr(keras.random, "dropout", record)
    return calls


def trained(name, cell="gru", **rates):
    """A model of two layers on each side, and what it gives for SOURCE and TARGET in training."""
    model = tiny_model(name, cell=cell, encoder_layers=2, decoder_layers=2, **rates)
    found = model((SOURCE, TARGET), training=True, with_weights=True)
    return model, *(np.asarray(part) for part in found)


@pytest.mark.parametrize("kind", others_are_slow(KINDS, name=lambda kind: kind[0]))
def test_the_same_units_of_the_state_are_hidden_in_all_steps_of_a_sentence(kind, drawn):
    """Gal and Ghahramani (2016), section 4; each sentence and cell has units of its own."""
    model, logits, weights = trained(*kind, recurrent_dropout=0.5)
    encoder, decoder = model.encoder, model.decoder
    cells = [encoder.forward_cell, encoder.backward_cell, *encoder.upper_cells, *decoder.cells]
    assert [(rate, mask.shape) for rate, mask in drawn] == [(0.5, (B, c.units)) for c in cells]
    assert len({mask.tobytes() for _, mask in drawn}) == len(cells)
    kernels, plain = [cell.recurrent_kernel for cell in cells], arrays_of(model)
    for b in range(B):
        for kernel, (_, mask) in zip(kernels, drawn):
            assert set(np.unique(mask)) == {0.0, 2.0}
            kernel.assign(plain[kernel.path] * mask[b][:, None])
        expected = forced(model, SOURCE[b : b + 1], TARGET[b : b + 1])
        np.testing.assert_allclose(logits[b], expected[0][0], atol=1e-5)
        np.testing.assert_allclose(weights[b], expected[1][0], atol=1e-5)


@pytest.mark.parametrize("name", others_are_slow(ATTENDING))
def test_attention_dropout_hides_the_same_positions_in_all_steps(name, drawn):
    """From the sum alone: scores, coverage and what is shown know nothing of it."""
    model, logits, weights = trained(name, attention_dropout=0.5)
    ((rate, seen),) = drawn
    assert rate == 0.5 and seen.shape == (B, S) and set(np.unique(seen)) == {0.0, 2.0}
    state = model.start(SOURCE)
    values = state["source"]["memory"] * seen[:, :, None]
    state = {**state, "source": {**state["source"], "memory": values}}
    for t in range(T):
        expected, attention, state = one_step(model, state, TARGET[:, t])
        np.testing.assert_allclose(logits[:, t], expected, atol=1e-5)
        np.testing.assert_allclose(weights[:, t], attention, atol=1e-5)
    plain = forced(model, SOURCE, TARGET)[0]
    assert np.abs(logits - plain).max() > 1e-3


def test_a_fixed_vector_has_no_attention_to_drop(drawn):
    model, logits, _ = trained("none", attention_dropout=0.5)
    assert drawn == []
    np.testing.assert_array_equal(logits, forced(model, SOURCE, TARGET)[0])


def test_embedding_dropout_acts_on_both_embeddings_and_nowhere_else(drawn):
    trained("bahdanau", embedding_dropout=0.25)
    shapes = [(rate, mask.shape) for rate, mask in drawn]
    assert shapes == [(0.25, (B, S, EMBEDDING)), (0.25, (B, T, EMBEDDING))]


def test_dropout_between_layers_leaves_the_embeddings_alone(drawn):
    """One layer above the first on each side, the memory, and the readout."""
    trained("bahdanau", dropout=0.25, embedding_dropout=0.0)
    memory, state, readout = SIZES["encoder_size"], SIZES["decoder_size"], EMBEDDING
    shapes = [(rate, mask.shape) for rate, mask in drawn]
    expected = [(B, S, memory), (B, S, memory), (B, T, state), (B, T, readout)]
    assert shapes == [(0.25, shape) for shape in expected]


@pytest.mark.parametrize("name", ["none", "input feeding, heads"])
@pytest.mark.parametrize("kind", ["embedding_dropout", "attention_dropout", "recurrent_dropout"])
def test_it_acts_in_training_alone_and_repeats_with_its_seed(name, kind):
    model = tiny_model(name, **{kind: 0.5})

    def in_training(seed):
        model.dropout_seed.state.assign(np.array([seed, 0], dtype="uint32"))
        return logits_of(model, SOURCE, TARGET, training=True)

    plain = shared_results(name)[0][0]
    np.testing.assert_array_equal(logits_of(model, SOURCE, TARGET), plain)
    first = in_training(1)
    np.testing.assert_array_equal(in_training(1), first)
    if (name, kind) == ("none", "attention_dropout"):
        np.testing.assert_array_equal(first, plain)
        return
    assert np.abs(first - plain).max() > 1e-3
    assert np.abs(in_training(2) - first).max() > 1e-3


@pytest.mark.parametrize("name", ["bahdanau", "input feeding, local-p"])
def test_switched_off_it_draws_nothing_and_changes_no_bit(name, drawn):
    model = shared_model(name)
    assert model.dropout.rate == 0.0
    np.testing.assert_array_equal(
        logits_of(model, SOURCE, TARGET, training=True), shared_results(name)[0][0]
    )
    assert drawn == []


@pytest.mark.parametrize("name", ["bahdanau", "multi-head", "coverage, input feeding"])
@pytest.mark.parametrize("kind", ["recurrent_dropout", "attention_dropout"])
def test_it_runs_in_bfloat16_too(name, kind):
    """Where the factors must have the type of what they multiply."""
    model = tiny_model(name, cell="lstm", dtype="mixed_bfloat16", **{kind: 0.3})
    logits, weights = model((SOURCE, TARGET), training=True, with_weights=True)
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    assert np.isfinite(np.asarray(ops.cast(logits, "float32"))).all()


@pytest.mark.parametrize("kind", ["gru", "lstm"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_dropout_mask_touches_the_product_alone_and_not_what_is_kept(kind, reverse):
    """A mask of zeros hides all of the state from the gates, and still the state is carried on."""
    cell, inputs = make_cell(kind, 5), np.random.default_rng(0).normal(size=(3, 6, 4))
    cell.build((None, None, 4))
    inputs = ops.convert_to_tensor(inputs.astype("float32"))
    start = tuple(ops.ones((3, 5)) for _ in range(cell.state_count))
    hidden = run_cell(cell, inputs, start, reverse=reverse, dropout_mask=ops.zeros((3, 5)))
    arrays = {v.path: np.asarray(v.value) for v in cell.trainable_variables}
    set_arrays(cell, {p: a * ("recurrent_kernel" not in p) for p, a in arrays.items()})
    expected = run_cell(cell, inputs, start, reverse=reverse)
    for part, other in zip(keras.tree.flatten(hidden), keras.tree.flatten(expected)):
        np.testing.assert_allclose(part, other, atol=1e-6)
    other = run_cell(cell, inputs, tuple(0 * part for part in start), reverse=reverse)
    assert np.abs(np.asarray(expected[0]) - np.asarray(other[0])).max() > 1e-2
