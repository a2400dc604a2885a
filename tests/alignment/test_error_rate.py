"""Alignments read from text, and how good they are."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.alignment.error_rate import AlignmentScore
from nmtcli.alignment.pharaoh import (
    GoldLinks,
    check_count,
    format_links,
    read_gold,
    read_links,
)
from nmtcli.errors import UsageError

SIZE = (30, 30)


def test_links_are_printed_and_read_as_source_target_from_0():
    assert format_links([(0, 0), (1, 12)]) == "0-0 1-12"
    assert format_links([]) == ""
    assert read_links(" 1-12  0-0\t0-0", "a:1", SIZE) == [(0, 0), (1, 12)]
    assert read_links("", "a:1", (0, 0)) == []


def test_sure_links_are_possible_too():
    gold = read_gold("0-0 1?2 3-4 3?4 0?0", "a:1", SIZE)
    assert gold.sure == {(0, 0), (3, 4)}
    assert gold.possible == {(0, 0), (1, 2), (3, 4)}


@pytest.mark.parametrize("token", ["x-3", "3", "3-", "-3", "3--4", "3-4-5", "3?-4", "³-1", "1-2,3"])
def test_what_is_no_link_is_named_with_its_file_and_line(token):
    with pytest.raises(UsageError) as error:
        read_gold(f"0-0 {token} 1-1", "gold.txt:12", SIZE)
    remedy = "write 3-4 (sure) or 3?4 (possible)"
    assert str(error.value) == f"gold.txt:12: '{token}' is not a link; {remedy}"


def test_a_link_outside_the_sentence_is_named_with_the_lengths():
    expected = (
        "gold.txt:3: link 4-1 is outside the sentences, which have 4 source and 2 target words;"
        " count from 0"
    )
    with pytest.raises(UsageError) as error:
        read_gold("3-1 4-1", "gold.txt:3", (4, 2))
    assert str(error.value) == expected
    with pytest.raises(UsageError, match="link 0-2 is outside"):
        read_links("0-2", "a:1", (4, 2))


def test_a_possible_link_is_no_link_of_an_alignment():
    with pytest.raises(UsageError, match="a:1: '1[?]2' is a possible link"):
        read_links("1?2", "a:1", SIZE)


def test_another_number_of_lines_is_named_with_both_counts():
    check_count("gold", ["", ""], 2)
    with pytest.raises(UsageError, match="gold has 1 lines, but there are 2 sentence pairs"):
        check_count("gold", [""], 2)


def test_the_rates_of_a_hand_worked_example():
    """|A| = 4, |S| = 3, |A & S| = 2, |A & P| = 3: precision 3/4, recall 2/3, AER 1 - 5/7."""
    gold = read_gold("0-0 1-1 2-2 3?1 3?2", "a:1", SIZE)
    score = AlignmentScore().plus([(0, 0), (1, 1), (3, 1), (4, 4)], gold)
    assert score == AlignmentScore(1, 4, 3, 5, 2, 3)
    assert score.precision == pytest.approx(3 / 4)
    assert score.recall == pytest.approx(2 / 3)
    assert score.aer == pytest.approx(2 / 7)


def test_rates_are_over_the_whole_corpus_and_not_means_of_lines():
    score = AlignmentScore().plus([(0, 0)], read_gold("0-0", "a:1", SIZE))
    score = score.plus([(0, 1), (1, 0), (2, 2)], read_gold("0-0 1-1 2-2", "a:2", SIZE))
    assert (score.precision, score.recall) == (2 / 4, 2 / 4)
    assert score.aer == pytest.approx(1 - (2 + 2) / (4 + 4))


def test_rates_of_nothing_are_not_numbers():
    nothing = AlignmentScore()
    assert math.isnan(nothing.precision) and math.isnan(nothing.recall) and math.isnan(nothing.aer)
    missed = nothing.plus([], read_gold("0-0", "a:1", SIZE))
    assert math.isnan(missed.precision) and (missed.recall, missed.aer) == (0.0, 1.0)


LINKS = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)))


@given(LINKS, LINKS)
def test_where_all_links_are_sure_aer_is_one_minus_the_f_measure(links, sure):
    score = AlignmentScore().plus(links, GoldLinks(frozenset(sure), frozenset(sure)))
    if links & sure:
        p, r = score.precision, score.recall
        assert score.aer == pytest.approx(1 - 2 * p * r / (p + r))


@given(LINKS, LINKS)
def test_aer_is_0_exactly_for_all_sure_and_only_possible_links(sure, others):
    gold = GoldLinks(frozenset(sure), frozenset(sure | others))
    if gold.possible:
        assert AlignmentScore().plus(gold.possible, gold).aer == pytest.approx(0)
    if sure:
        assert AlignmentScore().plus(sure, gold).aer == pytest.approx(0)
