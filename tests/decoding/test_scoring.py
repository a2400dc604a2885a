"""Length and coverage penalties, against the paper's formulas and exhaustive search."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.fake_engine import FakeEngine, padded
from helpers.search_cases import SOURCES
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.greedy import greedy_search
from nmtcli.decoding.scoring import LEAST_COVERAGE, Scoring, coverage, normalised
from nmtcli.text.special_tokens import EOS_ID


def gnmt_length(length, alpha):
    """lp(Y) of Wu et al. (2016), equation 14, as it stands in the paper."""
    return (5 + length) ** alpha / (5 + 1) ** alpha


def gnmt_coverage(attention):
    """cp(X; Y) of the same equation without beta: attention[t][s]."""
    total = 0.0
    for s in range(len(attention[0])):
        total += math.log(min(sum(row[s] for row in attention), 1.0))
    return total


def all_translations(engine, source, max_length):
    """(log_prob, ids, attention) of every translation of at most `max_length` pieces."""
    for length in range(max_length):
        for ids in itertools.product(range(4, engine.vocabulary_size), repeat=length):
            steps = [engine.distribution(tuple(source), ids[:t]) for t in range(length + 1)]
            log_prob = sum(float(p[i]) for (p, _), i in zip(steps, [*ids, EOS_ID]))
            yield log_prob, list(ids), [weights.tolist() for _, weights in steps]


@pytest.mark.parametrize(
    ("length", "alpha", "expected"),
    [(1, 0.6, -8.0), (7, 1.0, -4.0), (7, 0.0, -8.0), (19, 0.5, -4.0), (55, 1.0, -0.8)],
)
def test_the_gnmt_penalty_is_the_papers(length, alpha, expected):
    assert normalised(-8.0, length, alpha, "gnmt") == pytest.approx(expected)
    assert normalised(-8.0, length, alpha, "gnmt") == pytest.approx(-8 / gnmt_length(length, alpha))


@given(st.integers(1, 100), st.floats(0, 3))
def test_a_translation_of_one_piece_is_divided_by_one_in_both_kinds(length, alpha):
    assert normalised(-2.5, 1, alpha, "gnmt") == normalised(-2.5, 1, alpha, "average") == -2.5
    assert normalised(-2.5, length, alpha, "average") <= 0.0


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000))
def test_coverage_is_the_papers_sum(targets, sources, seed):
    attention = np.random.default_rng(seed).dirichlet(np.ones(sources), size=targets)
    assert coverage(attention.astype(np.float32)) == pytest.approx(
        gnmt_coverage(attention.tolist()), rel=1e-4, abs=1e-5
    )


def test_a_position_without_any_attention_costs_much_and_not_everything():
    assert coverage(np.array([[1.0, 0.0], [1.0, 0.0]])) == pytest.approx(math.log(LEAST_COVERAGE))
    assert coverage(np.eye(3)) == 0.0


@given(st.integers(1, 100), st.floats(0, 3), st.floats(-50, 0))
def test_a_reward_is_added_for_each_piece(length, reward, log_prob):
    score = normalised(log_prob, length, reward, "reward")
    assert score == pytest.approx(log_prob + sum(reward for _ in range(length)))


def length_scored(log_prob, length, kind):
    """With 0.8, by the formulas of the papers."""
    if kind == "reward":
        return log_prob + sum(0.8 for _ in range(length))
    return log_prob / (gnmt_length(length, 0.8) if kind == "gnmt" else length**0.8)


@pytest.mark.parametrize("kind", ["average", "gnmt", "reward"])
@pytest.mark.parametrize("beta", [0.0, 0.2, 2.0])
def test_a_beam_as_wide_as_the_space_ranks_all_translations_by_the_score(kind, beta):
    scoring = Scoring(0.8, kind, beta)
    for seed in range(2):
        engine = FakeEngine(vocabulary_size=7, seed=seed)
        found = beam_search(engine, padded(SOURCES), 60, scoring, np.full(5, 4), 60)
        for source, hypotheses in zip(SOURCES, found):
            expected = []
            for log_prob, ids, attention in all_translations(engine, source, 4):
                score = length_scored(log_prob, len(ids) + 1, kind)
                expected.append((score + beta * gnmt_coverage(attention), ids))
            expected.sort(key=lambda entry: -entry[0])
            assert [h.ids for h in hypotheses] == [ids for _, ids in expected]
            assert [h.score for h in hypotheses] == pytest.approx([s for s, _ in expected])


def test_the_coverage_penalty_changes_which_translation_is_best():
    engine = FakeEngine(vocabulary_size=9, seed=1)
    scoring = Scoring(1.0, "average", 1.0)
    plain = beam_search(engine, padded(SOURCES), 8, Scoring(), np.full(5, 8))
    covering = beam_search(engine, padded(SOURCES), 8, scoring, np.full(5, 8))
    assert [n[0].ids for n in plain] != [n[0].ids for n in covering]
    for source, (before,), (after,) in zip(SOURCES, plain, covering):
        assert after.score <= 0 and coverage(after.attention[:, : len(source)]) >= coverage(
            before.attention[:, : len(source)]
        )


@pytest.mark.parametrize("scoring", [Scoring(0.6, "gnmt", 0.3), Scoring(1.0, "average", 1.0)])
def test_the_padding_of_the_source_is_not_to_be_covered(scoring):
    engine = FakeEngine(seed=2)
    for search in (
        lambda ids: beam_search(engine, ids, 3, scoring, np.full(len(ids), 9)),
        lambda ids: [[h] for h in greedy_search(engine, ids, scoring, np.full(len(ids), 9))],
    ):
        together = search(padded(SOURCES))
        for b, source in enumerate(SOURCES):
            assert search(padded([source]))[0][0].score == pytest.approx(together[b][0].score)


def test_a_number_alone_is_the_exponent():
    assert Scoring.of(0.7) == Scoring(0.7, "average", 0.0)
    assert Scoring.of(Scoring(0.1)) == Scoring(0.1)
