"""Sampling draws from the distribution that the papers describe, whatever the batch."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.fake_engine import FakeEngine, padded
from helpers.search_cases import SOURCES, assert_same
from nmtcli.decoding.greedy import greedy_search
from nmtcli.decoding.sampling import Sampling, draw, sample_search
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.special_tokens import EOS_ID

LIMITS = np.array([9, 1, 12, 14, 2])
PLACES = [(number, 0) for number in range(1, 6)]


def distribution(log_probs, temperature=1.0, top_k=0, top_p=1.0):
    """What a piece is drawn from, with loops: softmax of the logits over the temperature, then the
    best k, then the fewest best pieces whose probability is at least p."""
    weights = [np.exp(x / temperature) if np.isfinite(x) else 0.0 for x in log_probs]
    order = sorted(range(len(weights)), key=lambda i: -weights[i])
    kept = [i for i in order if weights[i] > 0][: top_k or None]
    total, nucleus = sum(weights[i] for i in kept), []
    for i in kept:
        nucleus.append(i)
        if sum(weights[j] for j in nucleus) >= top_p * total:
            break
    total = sum(weights[i] for i in nucleus)
    return np.array([weights[i] / total if i in nucleus else 0.0 for i in range(len(weights))])


ROW = np.log([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])
SETTINGS = [
    {},
    {"temperature": 0.5},
    {"temperature": 3.0},
    {"top_k": 1},
    {"top_k": 3},
    {"top_p": 0.6},
    {"top_p": 0.05},
    {"temperature": 2.0, "top_k": 4, "top_p": 0.7},
]


@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_a_piece_is_drawn_from_exactly_that_distribution(options):
    """An even grid of uniform numbers gives each piece its share, up to a step of the grid."""
    steps = 20_000
    grid = (np.arange(steps) + 0.5) / steps
    chosen = draw(np.tile(ROW, (steps, 1)), grid, Sampling(**options))
    shares = np.bincount(chosen, minlength=6) / steps
    np.testing.assert_allclose(shares, distribution(ROW, **options), atol=1.1 / steps)


@given(
    st.lists(st.one_of(st.floats(-60, 0), st.just(-np.inf)), min_size=2, max_size=9),
    st.floats(0, 1, exclude_max=True),
    st.floats(1e-300, 50),
    st.integers(0, 9),
    st.floats(1e-9, 1),
)
def test_what_is_impossible_is_never_drawn(values, uniform, temperature, top_k, top_p):
    row = np.array(sorted([*values, -1.0], reverse=True))
    sampling = Sampling(temperature, top_k, top_p)
    (column,) = draw(row[None], np.array([uniform]), sampling)
    assert np.isfinite(row[column]) and (not top_k or column < top_k)
    wider = np.append(row, [-np.inf] * 5)[None]
    assert draw(wider, np.array([uniform]), sampling) == [column]


def test_the_edges_of_the_uniform_numbers_are_drawn_too():
    for options in SETTINGS:
        last = np.flatnonzero(distribution(ROW, **options))[-1]
        ends = np.array([0.0, np.nextafter(1.0, 0.0)])
        assert draw(np.tile(ROW, (2, 1)), ends, Sampling(**options)).tolist() == [0, last]


def all_probabilities(engine, source, limit, **options):
    """p(ids) of every translation, from the distribution of each of its pieces."""
    found = {}
    for length in range(limit):
        for ids in itertools.product(range(4, engine.vocabulary_size), repeat=length):
            probability = 1.0
            for t, piece in enumerate([*ids, EOS_ID]):
                log_probs = engine.distribution(tuple(source), ids[:t])[0].astype(np.float64)
                log_probs[:3] = -np.inf
                if t == limit - 1:
                    break  # only EOS is left
                probability *= distribution(log_probs, **options)[piece]
            found[ids] = probability
    return found


@pytest.mark.parametrize("options", [{}, {"temperature": 0.7}, {"top_k": 2}, {"top_p": 0.95}])
def test_translations_come_as_often_as_they_are_probable(options):
    """Pearson's chi-square over all translations that are expected five times or more, at a level
    of one in a million: a seed that fails means a wrong distribution."""
    engine, samples, source = FakeEngine(vocabulary_size=7, seed=4), 4000, SOURCES[0]
    expected = all_probabilities(engine, source, 4, **options)
    assert sum(expected.values()) == pytest.approx(1.0)
    (found,) = sample_search(
        engine, padded([source]), Sampling(**options), 1.0, [4], [(1, 0)], samples
    )
    counts = Counter(tuple(h.ids) for h in found)
    assert all(expected[ids] > 0 for ids in counts)
    often = [ids for ids, p in expected.items() if p * samples >= 5]
    observed = np.array([counts[ids] for ids in often] + [0.0])
    wanted = np.array([expected[ids] * samples for ids in often] + [0.0])
    observed[-1], wanted[-1] = samples - observed.sum(), samples - wanted.sum() + 1e-9
    square = ((observed - wanted) ** 2 / np.maximum(wanted, 5)).sum()
    freedom = len(often)
    # Wilson and Hilferty's normal approximation of the chi-square distribution; z = 4.75
    assert square < freedom * (1 - 2 / (9 * freedom) + 4.75 * np.sqrt(2 / (9 * freedom))) ** 3
    assert len(often) >= 4


SAMPLING = Sampling(0.9, 6, 0.95, 7)


def sampled(engine, rows=range(5), samples=3, sampling=SAMPLING, **options):
    rows = list(rows)
    return sample_search(
        engine,
        padded([SOURCES[b] for b in rows]),
        sampling,
        Scoring(0.6, "gnmt"),
        LIMITS[rows],
        [PLACES[b] for b in rows],
        samples,
        **options,
    )


@pytest.mark.parametrize("n", [0, 1, 2])
def test_batch_order_and_number_of_samples_change_nothing(n):
    for seed in range(5):
        engine = FakeEngine(seed=seed, levels=3)
        together = sampled(engine, no_repeat_ngram=n)
        backwards = sampled(engine, range(4, -1, -1), no_repeat_ngram=n)[::-1]
        fewer = sampled(engine, samples=2, no_repeat_ngram=n)
        for b in range(5):
            (alone,) = sampled(engine, [b], no_repeat_ngram=n)
            for ours, other, one in zip(together[b], backwards[b], alone):
                assert ours.ids == other.ids == one.ids and ours.score == other.score == one.score
            assert [h.ids for h in fewer[b]] == [h.ids for h in together[b]][:2]


def test_another_seed_place_or_rank_draws_others():
    engine, source = FakeEngine(seed=1), padded(SOURCES[2:3] * 4)
    first = sample_search(engine, source, Sampling(4.0, seed=1), 1.0, [30] * 4, PLACES[:4], 5)
    other = sample_search(engine, source, Sampling(4.0, seed=2), 1.0, [30] * 4, PLACES[:4], 5)
    assert len({tuple(h.ids) for hypotheses in first + other for h in hypotheses}) > 30
    again = sample_search(engine, source, Sampling(4.0, seed=1), 1.0, [30] * 4, PLACES[:4], 5)
    assert [[h.ids for h in n] for n in again] == [[h.ids for h in n] for n in first]


def test_the_log_probability_is_the_models_whatever_the_temperature():
    engine = FakeEngine(seed=3)
    for source, hypotheses in zip(SOURCES, sampled(engine, sampling=Sampling(4.0))):
        for h in hypotheses:
            scores = engine.score(padded([source]), padded([[*h.ids, EOS_ID]]))
            length = (5 + len(h.ids) + 1) / 6
            assert h.log_prob == pytest.approx(scores.sum(dtype=np.float64), abs=1e-6)
            assert h.score == pytest.approx(h.log_prob / length**0.6)
            for t in range(len(h.ids) + 1):
                weights = engine.distribution(tuple(source), tuple(h.ids[:t]))[1]
                np.testing.assert_allclose(h.attention[t, : len(source)], weights, atol=1e-6)


@pytest.mark.parametrize("sampling", [Sampling(1e-9), Sampling(top_k=1), Sampling(top_p=1e-9)])
def test_the_least_of_each_option_is_greedy_search(sampling):
    for seed in range(5):
        engine = FakeEngine(seed=seed)
        options = {"no_repeat_ngram": 2, "prefixes": [[4, 4], [], [5], [], []]}
        greedy = greedy_search(engine, padded(SOURCES), Scoring(0.6, "gnmt"), LIMITS, **options)
        for one, samples in zip(greedy, sampled(engine, sampling=sampling, **options)):
            for sample in samples:
                assert_same(one, sample)


def test_only_the_pieces_that_can_be_drawn_are_asked_of_the_engine():
    engine = FakeEngine(vocabulary_size=50)
    sample_search(engine, padded(SOURCES), Sampling(top_k=4), 1.0, [50] * 5, PLACES)
    assert {k for _, k in engine.shapes[:5]} == {4 + 3}


def test_as_many_places_as_sentences_are_needed():
    with pytest.raises(ValueError, match="5 streams expected, received 1"):
        sample_search(FakeEngine(), padded(SOURCES), Sampling(), 1.0, [4] * 5, [(1,)])
