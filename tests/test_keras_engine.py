"""The Keras engine under the searches: what they find is what the model says."""

import functools

import numpy as np
import pytest
from test_recurrent_model import VOCABULARY, stepwise, tiny_model

from nmtcli.batches.feed import pad, shift_right
from nmtcli.engines.keras_engine import KerasEngine
from nmtcli.models.recurrent import PRESETS
from nmtcli.models.weights import arrays_of, set_arrays
from nmtcli.search.beam import beam_search
from nmtcli.search.greedy import greedy_search
from nmtcli.text.piece_ids import BOS_ID, EOS_ID, PAD_ID

SENTENCES = [[5, 7, 4, 9], [8, 6], [10], [4, 4, 9, 8, 6, 5]]
SOURCE = pad(SENTENCES, 4, 7)
LIMITS = np.array([7, 5, 6, 9])


@functools.cache
def engine_of(preset):
    """Of a model with such large weights that its translations differ."""
    cell = "lstm" if preset == "none" else "gru"
    model = tiny_model(preset, seed=3, cell=cell, decoder_layers=2, tied_embeddings="none")
    set_arrays(model, {path: 3.0 * array for path, array in arrays_of(model).items()})
    return KerasEngine(model)


@pytest.fixture(params=PRESETS)
def engine(request):
    return engine_of(request.param)


@functools.cache
def _found(preset):
    return beam_search(engine_of(preset), SOURCE, 4, 0.7, LIMITS, nbest=4)


@pytest.fixture
def found(engine):
    """Four translations of each sentence."""
    return _found(next(name for name, kind in PRESETS.items() if kind == engine.model.attention))


def log_softmax(logits):
    logits = np.asarray(logits, dtype=np.float64)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_the_translations_here_are_worth_a_look(found):
    """The other tests would say little if the searches found nothing, or the same everywhere."""
    assert [len(hypotheses) for hypotheses in found] == [4, 4, 4, 4]
    lengths = {len(h.ids) for hypotheses in found for h in hypotheses}
    assert len(lengths) > 2 and max(lengths) > 3
    assert len({tuple(hypotheses[0].ids) for hypotheses in found}) > 2


def test_the_log_probability_of_a_hypothesis_is_its_score(engine, found):
    for rank in range(4):
        targets = pad([hypotheses[rank].ids for hypotheses in found], 4, 10)
        scored = engine.score(SOURCE, targets)
        assert (scored[targets == PAD_ID] == 0.0).all()
        expected = [hypotheses[rank].log_prob for hypotheses in found]
        np.testing.assert_allclose(scored.sum(axis=1), expected, atol=1e-4)


def test_scores_are_the_models_log_probabilities(engine):
    targets = pad([[6, 4], [9, 5, 7], [], [4]], 4, 5)
    log_probs = log_softmax(engine.model(SOURCE, shift_right(targets)))
    for b, t in np.argwhere(targets != PAD_ID):
        assert engine.score(SOURCE, targets)[b, t] == pytest.approx(
            log_probs[b, t, targets[b, t]], abs=1e-4
        )


def test_more_target_padding_changes_no_score(engine):
    targets = [[6, 4], [9, 5, 7], [], [4]]
    short, long = (engine.score(SOURCE, pad(targets, 4, length)) for length in (4, 9))
    np.testing.assert_allclose(long[:, :4], short, atol=1e-5)
    assert (long[:, 4:] == 0.0).all()


def test_greedy_search_is_a_beam_of_one(engine):
    beam = beam_search(engine, SOURCE, 1, 0.7, LIMITS)
    for one, (other,) in zip(greedy_search(engine, SOURCE, 0.7, LIMITS), beam):
        assert one.ids == other.ids
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-6)
        np.testing.assert_allclose(one.attention, other.attention, atol=1e-6)


def test_many_sentences_are_translated_as_each_one_alone(engine, found):
    for b, sentence in enumerate(SENTENCES):
        length = len(sentence) + 1
        source = pad([sentence], 1, length)
        (alone,) = beam_search(engine, source, 4, 0.7, LIMITS[b : b + 1], nbest=4)
        for one, other in zip(alone, found[b], strict=True):
            assert one.ids == other.ids
            assert one.score == pytest.approx(other.score, abs=1e-5)
            np.testing.assert_allclose(one.attention, other.attention[:, :length], atol=1e-5)


def test_attention_is_that_of_the_hypothesis_and_not_of_its_rivals(engine, found):
    for b, hypotheses in enumerate(found):
        for hypothesis in hypotheses:
            inputs = np.array([[BOS_ID, *hypothesis.ids]], dtype="int32")
            _, expected = stepwise(engine.model, SOURCE[b : b + 1], inputs)
            assert hypothesis.attention.shape == (inputs.shape[1], SOURCE.shape[1])
            np.testing.assert_allclose(hypothesis.attention, expected[0], atol=1e-5)
            total = 1.0 if engine.has_attention else 0.0
            np.testing.assert_allclose(hypothesis.attention.sum(axis=1), total, atol=1e-5)


def test_a_step_returns_the_best_pieces_of_the_model_best_first(engine):
    first = engine.step(engine.start(SOURCE), np.arange(4), np.full(4, BOS_ID), VOCABULARY)
    expected = log_softmax(engine.model.step(engine.model.start(SOURCE), [BOS_ID] * 4)[0])
    assert (np.diff(first.log_probs, axis=1) <= 0).all()
    np.testing.assert_allclose(
        np.take_along_axis(expected, first.ids, axis=1), first.log_probs, atol=1e-4
    )
    best = engine.step(engine.start(SOURCE), np.arange(4), np.full(4, BOS_ID), 2)
    np.testing.assert_array_equal(best.ids, first.ids[:, :2])


@pytest.mark.parametrize("parents", [[2, 0, 0, 3, 2], [1], [3, 2, 1, 0]])
def test_rows_are_repeated_dropped_and_reordered_with_their_sentence(engine, parents):
    parents = np.array(parents)
    begin = np.array([6, 9, 4, 5])
    first = engine.step(engine.start(SOURCE), np.arange(4), np.full(4, BOS_ID), 3)
    moved = engine.step(first.state, parents, begin[parents], 3)
    in_order = engine.step(first.state, np.arange(4), begin, 3)
    np.testing.assert_array_equal(moved.ids, in_order.ids[parents])
    np.testing.assert_allclose(moved.log_probs, in_order.log_probs[parents], atol=1e-4)
    np.testing.assert_allclose(moved.attention, in_order.attention[parents], atol=1e-5)
    # and once more from the moved rows, whose first one now goes on twice
    again = engine.step(moved.state, np.array([0, 0]), np.array([7, EOS_ID]), 3)
    straight = engine.step(in_order.state, parents[[0, 0]], np.array([7, EOS_ID]), 3)
    np.testing.assert_array_equal(again.ids, straight.ids)
    np.testing.assert_allclose(again.log_probs, straight.log_probs, atol=1e-4)
