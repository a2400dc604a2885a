"""The rule by which text is made uniform: what becomes a space, what goes, what stays."""

import sys
import unicodedata
from itertools import product

import pytest
import regex

from nmtcli.text import normalization
from nmtcli.text.normalization import NFC, RULES, normalise

CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u3164\uffa0"
GONE = (
    "\0\x07\x1c\x1f\x7f\x80\xad\u034f\u061c\u17b4\u180e\u200b\u200e\u200f\u202a\u2060\u2066\ufeff"
)
GONE += "\ufff0\U0001d173\U000e0001"
KEPT = "\u200c\u200d\u115f\u1160\u180b\u180f\ufe0e\ufe0f\U000e0067\U000e007f\U000e0100"
VISIBLE = "가A1.\u0301\ufff9\u0600\u2800\u2581\ufffd😀"  # some are of category Cf, and yet are seen


def members(ranges):
    return {chr(code) for first, last in ranges for code in range(first, last + 1)}


@pytest.mark.parametrize(
    ("ranges", "property"),
    [
        (normalization.WHITE_SPACE, "White_Space"),
        (normalization.DEFAULT_IGNORABLE, "Default_Ignorable_Code_Point"),
        (normalization.CONTROLS, "Cc"),
    ],
)
def test_the_ranges_are_those_of_unicode(ranges, property):
    pattern = regex.compile(rf"\p{{{property}}}")
    assert members(ranges) == {character for character in CHARACTERS if pattern.match(character)}


@pytest.mark.parametrize("character", SPACES)
def test_what_looks_like_space_becomes_one(character):
    assert normalise(f"a{character}b") == "a b"


@pytest.mark.parametrize("character", GONE)
def test_what_looks_like_nothing_goes(character):
    assert normalise(f"{character}a{character}b{character}") == "ab"


@pytest.mark.parametrize("character", [*KEPT, *VISIBLE])
def test_what_carries_meaning_stays(character):
    assert normalise(f"b{character}가") == unicodedata.normalize("NFC", f"b{character}가")


def test_only_these_characters_are_changed():
    changed = {
        c for c in CHARACTERS if normalise(f"b{c}가") != unicodedata.normalize("NFC", f"b{c}가")
    }
    becomes_space, goes = members(normalization.BECOME_SPACE), members(normalization.GO)
    assert changed == becomes_space | goes
    assert not goes & becomes_space
    seen = goes & set(VISIBLE + KEPT)
    assert not seen


@pytest.mark.parametrize(
    "text", ["", "  ", *SPACES, *GONE, *KEPT, "\u200b \ufeff", "\u115f\u1160 \u200d"]
)
def test_a_text_in_which_nothing_can_be_seen_is_empty(text):
    assert normalise(text) == ""


def test_decomposed_text_is_composed_where_an_ignored_character_was_between():
    assert normalise("\u1112\u200b\u1161\u11ab") == "한"
    assert normalise("e\u034f\u0301") == "é"


@pytest.mark.parametrize("rule", RULES)
def test_doing_it_twice_changes_nothing_more(rule):
    parts = [*SPACES[::4], *GONE[::4], *KEPT[::3], "e", "\u0301", "\u0323", "\u1112", "\u1161"]
    texts = ["".join(chosen) for chosen in product(parts, repeat=3)]
    texts += [f"a{character}\u0301" for character in CHARACTERS[::7]]
    for text in texts:
        once = normalise(text, rule)
        assert normalise(once, rule) == once
        assert unicodedata.is_normalized("NFC", once)


def test_the_older_rule_composes_and_does_nothing_else():
    for text in (*SPACES, *GONE, *KEPT, "", " \u200b "):
        assert normalise(f"e\u0301{text}", NFC) == unicodedata.normalize("NFC", f"e\u0301{text}")
