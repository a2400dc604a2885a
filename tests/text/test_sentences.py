"""Cutting over-long lines: nothing is lost, and the cuts are where a reader would make them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmtcli.text.sentences import join_segments, split_line, split_sentences


def words(text):
    return len(text.split())


def characters(text):
    return len("".join(text.split()))


def test_a_line_within_the_limit_stays_whole():
    assert split_line("One. Two. Three.", words, 3) == ["One. Two. Three."]
    assert split_line("", words, 3) == []


def test_cuts_are_made_at_the_ends_of_sentences_first():
    text = "One two, three. Four five? Six seven eight! Nine… ten."
    assert split_line(text, words, 5) == [
        "One two, three. Four five? ",
        "Six seven eight! Nine… ten.",
    ]


def test_a_point_inside_a_number_or_a_name_is_no_end():
    assert split_line("It is 3.14 of example.org or so. And more.", words, 7) == [
        "It is 3.14 of example.org or so. ",
        "And more.",
    ]


def test_closing_quotes_stay_with_their_sentence():
    assert split_line("“Go now.” He went.", words, 2) == ["“Go now.” ", "He went."]


def test_a_long_sentence_is_cut_at_commas_and_then_at_spaces():
    assert split_line("a b, c d e; f g h i j", words, 3) == ["a b, ", "c d e; ", "f g h ", "i j"]


@pytest.mark.parametrize("end", "。？！")
def test_sentences_without_spaces_are_cut_after_their_full_stops(end):
    text = f"日本語の文{end}次の文{end}最後"
    assert split_line(text, characters, 8) == [f"日本語の文{end}", f"次の文{end}最後"]


def test_units_that_have_more_pieces_together_than_apart_are_still_cut_between():
    def count(text):
        return len(text.strip())  # the spaces between words count, those at the ends do not

    assert split_line("ab. " * 4, count, 12) == ["ab. ab. ", "ab. ab. "]


def test_a_word_over_the_limit_is_cut_anywhere():
    assert split_line("abcdefgh ij", characters, 3) == ["abc", "def", "gh ", "ij"]


def test_a_combining_mark_stays_with_its_letter():
    parts = split_line("e\u0301" * 9, len, 5)
    assert "".join(parts) == "e\u0301" * 9
    assert all(part.startswith("e") and len(part) <= 5 for part in parts)


def test_marks_without_a_letter_are_cut_too():
    assert split_line("\u0301" * 5, len, 2) == ["\u0301\u0301", "\u0301\u0301", "\u0301"]


@pytest.mark.parametrize(
    "sentences",
    [
        ["One line."],
        ["It is 3.14 of example.org. ", "Is it? ", "Yes!"],
        ["See Fig. 3 by J. Smith, e.g. Dr. Kim's. ", "“Go.” ", "He went… ", "Then?!"],
        ["1. First do this. ", "2. Then that. (5)"],
        ["The method .append() is one. ", "It adds etc. and more."],
        ["모듈입니다. ", "numpy는 빠릅니다. ", "그렇죠? ", "네."],
        ["文です。", "次の文！？", "最後"],
        ["a man walks . ", "a dog runs ."],  # lower-cased
        ["… ?! ."],
        ["   "],
    ],
)
def test_sentences_are_told_apart(sentences):
    assert split_sentences("".join(sentences)) == sentences


@given(st.text(alphabet="aA. ?。다3\t", max_size=40))
def test_sentences_put_together_are_the_text(text):
    sentences = split_sentences(text)
    assert "".join(sentences) == text and (all(sentences) or sentences == [""])


def test_sentences_of_a_huge_line_are_found_in_linear_time():
    assert len(split_sentences("Ab c. " * 100_000)) == 100_000
    assert len(split_sentences("A. " * 100_000 + "B.")) == 1


def test_a_character_of_many_pieces_is_a_part_of_its_own():
    assert split_line("ﷺﷺx", lambda text: sum(18 if c == "ﷺ" else 1 for c in text), 5) == [
        "ﷺ",
        "ﷺ",
        "x",
    ]


def test_huge_lines_are_cut_in_linear_time():
    for text in (
        "a" * 300_000,
        "ab " * 100_000,
        "Ab, c. " * 40_000,
        "..." * 100_000,
        "." * 100_000 + "x",
    ):
        read = 0

        def count(part):
            nonlocal read
            read += len(part)
            return characters(part)

        parts = split_line(text, count, 200)
        assert "".join(parts) == text
        assert max(map(characters, parts)) <= 200
        assert read < 40 * len(text)


def test_the_join_is_a_space_but_for_scripts_without_spaces():
    assert join_segments(["One. ", " Two.", "", "Three."]) == "One. Two. Three."
    assert join_segments(["日本語。", "次の文。"]) == "日本語。次の文。"
    assert join_segments(["한국어 문장.", "다음 문장."]) == "한국어 문장. 다음 문장."
    assert join_segments([]) == ""


TEXTS = st.text(
    st.one_of(
        st.sampled_from(list(" .,;?!。、…\t\u0085\u2028\v\f\r\u0301\u200dabcé漢")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=80,
)


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(1, 12), st.sampled_from([len, characters, words]))
def test_nothing_is_dropped_and_the_limit_holds(text, limit, count):
    parts = split_line(text, count, limit)
    assert "".join(parts) == text
    assert all(count(part) <= limit or len(part) == 1 for part in parts)
    assert "" not in parts
