"""Lines in parts, at the ends of sentences or where it hurts least, and put together again."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

# Where a line may be cut: after white space, and after the marks of Chinese and Japanese, which
# have none behind them. (No mark is repeated before something that must follow: the time is
# linear whatever the text.)
_BREAKS = re.compile("[。？！，；：、][。？！，；：、」』）”’]*\\s*|\\s+")
_CLOSING = "\"'”’»)]」』）"
_SENTENCE_ENDS = ".?!…。？！"
_CLAUSE_ENDS = _SENTENCE_ENDS + ",;:，；：、"
# Behind these words a point ends no sentence (in lower case, without it), nor behind an initial.
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st vs e.g i.e cf fig figs eq eqs sec p.ex z.b d.h bzw ca nr mme mlle".split()
)
_LAST_WORD = re.compile(r"(?:^|[\s(\[“\"'])([^\s(\[“\"']{1,5})\.$")
_BEST_ENDS = (_SENTENCE_ENDS, _CLAUSE_ENDS, None)  # None: any white space

# Scripts that are written without spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)


def split_sentences(text: str) -> list[str]:
    """Cut `text` at the ends of its sentences; put together they are `text`; one at least.

    A mark at the end of a word ends a sentence, but not in front of a small letter (in a text
    that has large ones), behind an initial or a known abbreviation, nor where no letter would be
    left, as behind the number of an item.
    """
    is_cased = any(map(str.isupper, text))
    units = [*_units(text, _SENTENCE_ENDS)]
    lettered = [n for n, unit in enumerate(units) if any(map(str.isalpha, unit))]
    ends = [n + 1 for n in lettered[:-1] if _ends_sentence(units[n], units[n + 1], is_cased)]
    return ["".join(units[a:b]) for a, b in pairwise([0, *ends, len(units)])]


def split_line(text: str, count: Callable[[str], int], limit: int) -> list[str]:
    """Cut `text` into parts of at most `limit` pieces; the parts put together are `text`.

    It is cut at ends of sentences where they are near enough to each other, else after commas
    and semicolons, else at spaces, else anywhere but before a combining mark. A part goes over
    the limit only where a single character does.

    Args:
        text: of any length.
        count: how many pieces a text has.
        limit: in pieces, at least 1.
    """
    return list(_split(text, count, limit, level=0))


def join_segments(parts: list[str]) -> str:
    """Put translated parts together: with a space, or none in scripts that do without."""
    text = ""
    for part in filter(None, (part.strip() for part in parts)):
        if text and not (_UNSPACED.match(text[-1]) or _UNSPACED.match(part[0])):
            text += " "
        text += part
    return text


def _split(text: str, count: Callable[[str], int], limit: int, level: int) -> Iterator[str]:
    if not text:
        return
    if count(text) <= limit:
        yield text
    elif level == len(_BEST_ENDS):
        yield from _cut_anywhere(text, count, limit)
    else:
        for part in _pack(_units(text, _BEST_ENDS[level]), count, limit):
            yield from _split(part, count, limit, level + 1)


def _units(text: str, ends: str | None) -> Iterator[str]:
    """Cut at every break that stands behind one of `ends`; the units together are the text."""
    start = 0
    for found in _BREAKS.finditer(text):
        before = text[max(0, found.start() - 3) : found.start()].rstrip(_CLOSING)
        mark = found[0][0] if not found[0][0].isspace() else before[-1:]
        if ends is None or (mark and mark in ends):
            yield text[start : found.end()]
            start = found.end()
    if start < len(text):
        yield text[start:]


def _ends_sentence(unit: str, following: str, is_cased: bool) -> bool:
    letter = next(filter(str.isalpha, reversed(unit)))
    if is_cased and following[0].islower() and letter.lower() != letter.upper():
        return False
    last = _LAST_WORD.search(unit.rstrip())
    if last is None:
        return True
    is_initial = len(last[1]) == 1 and last[1].isupper()
    return not is_initial and last[1].lower() not in _ABBREVIATIONS


def _pack(units: Iterable[str], count: Callable[[str], int], limit: int) -> Iterator[str]:
    """Put neighbouring units together while the sum of their pieces is within the limit."""
    part: list[str] = []
    total = 0
    for unit in units:
        pieces = count(unit)
        if part and total + pieces > limit:
            yield from _halve(part, count, limit)
            part, total = [], 0
        part.append(unit)
        total += pieces
    yield from _halve(part, count, limit)


def _halve(units: list[str], count: Callable[[str], int], limit: int) -> Iterator[str]:
    """Units as one text; as two where together they have more pieces than apart."""
    text = "".join(units)
    if len(units) == 1 or count(text) <= limit:
        yield text
    else:
        middle = len(units) // 2
        yield from _halve(units[:middle], count, limit)
        yield from _halve(units[middle:], count, limit)


def _cut_anywhere(text: str, count: Callable[[str], int], limit: int) -> Iterator[str]:
    """The longest beginning that is within the limit, again and again."""
    start = 0
    while start < len(text):
        end = _whole_character(text, start, _longest_fit(text, start, count, limit))
        yield text[start:end]
        start = end


def _longest_fit(text: str, start: int, count: Callable[[str], int], limit: int) -> int:
    """Where the longest part from `start` that is within the limit ends; one character at least."""

    def fits(end: int) -> bool:
        return count(text[start:end]) <= limit

    good, size = start + 1, limit
    while start + size <= len(text) and fits(start + size):
        good, size = max(good, start + size), 2 * size
    bad = min(start + size, len(text) + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        if fits(middle):
            good = middle
        else:
            bad = middle
    return good


def _whole_character(text: str, start: int, end: int) -> int:
    """The nearest place at or before `end` that does not part a character from its marks."""
    place = end
    while place < len(text) and _belongs_to_the_left(text[place]):
        place -= 1
    return place if place > start else end


def _belongs_to_the_left(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc", "Me") or character == "\u200d"
