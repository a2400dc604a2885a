"""Scoring given translations: sums, order, batches, and the corpus perplexity."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.fake_engine import FakeEngine, FakeSubwords, fake_engine
from nmtcli.config import SearchConfig
from nmtcli.decoding.engine import Sentence
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.decoding.sentences import search_sentences
from nmtcli.errors import NmtError, UsageError
from nmtcli.inference.scorer import LineScore, Scorer, Summary
from nmtcli.text.special_tokens import EOS_ID

ENGINE = fake_engine()


def scorer(engine=ENGINE, **options):
    return Scorer(engine, FakeSubwords(), FakeSubwords(), **options)


def by_hand(source, target):
    """Sum of log p(piece | source, earlier pieces) over the pieces of the target and EOS."""
    subwords = FakeSubwords()
    source = (*subwords.encode(source), EOS_ID)
    target = [*subwords.encode(target), EOS_ID]
    return sum(
        float(ENGINE.distribution(source, tuple(target[:t]))[0][piece])
        for t, piece in enumerate(target)
    )


def test_a_score_is_the_sum_over_the_pieces_and_the_end():
    pairs = [("abc", "xy"), ("a longer line than the others", "short"), ("b", "bb bb"), ("", "q")]
    found = list(scorer().score_lines(*zip(*pairs)))
    assert [line.log_prob for line in found] == pytest.approx([by_hand(*p) for p in pairs])
    assert [line.pieces for line in found] == [3, 6, 6, 2]
    assert [line.words for line in found] == [2, 2, 3, 2]


def test_the_empty_translation_has_the_probability_of_the_end():
    for source in ("abc", ""):
        found = next(scorer().score_lines([source], [""]))
        ids = (*FakeSubwords().encode(source), EOS_ID)
        assert found.log_prob == pytest.approx(float(ENGINE.distribution(ids, ())[0][EOS_ID]))
        assert (found.pieces, found.words) == (1, 1)


def test_the_score_of_a_translation_is_the_log_probability_that_the_search_gave_it():
    subwords = FakeSubwords()
    search = SearchConfig(beam=4, nbest=4)
    lines = ["abc", "de fg", "hello world"]
    sentences = [Sentence(subwords.encode(line)) for line in lines]
    for line, nbest in zip(lines, search_sentences(StepwiseSearch(ENGINE), sentences, search)):
        source = np.array([[*subwords.encode(line), EOS_ID]])
        for hypothesis in nbest:
            scores = ENGINE.score(source, np.array([[*hypothesis.ids, EOS_ID]]))
            assert hypothesis.log_prob == pytest.approx(scores.sum(dtype=np.float64), abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.text("ab \u0085", max_size=30), st.text("cd ", max_size=30)), max_size=9),
    st.integers(1, 200),
    st.integers(1, 5),
)
def test_batches_and_windows_change_nothing(pairs, batch_tokens, window):
    sources, targets = [s for s, _ in pairs], [t for _, t in pairs]
    together = list(scorer(batch_tokens=batch_tokens, window=window).score_lines(sources, targets))
    assert together == [next(scorer().score_lines([s], [t])) for s, t in pairs]


def test_a_long_line_is_scored_whole():
    source, target = "ab " * 200, "cd, ef. " * 60
    found = next(scorer(batch_tokens=10).score_lines([source], [target]))
    assert found.log_prob == pytest.approx(by_hand(source, target))
    assert found.pieces == len(FakeSubwords().encode(target)) + 1


def test_the_perplexity_is_over_all_pieces_or_words():
    summary = Summary().plus(LineScore(-6.0, 4, 2)).plus(LineScore(-2.0, 4, 3))
    assert (summary.lines, summary.pieces, summary.words) == (2, 8, 5)
    assert summary.perplexity_per_piece == pytest.approx(math.e)
    assert summary.perplexity_per_word == pytest.approx(math.exp(8 / 5))
    assert math.isnan(Summary().perplexity_per_piece)
    assert Summary().plus(LineScore(-1e30, 1, 1)).perplexity_per_piece == math.inf


def test_sides_of_different_lengths_are_refused():
    with pytest.raises(UsageError, match="2 sources but 1 translations"):
        list(scorer().score_lines(["a", "b"], ["c"]))


def test_probabilities_that_are_no_numbers_are_named():
    class Diverged(FakeEngine):
        def score(self, source_ids, target_ids):
            return np.full(target_ids.shape, np.nan)

    with pytest.raises(NmtError, match="NaN"):
        list(scorer(Diverged()).score_lines(["a"], ["b"]))
