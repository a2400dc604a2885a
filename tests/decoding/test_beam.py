"""Greedy and beam search, against exhaustive search and against each other."""

import itertools

import numpy as np
import pytest

from helpers.fake_engine import FakeEngine, padded
from helpers.search_cases import SOURCES, Insistent, assert_same, exhaustive
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.greedy import greedy_search
from nmtcli.errors import NmtError
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.0])
def test_a_beam_as_wide_as_the_space_is_exhaustive_search(length_penalty):
    for seed in range(3):
        engine = FakeEngine(vocabulary_size=7, seed=seed)
        max_lengths = np.array([4, 3, 1, 4, 2])
        found = beam_search(engine, padded(SOURCES), 100, length_penalty, max_lengths, 100)
        for source, limit, hypotheses in zip(SOURCES, max_lengths, found):
            expected = exhaustive(engine, source, limit, length_penalty)
            assert [h.ids for h in hypotheses] == [ids for _, _, ids in expected]
            assert [h.score for h in hypotheses] == pytest.approx([s for s, _, _ in expected])
            assert [h.log_prob for h in hypotheses] == pytest.approx([p for _, p, _ in expected])


@pytest.mark.parametrize("levels", [None, 1])
def test_a_beam_of_one_is_greedy_search(levels):
    for seed in range(20):
        engine = FakeEngine(seed=seed, levels=levels)
        max_lengths = np.array([9, 1, 12, 30, 2])
        greedy = greedy_search(engine, padded(SOURCES), 0.7, max_lengths)
        for one, many in zip(greedy, beam_search(engine, padded(SOURCES), 1, 0.7, max_lengths)):
            assert_same(one, many[0])
            np.testing.assert_array_equal(one.attention, many[0].attention)


@pytest.mark.parametrize("beam", [1, 2, 5, 8])
def test_the_log_probability_of_a_hypothesis_is_what_the_engine_scores_it(beam):
    engine = FakeEngine(seed=3)
    found = beam_search(engine, padded(SOURCES), beam, 1.0, np.full(5, 6), beam)
    for source, hypotheses in zip(SOURCES, found):
        assert len(hypotheses) == beam
        for h in hypotheses:
            scores = engine.score(padded([source]), padded([[*h.ids, EOS_ID]]))
            assert h.log_prob == pytest.approx(scores.sum(dtype=np.float64), abs=1e-6)
            assert h.score == pytest.approx(h.log_prob / (len(h.ids) + 1))


def test_the_attention_follows_the_back_pointers():
    engine = FakeEngine(seed=5)
    for source, hypotheses in zip(
        SOURCES, beam_search(engine, padded(SOURCES), 4, 1.0, np.full(5, 12), 4)
    ):
        for h in hypotheses:
            expected = np.zeros((len(h.ids) + 1, 6), dtype=np.float32)
            for t in range(len(h.ids) + 1):
                _, weights = engine.distribution(tuple(source), tuple(h.ids[:t]))
                expected[t, : len(source)] = weights
            np.testing.assert_allclose(h.attention, expected, atol=1e-6)


def test_the_other_sentences_and_the_padding_change_nothing():
    for seed, levels in itertools.product(range(10), (None, 1)):
        engine = FakeEngine(seed=seed, levels=levels)
        limits = np.array([5, 20, 1, 9, 3])
        together = beam_search(engine, padded(SOURCES), 3, 0.8, limits, 3)
        wide = np.pad(padded(SOURCES), ((0, 0), (0, 5)))[::-1]
        backwards = beam_search(engine, wide, 3, 0.8, limits[::-1], 3)[::-1]
        for b, source in enumerate(SOURCES):
            alone = beam_search(engine, padded([source]), 3, 0.8, limits[b : b + 1], 3)[0]
            assert [h.ids for h in together[b]] == [h.ids for h in alone]
            assert [h.ids for h in backwards[b]] == [h.ids for h in alone]
            assert [h.score for h in together[b]] == [h.score for h in alone]


def test_the_hypotheses_are_distinct_and_come_best_first():
    for seed in range(10):
        engine = FakeEngine(seed=seed, levels=1)
        for hypotheses in beam_search(engine, padded(SOURCES), 6, 1.0, np.full(5, 8), 6):
            assert len({tuple(h.ids) for h in hypotheses}) == 6
            scores = [h.score for h in hypotheses]
            assert scores == sorted(scores, reverse=True)


def test_pad_unk_and_bos_are_never_produced_and_the_last_position_is_eos():
    engine = Insistent()
    limits = np.array([4, 2, 7, 1, 3])
    greedy = greedy_search(engine, padded(SOURCES), 1.0, limits)
    found = beam_search(engine, padded(SOURCES), 3, 1.0, limits, 3)
    for limit, one, hypotheses in zip(limits, greedy, found):
        assert len(one.ids) == limit - 1
        assert one.log_prob <= -50.0
        for h in [one, *hypotheses]:
            assert not {PAD_ID, UNK_ID, BOS_ID, EOS_ID} & set(h.ids)
            assert h.attention.shape == (len(h.ids) + 1, 6)


def test_a_vocabulary_smaller_than_the_beam_gives_what_there_is():
    engine = FakeEngine(vocabulary_size=5)
    found = beam_search(engine, padded(SOURCES[:1]), 10, 1.0, np.array([3]), 10)[0]
    assert sorted(h.ids for h in found) == [[], [4], [4, 4]]


def test_finished_sentences_leave_the_batch_in_powers_of_two():
    engine = FakeEngine(seed=1)
    sources = padded([[4 + b % 6, 4 + b // 6, EOS_ID] for b in range(24)])
    limits = np.arange(1, 25)
    beam_search(engine, sources, 2, 1.0, limits)
    rows = [shape[0] for shape in engine.shapes]
    assert rows[0] == 24 and rows[1] == 48
    assert set(rows[2:]) <= {48, 32, 16, 8, 4, 2} and rows[-1] < 16


def test_an_empty_batch_gives_nothing():
    none = np.zeros((0, 8), dtype=np.int32)
    assert beam_search(FakeEngine(), none, 2, 1.0, np.zeros(0, int)) == []
    assert greedy_search(FakeEngine(), none, 1.0, np.zeros(0, int)) == []


def test_impossible_pieces_do_not_break_the_search():
    class Certain(FakeEngine):
        def distribution(self, source, prefix):
            log_probs = np.full(self.vocabulary_size, -np.inf, dtype=np.float32)
            log_probs[4 if len(prefix) < 2 else EOS_ID] = 0.0
            return log_probs, np.ones(len(source)) / len(source)

    assert beam_search(Certain(), padded(SOURCES), 3, 1.0, np.full(5, 9))[0][0].ids == [4, 4]
    assert greedy_search(Certain(), padded(SOURCES), 1.0, np.full(5, 9))[0].ids == [4, 4]


def test_probabilities_that_are_no_numbers_are_named():
    class Diverged(FakeEngine):
        def distribution(self, source, prefix):
            return np.full(self.vocabulary_size, np.nan, np.float32), np.ones(len(source))

    with pytest.raises(NmtError, match="NaN"):
        beam_search(Diverged(), padded(SOURCES), 3, 1.0, np.full(5, 9))


def test_more_best_than_the_beam_is_refused():
    with pytest.raises(ValueError, match="nbest 3, beam 2"):
        beam_search(FakeEngine(), padded(SOURCES), 2, 1.0, np.full(5, 9), nbest=3)
    with pytest.raises(ValueError, match="positive"):
        greedy_search(FakeEngine(), padded(SOURCES), 1.0, np.zeros(5))
