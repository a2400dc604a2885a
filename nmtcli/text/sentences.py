"""Split lines into sentences or shorter segments, and join the translated segments again."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

# A line may be cut after white space, and after Chinese and Japanese punctuation, which no space
# follows. (The pattern never backtracks over a run of marks, so its time is linear in any text.)
_BREAKS = re.compile("[。？！，；：、][。？！，；：、」』）”’]*\\s*|\\s+")
_CLOSING = "\"'”’»)]」』）"
_SENTENCE_ENDS = ".?!…。？！"
_CLAUSE_ENDS = _SENTENCE_ENDS + ",;:，；：、"
# A full stop after one of these (lower case, without the full stop) does not end a sentence.
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
    """Split `text` into its sentences; the result has at least one, and joined it equals `text`.

    A punctuation mark at the end of a word ends a sentence, except before a lower-case letter (if
    the text has upper-case ones), after an initial or a known abbreviation, and where a sentence
    would have no letters, as after the number of a list item.
    """
    is_cased = any(map(str.isupper, text))
    units = [*_units(text, _SENTENCE_ENDS)]
    lettered = [n for n, unit in enumerate(units) if any(map(str.isalpha, unit))]
    ends = [n + 1 for n in lettered[:-1] if _ends_sentence(units[n], units[n + 1], is_cased)]
    return ["".join(units[a:b]) for a, b in pairwise([0, *ends, len(units)])]


def split_line(text: str, count: Callable[[str], int], limit: int) -> list[str]:
    """Split `text` into segments of at most `limit` tokens; joined, the segments equal `text`.

    The text is cut at the ends of sentences where they are close enough to each other, else after
    commas and semicolons, else at spaces, else anywhere but before a combining mark. A segment
    exceeds the limit only if a single character does.

    Args:
        text: a text of any length.
        count: returns the number of tokens of a text.
        limit: the largest number of tokens of a segment, at least 1.
    """
    return list(_split(text, count, limit, level=0))


def join_segments(segments: list[str]) -> str:
    """Join translated segments with spaces, or without in scripts that use none between words."""
    text = ""
    for segment in filter(None, (segment.strip() for segment in segments)):
        if text and not (_UNSPACED.match(text[-1]) or _UNSPACED.match(segment[0])):
            text += " "
        text += segment
    return text


def _split(text: str, count: Callable[[str], int], limit: int, level: int) -> Iterator[str]:
    if not text:
        return
    if count(text) <= limit:
        yield text
    elif level == len(_BEST_ENDS):
        yield from _cut_anywhere(text, count, limit)
    else:
        for segment in _pack(_units(text, _BEST_ENDS[level]), count, limit):
            yield from _split(segment, count, limit, level + 1)


def _units(text: str, ends: str | None) -> Iterator[str]:
    """Cut at every break that follows one of the marks `ends`; joined, the units equal `text`."""
    start = 0
    for match in _BREAKS.finditer(text):
        before = text[max(0, match.start() - 3) : match.start()].rstrip(_CLOSING)
        mark = match[0][0] if not match[0][0].isspace() else before[-1:]
        if ends is None or (mark and mark in ends):
            yield text[start : match.end()]
            start = match.end()
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
    """Join neighbouring units while the sum of their tokens is within the limit."""
    packed: list[str] = []
    total = 0
    for unit in units:
        tokens = count(unit)
        if packed and total + tokens > limit:
            yield from _halve(packed, count, limit)
            packed, total = [], 0
        packed.append(unit)
        total += tokens
    yield from _halve(packed, count, limit)


def _halve(units: list[str], count: Callable[[str], int], limit: int) -> Iterator[str]:
    """Join the units, but halve them where the joined text has more tokens than the limit."""
    text = "".join(units)
    if len(units) == 1 or count(text) <= limit:
        yield text
    else:
        middle = len(units) // 2
        yield from _halve(units[:middle], count, limit)
        yield from _halve(units[middle:], count, limit)


def _cut_anywhere(text: str, count: Callable[[str], int], limit: int) -> Iterator[str]:
    """Cut off the longest beginning that is within the limit, again and again."""
    start = 0
    while start < len(text):
        end = _whole_character(text, start, _longest_fit(text, start, count, limit))
        yield text[start:end]
        start = end


def _longest_fit(text: str, start: int, count: Callable[[str], int], limit: int) -> int:
    """Return the end of the longest segment from `start` within the limit; it is never empty."""

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
    """Return the last position up to `end` that does not split a character from its marks."""
    position = end
    while start < position < len(text) and _is_combining(text[position]):
        position -= 1
    return position if position > start else end


def _is_combining(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or character == "\u200d"
