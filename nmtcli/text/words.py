"""The words of a line, and which pieces make up each of them.

A word is what stands between spaces (U+0020), and nothing else parts words: that is what the
indices of alignments in Pharaoh's format count.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from nmtcli.text.lines import one_line
from nmtcli.text.sentences import join_segments
from nmtcli.text.spans import Span, TokenSpans
from nmtcli.text.subwords import normalise

_WORD = re.compile("[^ ]+")

WordRange = tuple[int, int]  # the words first, ..., last - 1


def split_words(text: str) -> list[str]:
    """The words of a line."""
    return _WORD.findall(text)


def words_of_tokens(text: str, spans: Sequence[Span]) -> list[WordRange]:
    """Which words of `text` each piece belongs to: the word, or words, whose characters it has.

    A piece with no character of a word, such as a space, belongs to the word after it, and at the
    end of the line to the last one. More than one word has a piece only where a subword model cuts
    no spaces: one of whole words takes neighbouring unknown words as one.

    Args:
        text: one line.
        spans: characters of each piece, ascending; see `nmtcli.text.spans`.

    Returns:
        for each piece (first word, last word + 1); (0, 0) where the text has no word.
    """
    found = [match.span() for match in _WORD.finditer(text)]
    begins, ends = [begin for begin, _ in found], [end for _, end in found]
    ranges = []
    for begin, end in spans:
        first = bisect_right(ends, begin)  # the first word that ends behind `begin`
        last = bisect_left(begins, end)  # the first word that begins at or behind `end`
        if first >= last:
            first = min(first, max(len(found) - 1, 0))
            last = min(first + 1, len(found))
        ranges.append((first, last))
    return ranges


def words_of_source_segments(
    texts: Sequence[str], placed: Sequence[TokenSpans]
) -> list[list[WordRange]]:
    """The words of a line that was cut into parts: for each part, the line's words of its pieces.

    Args:
        texts: the parts, which put together are the line.
        placed: the pieces of each part, by themselves.
    """
    texts = [normalise(text) for text in texts]
    spans, start = [], 0
    for text, pieces in zip(texts, placed):
        spans.append([Span(start + begin, start + end) for begin, end in pieces.spans])
        start += len(text)
    line = "".join(texts)
    return [words_of_tokens(line, of_part) for of_part in spans]


def words_of_target_segments(placed: Sequence[TokenSpans]) -> list[list[WordRange]]:
    """The same of a translation: `join_segments` of its parts, and a single part as it is.

    Args:
        placed: the decoded pieces of each part.
    """
    texts = [one_line(pieces.text) for pieces in placed]
    if len(texts) == 1:
        return [words_of_tokens(texts[0], placed[0].spans)]
    line, place, spans = join_segments(texts), 0, []
    for text, pieces in zip(texts, placed):
        kept = text.strip()
        if kept and line.startswith(" ", place):  # what joins; no part begins with a space
            place += 1
        shift, last = place - (len(text) - len(text.lstrip())), max(place, place + len(kept) - 1)
        of_part = []
        for begin, end in pieces.spans:
            begin = min(max(begin + shift, place), last)
            of_part.append(Span(begin, min(max(end + shift, begin), place + len(kept))))
        spans.append(of_part)
        place += len(kept)
    return [words_of_tokens(line, of_part) for of_part in spans]
