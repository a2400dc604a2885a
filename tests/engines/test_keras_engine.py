"""The Keras engine under the searches: what they find is what the model says."""

import itertools

import numpy as np
import pytest

from helpers import transformer_cases
from helpers.covering import COVERING, others_are_slow
from helpers.engine_cases import (
    LIMITS,
    MODELS,
    SENTENCES,
    SOURCE,
    UncompiledEngine,
    engine_of,
    large_transformer,
)
from helpers.mechanism_cases import MECHANISMS, VOCABULARY, forced, one_step, tiny_model
from helpers.search_difference import four_best, search_difference
from nmtcli.data.batching import pad, shift_right
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.greedy import greedy_search
from nmtcli.engines.grouping import group
from nmtcli.engines.keras_engine import KerasEngine
from nmtcli.errors import NmtError
from nmtcli.models.weights import arrays_of, set_arrays
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID


@pytest.fixture(params=COVERING)
def name(request):
    return request.param


@pytest.fixture
def engine(name):
    return engine_of(name)


@pytest.fixture
def found(name):
    return four_best(name)


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
    log_probs = log_softmax(engine.model((SOURCE, shift_right(targets))))
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
            assert one.score == pytest.approx(other.score, abs=5e-5)
            np.testing.assert_allclose(one.attention, other.attention[:, :length], atol=1e-5)


@pytest.mark.parametrize("name", others_are_slow(MODELS))
def test_attention_of_each_hypothesis_is_that_of_its_forced_alignment(name):
    """And not that of its rivals, whose steps stand in the same arrays."""
    assert search_difference(name) < 1e-5
    if name != "none":
        rivals = (pair for best in four_best(name) for pair in itertools.combinations(best, 2))
        apart = [np.abs(x - y).max() for x, y in map(_common_steps, rivals)]
        assert max(apart) > 1e-2, "the test tests little"


def _common_steps(pair):
    """The attention of two hypotheses, in the steps that both have."""
    steps = min(len(h.attention) for h in pair)
    return [h.attention[:steps] for h in pair]


@pytest.mark.parametrize("name", others_are_slow(MODELS))
def test_the_forced_alignment_is_the_attention_of_the_model(name):
    targets = pad([[6, 4], [9, 5, 7], [], [4]], 4, 5)
    aligned, model = engine_of(name).align(SOURCE, targets), engine_of(name).model
    assert aligned.shape == (4, 5, 7) and aligned.dtype == np.float32
    _, weights = forced(model, SOURCE, shift_right(targets))
    np.testing.assert_allclose(aligned, weights, atol=1e-5)
    assert (aligned[np.broadcast_to((SOURCE == PAD_ID)[:, None], aligned.shape)] == 0.0).all()


@pytest.mark.parametrize("name", others_are_slow(MODELS))
def test_an_engine_says_whether_it_attends_and_through_a_window(name):
    engine, mechanism = engine_of(name), MECHANISMS.get(name)
    assert engine.has_attention == (name != "none")
    assert engine.has_window == (mechanism is not None and mechanism.scope != "global")


def test_a_step_returns_the_best_pieces_of_the_model_best_first(engine):
    first = engine.step(engine.start(SOURCE), np.arange(4), np.full(4, BOS_ID), VOCABULARY)
    model = engine.model
    expected = log_softmax(one_step(model, model.start(SOURCE), np.full(4, BOS_ID))[0])
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


@pytest.mark.parametrize(
    ("parents", "width", "sentences", "origins"),
    [
        ([0, 1, 2], 1, [0, 1, 2], [[0], [0], [0]]),
        ([0, 0, 1, 1], 1, [0, 1], [[0, 0], [0, 0]]),
        ([2, 0, 5, 4], 2, [1, 0, 2, 2], [[0], [0], [1], [0]]),
        ([4, 4, 5, 1, 0, 0], 2, [2, 0], [[0, 0, 1], [1, 0, 0]]),
        ([3, 3, 3], 2, [1], [[1, 1, 1]]),
        ([1, 0, 2], 2, [0, 0, 1], [[1], [0], [0]]),
        ([], 4, [], np.zeros((0, 1))),
    ],
)
def test_rows_that_stand_together_are_hypotheses_of_their_sentence(
    parents, width, sentences, origins
):
    found = group(np.array(parents, dtype=np.int32), width)
    np.testing.assert_array_equal(found[0], sentences)
    np.testing.assert_array_equal(found[1], origins)


# -- states with a room ----------------------------------------------------------------------------


class Watched(UncompiledEngine):
    """Counts how often the state was lengthened, and whether a step exchanged rows."""

    def __init__(self, model, room):
        super().__init__(model, room)
        self.rooms, self.exchanged = set(), set()

    def step(self, state, parents, previous_ids, k):
        if not np.array_equal(parents, np.arange(state.batch * state.width)):
            self.exchanged.add(state.room)
        result = super().step(state, parents, previous_ids, k)
        self.rooms.add(result.state.room)
        return result


def long_search(room):
    """Three best of a model that ends late: hypotheses, and the engine."""
    model = large_transformer("transformer, post-norm, rotary and geglu")
    arrays = arrays_of(model)
    arrays["translator/output_bias"][EOS_ID] = -2.0
    set_arrays(model, arrays)
    engine = Watched(model, room)
    return beam_search(engine, SOURCE[:2], 3, 0.7, np.array([18, 11]), nbest=3), engine


def test_a_search_longer_than_the_first_room_is_that_with_a_large_room():
    """Rows are exchanged in each of the rooms, so that what is lengthened is what was exchanged."""
    found, engine = long_search(16)
    assert engine.rooms == {16, 32, 64} and {16, 32} <= engine.exchanged
    assert max(len(h.ids) for hypotheses in found for h in hypotheses) > 16
    other, watched = long_search(64)
    assert watched.rooms == {64}
    for one, same in zip(itertools.chain(*found), itertools.chain(*other), strict=True):
        assert one.ids == same.ids
        assert one.log_prob == pytest.approx(same.log_prob, abs=1e-4)
        np.testing.assert_allclose(one.attention, same.attention, atol=1e-5)
    for rank in range(3):
        targets = pad([hypotheses[rank].ids for hypotheses in found], 2, 40)
        scored, aligned = (way(SOURCE[:2], targets) for way in (engine.score, engine.align))
        for b, hypotheses in enumerate(found):
            hypothesis = hypotheses[rank]
            assert scored[b].sum() == pytest.approx(hypothesis.log_prob, abs=1e-3)
            rows = aligned[b, : len(hypothesis.ids) + 1]
            np.testing.assert_allclose(hypothesis.attention, rows, atol=1e-5)


@pytest.mark.parametrize("beam", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_a_search_in_one_compiled_loop_finds_the_same(name, beam):
    """In a batch that is filled up to four, and where translations are cut at their longest."""
    whole = KerasEngine(engine_of(name).model, compile_beam=True)
    limits = LIMITS[:3]
    expected = beam_search(engine_of(name), SOURCE[:3], beam, 0.7, limits, nbest=beam)
    found = beam_search(whole, SOURCE[:3], beam, 0.7, limits, nbest=beam)
    for ours, theirs in zip(found, expected, strict=True):
        assert [h.ids for h in ours] == [h.ids for h in theirs]
        for one, other in zip(ours, theirs):
            assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
            assert one.score == pytest.approx(other.score, abs=1e-4)
            np.testing.assert_allclose(one.attention, other.attention, atol=1e-5)


def test_a_search_with_constraints_goes_step_by_step():
    whole = KerasEngine(engine_of("bahdanau").model, compile_beam=True)
    options = {"prefixes": [[5], [], [], []], "no_repeat_ngram": 2}
    expected = beam_search(engine_of("bahdanau"), SOURCE, 3, 0.7, LIMITS, **options)
    assert [h[0].ids for h in beam_search(whole, SOURCE, 3, 0.7, LIMITS, **options)] == [
        h[0].ids for h in expected
    ]


def test_probabilities_that_are_no_numbers_are_refused_in_one_loop_too():
    model = large_transformer("transformer")
    set_arrays(model, {path: np.full_like(x, np.nan) for path, x in arrays_of(model).items()})
    with pytest.raises(NmtError, match="are not numbers"):
        beam_search(KerasEngine(model, compile_beam=True), SOURCE, 3, 0.7, LIMITS)


@pytest.mark.parametrize("tied", ["none", "target"])
def test_the_output_layer_of_some_pieces_is_these_columns(tied):
    model = transformer_cases.tiny_model("transformer", tied_embeddings=tied)
    pieces = np.array([5, 0, 9], dtype="int32")
    for whole, some in zip(model.output_layer(), model.output_columns(pieces)):
        np.testing.assert_array_equal(np.asarray(some), np.asarray(whole)[..., pieces])


def test_texts_of_other_sizes_are_scored_by_the_graph_that_is_there():
    """On TensorFlow one graph serves all sizes, from the first call."""
    model, calls = tiny_model(), []
    score_targets = model.score_targets

    def record(*ids):
        calls.append([tuple(array.shape) for array in ids])
        return score_targets(*ids)

    model.score_targets = record
    engine = KerasEngine(model)
    for rows, length in ((4, 5), (3, 9), (1, 2)):
        engine.score(SOURCE[:rows], pad([[6, 4][: length - 1]] * rows, rows, length))
    assert calls == [[(None, None)] * 3]
