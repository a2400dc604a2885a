"""Words of a line and their pieces, for every kind of subword model and for odd characters."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.subword_cases import _corpus, _learn
from nmtcli.config import SubwordConfig
from nmtcli.data.learn_subwords import learn
from nmtcli.text.lines import one_line
from nmtcli.text.normalization import normalise
from nmtcli.text.sentences import join_segments
from nmtcli.text.spans import Span, TokenSpans
from nmtcli.text.subwords import UNK_ID, Subwords
from nmtcli.text.words import (
    split_words,
    words_of_source_segments,
    words_of_target_segments,
    words_of_tokens,
)

KINDS = ("unigram", "bpe", "char", "word", "bytes")
CHARACTERS = st.one_of(
    st.sampled_from("  ab가나é漢\t\u3000\u2581\u2581\u00a0e\u0301\u1100\u1161😀\u200d\u2028\x0b"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"),
)
TEXT = st.text(CHARACTERS, max_size=20)


@pytest.fixture(scope="module")
def models():
    found = {kind: Subwords(_learn(kind)) for kind in KINDS if kind != "bytes"}
    options = SubwordConfig(vocabulary_size=400, byte_fallback=True)
    return {**found, "bytes": Subwords(learn(_corpus(), options))}


def surfaces(placed):
    """The characters of each word that its pieces have, by the word's number."""
    found = {}
    for (first, last), (begin, end) in zip(
        words_of_tokens(placed.text, placed.spans), placed.spans
    ):
        for word, text in zip(range(first, last), split_words(placed.text[begin:end])):
            found[word] = found.get(word, "") + text
    return found


def test_only_a_space_parts_words():
    assert split_words("  a\tb\u3000c  d\u00a0e ") == ["a\tb\u3000c", "d\u00a0e"]
    assert split_words("") == split_words("   ") == []


def test_the_places_of_pieces_are_sentencepiece_s_own(models):
    placed = models["unigram"].encode_batch_with_spans(["국국 ab"])[0]
    pieces = models["unigram"].tokens(placed.ids)
    assert "".join(pieces) == "▁국국▁ab"
    assert "".join(placed.text[begin:end] for begin, end in placed.spans) == "국국 ab"
    assert [end - begin for begin, end in placed.spans][1:] == [len(p) for p in pieces][1:]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(TEXT)
@example("a▁b ▁ c")
@example("　나　 ab ")
@example("가\t나  😀é")
def test_the_pieces_of_a_word_are_its_characters(models, kind, text):
    placed = models[kind].encode_batch_with_spans([text])[0]
    assert placed.ids == models[kind].encode(text)
    assert placed.text == normalise(text)
    found = surfaces(placed)
    for number, word in enumerate(split_words(placed.text)):
        if "\u2581" not in word:
            assert found[number] == word
        elif word.strip("\u2581"):  # at the ends of a line SentencePiece drops it like a space
            assert found[number].strip("\u2581") == word.strip("\u2581")


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(TEXT)
def test_every_piece_has_a_word_and_they_ascend(models, kind, text):
    placed = models[kind].encode_batch_with_spans([text])[0]
    words, count = words_of_tokens(placed.text, placed.spans), len(split_words(placed.text))
    assert all(0 <= first < last <= count for first, last in words)
    assert words == sorted(words)
    if kind != "word":  # where neighbouring unknown words are one piece
        assert all(last == first + 1 for first, last in words)


def test_a_space_belongs_to_the_word_after_it_and_at_the_end_to_the_last():
    spans = [Span(0, 0), Span(0, 1), Span(1, 3), Span(3, 4), Span(4, 5)]
    assert words_of_tokens("a  b ", spans) == [(0, 1), (0, 1), (1, 2), (1, 2), (1, 2)]
    assert words_of_tokens("  ", [Span(0, 2)]) == [(0, 0)]
    assert words_of_tokens("a b c", [Span(0, 3), Span(3, 5)]) == [(0, 2), (2, 3)]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(data=st.data())
def test_decoded_pieces_are_placed_where_decoding_puts_them(models, kind, data):
    model = models[kind]
    ids = data.draw(st.lists(st.integers(UNK_ID, model.size - 1).filter(lambda i: i not in (2, 3))))
    placed = model.decode_with_spans(ids)
    assert placed.text == model.decode(ids)
    assert placed.ids == ids
    assert surfaces(placed) == dict(enumerate(split_words(placed.text)))


@settings(deadline=None)
@given(TEXT, st.lists(st.integers(0, 20), max_size=4))
@pytest.mark.parametrize("kind", ["char", "bytes"])
def test_words_cut_in_parts_are_the_words_of_the_line(models, kind, text, cuts):
    text = normalise(text)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text[start:end] for start, end in pairwise(places)]
    placed = models[kind].encode_batch_with_spans(parts)
    found = words_of_source_segments(placed)
    line = "".join(map(normalise, parts))
    start, owner = 0, []  # of each character, the word
    for place, character in enumerate(line):
        starts = character != " " and (place == 0 or line[place - 1] == " ")
        start += starts
        owner.append(start - 1)
    offset = 0
    for pieces, words in zip(placed, found):
        for (begin, end), (first, last) in zip(pieces.spans, words):
            letters = [p for p in range(offset + begin, offset + end) if line[p] != " "]
            assert all(first <= owner[p] < last for p in letters)
        offset += len(pieces.text)


@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize("kind", ["unigram", "bytes"])
def test_the_tokens_of_a_tag_belong_to_its_word_or_to_none(models, kind, is_own):
    texts, tag = ["가나 ab", "a 나"], "<t>"
    model, line = models[kind], "<t> 가나 aba 나" if is_own else "가나 aba 나"
    tagged = model.encode_batch_with_spans([f"{tag} {text}" for text in texts])
    found = words_of_source_segments(tagged, tag, is_own)
    plain = words_of_source_segments(model.encode_batch_with_spans(texts))
    for words, others in zip(found, plain):
        of_tag, of_text = words[: -len(others)], words[-len(others) :]
        assert of_tag and set(of_tag) == {(0, 1) if is_own else (0, 0)}
        assert of_text == [(first + is_own, last + is_own) for first, last in others]
    assert found[-1][-1][1] == len(split_words(line))


@settings(deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kind", ["unigram", "char", "bytes"])
def test_translations_in_parts_are_words_of_the_whole(models, kind, data):
    model = models[kind]
    ids = st.lists(st.integers(4, model.size - 1), max_size=6)
    placed = [model.decode_with_spans(part) for part in data.draw(st.lists(ids, min_size=1))]
    texts = [one_line(pieces.text) for pieces in placed]
    line = texts[0] if len(texts) == 1 else join_segments(texts)
    found = dict.fromkeys(range(len(split_words(line))), "")
    for pieces, text, words in zip(placed, texts, words_of_target_segments(placed)):
        for (begin, end), (first, last) in zip(pieces.spans, words):
            assert words == sorted(words)
            assert last - first == (1 if found else 0)
            if found:
                found[first] += "".join(text[begin:end].split())
    assert list(found.values()) == ["".join(word.split()) for word in split_words(line)]


def test_a_line_break_in_a_decoded_piece_parts_words_as_the_printed_space_does():
    placed = TokenSpans("a\nb", [4, 5], [Span(0, 2), Span(2, 3)])
    assert words_of_target_segments([placed]) == [[(0, 1), (1, 2)]]
