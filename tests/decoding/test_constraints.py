"""No repeated n-grams and forced beginnings, against exhaustive search and a plain beam search."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.fake_engine import FakeEngine, padded
from helpers.search_cases import SOURCES, Insistent, assert_same, exhaustive
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.constraints import FREE, make_constraints, repeating_tokens
from nmtcli.decoding.greedy import greedy_search
from nmtcli.text.special_tokens import EOS_ID

LIMITS = np.array([9, 1, 12, 14, 2])


def repeats(ids, n, free_from=0):
    """Does an n-gram that ends at `free_from` or later stand in `ids` before?"""
    ngrams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return any(ngrams[i] in ngrams[:i] for i in range(len(ngrams)) if i + n > free_from)


def plain_beam(engine, source, beam, limit, n, prefix=(), alpha=1.0):
    """Beam search in lists, over the whole vocabulary: [(score, ids)], best first."""
    live, finished = [(0.0, ())], []
    for length in range(1, limit + 1):
        candidates = []
        for log_prob, ids in live:
            step = engine.distribution(tuple(source), ids)[0]
            if length == limit:
                allowed = [EOS_ID]
            elif length <= len(prefix):
                allowed = [prefix[length - 1]]
            else:
                allowed = [EOS_ID] + [
                    i
                    for i in range(4, engine.vocabulary_size)
                    if not (n and repeats((*ids, i), n, free_from=len(ids)))
                ]
            order = np.argsort(-step, kind="stable")
            candidates += [
                (log_prob + float(step[i]), (*ids, int(i))) for i in order if i in allowed
            ]
        candidates.sort(key=lambda entry: -entry[0])
        for log_prob, ids in candidates[:beam]:
            if ids[-1] == EOS_ID:
                finished.append((log_prob / length**alpha, list(ids[:-1])))
        live = [entry for entry in candidates if entry[1][-1] != EOS_ID][:beam]
        if len(finished) >= beam or not live:
            break
    return sorted(finished, key=lambda entry: -entry[0])


def assert_found(hypotheses, expected):
    assert [h.ids for h in hypotheses] == [ids for _, ids in expected[: len(hypotheses)]]
    assert [h.score for h in hypotheses] == pytest.approx(
        [score for score, _ in expected[: len(hypotheses)]]
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_wide_beam_finds_every_translation_without_a_repeated_ngram(n):
    for seed in range(2):
        engine = FakeEngine(vocabulary_size=7, seed=seed)
        limits = np.array([4, 5, 1, 4, 2])
        found = beam_search(engine, padded(SOURCES), 100, 1.0, limits, 100, no_repeat_ngram=n)
        for source, limit, hypotheses in zip(SOURCES, limits, found):
            expected = [
                (score, ids)
                for score, _, ids in exhaustive(engine, source, limit, 1.0)
                if not repeats(ids, n)
            ]
            assert len(hypotheses) == min(len(expected), 100)
            assert_found(hypotheses, expected)


class Repetitive(FakeEngine):
    """Likes what it has produced last, so that the best pieces of a row are the forbidden ones."""

    def distribution(self, source, prefix):
        log_probs, weights = super().distribution(source, prefix)
        log_probs = log_probs.copy()
        for place, piece in enumerate(reversed(prefix)):
            log_probs[piece] = max(log_probs[piece], -0.1 - 0.01 * place)
        log_probs[EOS_ID] -= 3.0
        return log_probs, weights


@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_the_best_of_the_engine_being_forbidden_nothing_admissible_is_lost(beam, n):
    """As many more pieces are asked of the engine as may be forbidden."""
    for seed in range(6):
        engine = Repetitive(vocabulary_size=40, seed=seed)
        found = beam_search(engine, padded(SOURCES), beam, 1.0, LIMITS, beam, no_repeat_ngram=n)
        for source, limit, hypotheses in zip(SOURCES, LIMITS, found):
            assert_found(hypotheses, plain_beam(engine, source, beam, limit, n))
        asked = {k for rows, k in engine.shapes if k < engine.vocabulary_size}
        assert max(asked) <= beam + 1 + 3 + 16 and len(asked) <= 1 + (n > 0) * 5


def test_it_does_repeat_where_it_may():
    found = greedy_search(Repetitive(vocabulary_size=40), padded(SOURCES), 1.0, LIMITS)
    assert any(repeats(h.ids, 2) for h in found)


@given(st.lists(st.lists(st.integers(4, 6), min_size=7, max_size=7), max_size=4), st.integers(1, 8))
def test_the_forbidden_pieces_are_those_that_complete_an_ngram(rows, n):
    pieces = np.array(rows, dtype=np.int32).reshape(len(rows), 7)
    found = repeating_tokens(pieces, n)
    for ids, forbidden in zip(rows, found):
        expected = {i for i in (4, 5, 6) if repeats([*ids, i], n, free_from=7)}
        assert set(forbidden.tolist()) - {FREE} == expected


PREFIXES = [[4, 4, 5], [], [9, 4], [7, 7, 7, 7, 7], [5]]


@pytest.mark.parametrize("n", [0, 2])
@pytest.mark.parametrize("beam", [1, 3, 6])
def test_a_forced_beginning_is_that_of_every_hypothesis_and_costs_its_probability(beam, n):
    for seed in range(4):
        engine = FakeEngine(vocabulary_size=10, seed=seed)
        found = beam_search(engine, padded(SOURCES), beam, 1.0, LIMITS, beam, PREFIXES, n)
        for source, limit, prefix, hypotheses in zip(SOURCES, LIMITS, PREFIXES, found):
            assert_found(hypotheses, plain_beam(engine, source, beam, limit, n, prefix))
            for h in hypotheses:
                assert h.ids[: len(prefix)] == prefix
                score = engine.score(padded([source]), padded([[*h.ids, EOS_ID]]))
                assert h.log_prob == pytest.approx(score.sum(dtype=np.float64), abs=1e-5)
                assert len(h.attention) == len(h.ids) + 1


def test_a_wide_beam_finds_every_translation_that_begins_so():
    engine = FakeEngine(vocabulary_size=7)
    prefixes = [[6], [], [4, 5], [6, 6, 6], []]
    limits = np.array([4, 3, 4, 4, 1])
    found = beam_search(engine, padded(SOURCES), 40, 0.5, limits, 40, prefixes)
    for source, limit, prefix, hypotheses in zip(SOURCES, limits, prefixes, found):
        expected = [
            (score, ids)
            for score, _, ids in exhaustive(engine, source, limit, 0.5)
            if ids[: len(prefix)] == prefix
        ]
        assert len(hypotheses) == min(40, len(expected))
        assert_found(hypotheses, expected)


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("prefixes", [None, PREFIXES])
def test_a_beam_of_one_is_greedy_search_with_every_constraint(n, prefixes):
    for seed in range(10):
        for engine in (FakeEngine(seed=seed, levels=1), Repetitive(seed=seed)):
            options = {"prefixes": prefixes, "no_repeat_ngram": n}
            greedy = greedy_search(engine, padded(SOURCES), 0.7, LIMITS, **options)
            beam = beam_search(engine, padded(SOURCES), 1, 0.7, LIMITS, **options)
            for one, (other,) in zip(greedy, beam):
                assert_same(one, other)
                np.testing.assert_array_equal(one.attention, other.attention)


def test_the_rest_of_the_batch_changes_nothing_with_constraints():
    for seed in range(6):
        engine = Repetitive(seed=seed, levels=2)
        together = beam_search(engine, padded(SOURCES), 3, 1.0, LIMITS, 3, PREFIXES, 2)
        for b, source in enumerate(SOURCES):
            limit, prefix = LIMITS[b : b + 1], PREFIXES[b : b + 1]
            (alone,) = beam_search(engine, padded([source]), 3, 1.0, limit, 3, prefix, 2)
            assert [h.ids for h in together[b]] == [h.ids for h in alone]
            assert [h.score for h in together[b]] == [h.score for h in alone]


def test_what_is_never_produced_can_be_forced():
    (found,) = greedy_search(Insistent(), padded(SOURCES[:1]), 1.0, [4], prefixes=[[1, 5]])
    assert found.ids[:2] == [1, 5] and 1 not in found.ids[2:]


def test_a_prefix_without_room_for_the_end_is_refused():
    with pytest.raises(ValueError, match="a prefix of 3 tokens has no room in a translation of 3"):
        make_constraints(padded(SOURCES[:1]), [3], [[4, 5, 6]])
    with pytest.raises(ValueError, match="2 prefixes expected, received 1"):
        make_constraints(padded(SOURCES[:2]), [3, 3], [[4]])
    assert make_constraints(padded(SOURCES[:1]), [4], [[4, 5, 6]]).forced(np.array([0]), 4) == [
        EOS_ID
    ]
