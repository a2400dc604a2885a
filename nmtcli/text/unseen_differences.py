"""Find lines of two texts that differ in what cannot be seen, and would agree more without it."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from nmtcli.text.normalization import normalise

BYTE_ORDER_MARK = "\ufeff"


class UnseenDifferences(NamedTuple):
    """How many lines would agree more if both texts were normalised.

    lines: the number of these lines.
    first: the number of the first, from 1; 0 if there is none.
    kinds: what is in the way, such as `composed and decomposed characters`.
    """

    lines: int
    first: int
    kinds: list[str]


def unseen_differences(texts: Iterable[str], others: Iterable[str]) -> UnseenDifferences:
    """Compare two texts line by line, as they are and normalised."""
    count, first = 0, 0
    kinds: dict[str, None] = {}
    for number, (text, other) in enumerate(zip(texts, others), start=1):
        if text == other or (_is_plain(text) and _is_plain(other)):
            continue
        normal = normalise(text), normalise(other)
        if normal == (text, other):
            continue
        found = [kind for kind, differs in _KINDS.items() if differs(text, other)]
        if found and _agreement(*normal) > _agreement(text, other):
            count, first = count + 1, first or number
            kinds.update(dict.fromkeys(found))
    return UnseenDifferences(count, first, list(kinds))


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _agreement(text: str, other: str) -> int:
    """Return the number of pairs of neighbouring characters that both texts have."""
    sides = [Counter(zip(f" {side}", f"{side} ")) for side in (text, other)]
    return (sides[0] & sides[1]).total()


def _is_other_space(character: str) -> bool:
    return character != " " and normalise(f"a{character}a") == "a a"


def _is_ignored(character: str) -> bool:
    return character != BYTE_ORDER_MARK and normalise(f"a{character}a") == "aa"


def _spaces(text: str, other: str) -> bool:
    return list(filter(_is_other_space, text)) != list(filter(_is_other_space, other))


def _ignored(text: str, other: str) -> bool:
    return list(filter(_is_ignored, text)) != list(filter(_is_ignored, other))


def _marks(text: str, other: str) -> bool:
    return text.count(BYTE_ORDER_MARK) != other.count(BYTE_ORDER_MARK)


def _composition(text: str, other: str) -> bool:
    return unicodedata.is_normalized("NFC", text) != unicodedata.is_normalized("NFC", other)


_KINDS = {
    "composed and decomposed characters": _composition,
    "kinds of spaces": _spaces,
    "byte order marks": _marks,
    "characters that are ignored": _ignored,
}
