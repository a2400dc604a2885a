"""From attention over pieces to links between words: against loops written from the rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.alignment.links import (
    AlignedSegment,
    LinkRule,
    agreed_links,
    agreed_weights,
    align_words,
    hard_links,
    merge_tokens,
    transposed,
)
from nmtcli.errors import UsageError

FLOATS = {"rtol": 0, "atol": 1e-6}


def attention_of(random, targets, sources):
    weights = np.exp(random.normal(size=(targets, sources)))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def words_of(random, pieces, words):
    """Ascending words of so many pieces, each of at least one piece."""
    cuts = sorted(random.choice(np.arange(1, pieces), words - 1, replace=False))
    sizes = np.diff([0, *cuts, pieces])
    return [(word, word + 1) for word, size in enumerate(sizes) for _ in range(size)]


def by_loops(attention, source_words, target_words, sources, targets, shift):
    """Sum over the pieces of a source word, then the mean over the pieces of a target word."""
    weights, end = np.zeros((targets, sources)), np.zeros(targets)
    for j in range(targets):
        mine = [t for t, (first, last) in enumerate(target_words) if first <= j < last]
        for t in mine:
            row = attention[min(t + shift, len(attention) - 1)]
            for s, (first, last) in enumerate(source_words):
                for i in range(first, last):
                    weights[j, i] += row[s] / (last - first) / len(mine)
            end[j] += row[-1] / len(mine)
    return weights, end


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_weights_are_summed_over_source_pieces_and_averaged_over_target_pieces(shift):
    random = np.random.default_rng(7)
    attention = attention_of(random, 9, 12)
    source_words, target_words = words_of(random, 11, 5), words_of(random, 8, 4)
    part = AlignedSegment(attention, source_words, target_words)
    weights, end = merge_tokens([part], 5, 4, shift)
    expected, expected_end = by_loops(attention, source_words, target_words, 5, 4, shift)
    np.testing.assert_allclose(weights, expected, **FLOATS)
    np.testing.assert_allclose(end, expected_end, **FLOATS)
    np.testing.assert_allclose(weights.sum(axis=1) + end, 1.0, **FLOATS)


def test_weights_of_a_hand_worked_example():
    attention = np.array([[0.1, 0.2, 0.6, 0.1], [0.3, 0.1, 0.2, 0.4], [0, 0.5, 0, 0.5]])
    part = AlignedSegment(attention, [(0, 1), (0, 1), (1, 2)], [(0, 1), (0, 1)])
    weights, end = merge_tokens([part], 2, 1)
    np.testing.assert_allclose(weights, [[0.35, 0.4]], **FLOATS)
    np.testing.assert_allclose(end, [0.25], **FLOATS)
    weights, end = merge_tokens([part], 2, 1, shift=1)  # the rows of piece 2 and of EOS
    np.testing.assert_allclose(weights, [[0.45, 0.1]], **FLOATS)
    np.testing.assert_allclose(end, [0.45], **FLOATS)


def test_a_piece_of_several_words_is_divided_among_them():
    random = np.random.default_rng(3)
    attention = attention_of(random, 3, 4)
    source_words, target_words = [(0, 1), (1, 4), (4, 5)], [(0, 2), (1, 2)]
    weights, end = merge_tokens([AlignedSegment(attention, source_words, target_words)], 5, 2)
    np.testing.assert_allclose(
        weights, by_loops(attention, source_words, target_words, 5, 2, 0)[0], **FLOATS
    )
    np.testing.assert_allclose(weights.sum(axis=1) + end, 1.0, **FLOATS)


def test_a_word_that_two_parts_share_has_the_pieces_of_both():
    random = np.random.default_rng(5)
    first, second = attention_of(random, 3, 3), attention_of(random, 3, 4)
    parts = [
        AlignedSegment(first, [(0, 1), (1, 2)], [(0, 1), (1, 2)]),
        AlignedSegment(second, [(1, 2), (2, 3), (2, 3)], [(1, 2), (2, 3)]),
    ]
    weights, end = merge_tokens(parts, 3, 3)
    shared = [first[1, 0] / 2, (first[1, 1] + second[0, 0]) / 2, second[0, 1:3].sum() / 2]
    np.testing.assert_allclose(weights[1], shared, **FLOATS)
    np.testing.assert_allclose(weights[0], [first[0, 0], first[0, 1], 0], **FLOATS)
    np.testing.assert_allclose(weights[2], [0, second[1, 0], second[1, 1:3].sum()], **FLOATS)
    np.testing.assert_allclose(weights.sum(axis=1) + end, 1.0, **FLOATS)


def test_a_target_word_is_linked_to_its_largest_weight_the_leftmost_of_equal_ones():
    weights = np.array([[0.1, 0.3, 0.2], [0.25, 0.1, 0.25], [0, 0, 0], [0.2, 0, 0.1]])
    end = np.array([0.4, 0.4, 1.0, 0.2])
    assert hard_links(weights, end) == [(0, 1), (0, 3), (1, 0)]
    assert hard_links(weights, end, null="eos") == [(0, 3)]
    assert hard_links(np.zeros((0, 3)), np.zeros(0)) == []
    assert hard_links(np.zeros((2, 0)), np.zeros(2), null="eos") == []


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99), st.sampled_from(["never", "eos"]))
def test_links_are_sorted_and_each_target_word_has_one_at_most(targets, sources, seed, null):
    weights = np.random.default_rng(seed).integers(0, 4, (targets, sources)) / 10
    end = np.random.default_rng(seed + 1).integers(0, 4, targets) / 10
    links = hard_links(weights, end, null)
    assert links == sorted(links)
    for j in range(targets):
        mine = [i for i, target in links if target == j]
        best = weights[j].max()
        linked = best > 0 and (null == "never" or end[j] <= best)
        assert mine == ([list(weights[j]).index(best)] if linked else [])


def test_normalised_weights_are_shares_of_what_a_source_word_gets():
    weights = np.array([[0.5, 0.4, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 0.0]])
    assert hard_links(weights, np.zeros(3)) == [(0, 0), (0, 1)]
    # columns: 0.5 of 1.4 against 0.4 of 0.5; 0.9 of 1.4 against 0.1 of 0.5
    assert hard_links(weights, np.zeros(3), normalize="source") == [(0, 1), (1, 0)]
    end = np.array(
        [0.45, 0.95, 1.0]
    )  # what goes to the end is compared with the weights themselves
    assert hard_links(weights, end, null="eos", normalize="source") == [(1, 0)]


def test_both_directions_agree_by_the_product_of_their_weights():
    forward = np.array([[0.6, 0.4, 0.0], [0.5, 0.5, 0.0]])  # (J, I)
    reverse = np.array([[0.9, 0.1], [0.2, 0.8], [0.0, 0.0]])  # (I, J)
    expected = np.zeros((2, 3))
    for j, i in np.ndindex(2, 3):
        expected[j, i] = np.sqrt(forward[j, i] * reverse[i, j])
    found = agreed_weights(forward, reverse)
    np.testing.assert_allclose(found, expected, **FLOATS)
    # from source to target word 1 could be either; the other direction decides
    assert agreed_links(found) == ([(0, 0), (1, 1)], [(0, 0), (1, 1)])
    shares = agreed_weights(forward, reverse, "source")
    for j, i in np.ndindex(2, 2):
        there, back = forward[j, i] / forward[:, i].sum(), reverse[i, j] / reverse[:, j].sum()
        assert shares[j, i] == pytest.approx(np.sqrt(there * back))
    assert (shares[:, 2] == 0).all()
    assert agreed_links(np.zeros((0, 2))) == ([], [])


def test_a_word_without_pieces_and_a_side_without_words_have_no_links():
    part = AlignedSegment(np.array([[0.9, 0.1], [0.5, 0.5]]), [(0, 1)], [(1, 2)])
    found = align_words(["a", "▁"], ["▁", "b"], [part])
    np.testing.assert_allclose(found.weights, [[0, 0], [0.9, 0]], **FLOATS)
    assert found.links == [(0, 1)]
    empty = align_words(["a", "b"], [], [])
    assert empty.links == [] and empty.weights.shape == (0, 2)


def test_the_other_direction_turned_round_is_source_target():
    weights = np.array([[0.1, 0.2, 0.6], [0.8, 0.1, 0.0]])
    part = AlignedSegment(
        np.array([[*weights[0], 0.1], [*weights[1], 0.1], [0.0, 0.0, 0.0, 1.0]]),
        [(0, 1), (1, 2), (2, 3)],
        [(0, 1), (1, 2)],
    )
    found = align_words(["x", "y", "z"], ["a", "b"], [part])
    assert found.links == [(0, 1), (2, 0)]
    back = transposed(found)
    assert (back.source_words, back.target_words) == (["a", "b"], ["x", "y", "z"])
    assert back.links == [(0, 2), (1, 0)]
    np.testing.assert_allclose(back.weights, weights.T, **FLOATS)


def test_a_rule_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="null must be one of never, eos, not 'always'"):
        LinkRule(null="always")
    with pytest.raises(UsageError, match="normalize must be one of none, source, not 'rows'"):
        LinkRule(normalize="rows")
    with pytest.raises(UsageError, match="shift must be at least 0, not -1"):
        LinkRule(shift=-1)
