"""The words of a line, and the words to which its tokens belong.

Words are separated by spaces (U+0020) and by nothing else, as in the Pharaoh format of alignments.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from nmtcli.text.lines import one_line
from nmtcli.text.sentences import join_segments
from nmtcli.text.spans import Span, TokenSpans

_WORD = re.compile("[^ ]+")

WordRange = tuple[int, int]  # (first, end): the words first, ..., end - 1


def split_words(text: str) -> list[str]:
    """Split a line into words."""
    return _WORD.findall(text)


def words_of_tokens(text: str, spans: Sequence[Span]) -> list[WordRange]:
    """Find the words of `text` to which each token belongs, by the characters of its span.

    A token without a character of a word, such as a space, belongs to the next word, or to the last
    one at the end of the line. A token belongs to several words only if the subword model does not
    split at spaces: a model of whole words joins neighbouring unknown words into one token.

    Args:
        text: one line.
        spans: the span of each token, in ascending order; see `nmtcli.text.spans`.

    Returns:
        for each token (first word, last word + 1); (0, 0) if the text has no words.
    """
    words = [match.span() for match in _WORD.finditer(text)]
    begins, ends = [begin for begin, _ in words], [end for _, end in words]
    ranges = []
    for begin, end in spans:
        first = bisect_right(ends, begin)  # the first word that ends after `begin`
        last = bisect_left(begins, end)  # the first word that begins at or after `end`
        if first >= last:
            first = min(first, max(len(words) - 1, 0))
            last = min(first + 1, len(words))
        ranges.append((first, last))
    return ranges


def words_of_source_segments(
    tokens: Sequence[TokenSpans], tag: str = "", is_own: bool = True
) -> list[list[WordRange]]:
    """Find the words of a split source line to which the tokens of each segment belong.

    Args:
        tokens: the tokens of each segment; joined without their tags, their texts are the line.
        tag: the tag with which each segment begins; empty for none.
        is_own: whether the line begins with the tag too, as its first word. Otherwise the tokens of
            the tag belong to no word.

    Returns:
        for each segment, the words of the line for each of its tokens, see `words_of_tokens`.
    """
    before = len(tag) + 1 if tag else 0  # with the space after it
    line, found = tokens[0].text[:before] if tokens and is_own else "", []
    starts = []
    for segment in tokens:
        starts.append(len(line) - before)
        line += segment.text[before:]
    of_tag = (0, 1 if is_own else 0)
    for start, segment in zip(starts, tokens):
        of_text = [Span(max(a, before) + start, b + start) for a, b in segment.spans if b >= before]
        words = words_of_tokens(line, of_text)
        found.append([of_tag] * (len(segment.spans) - len(words)) + words)
    return found


def words_of_target_segments(tokens: Sequence[TokenSpans]) -> list[list[WordRange]]:
    """Find the words of a translation to which the tokens of each segment belong.

    The words are those of a single segment as it is, or of several after `join_segments`.

    Args:
        tokens: the decoded tokens of each segment, with spans in that segment.

    Returns:
        for each segment, the words of the translation for each of its tokens.
    """
    texts = [one_line(segment.text) for segment in tokens]
    if len(texts) == 1:
        return [words_of_tokens(texts[0], tokens[0].spans)]
    line, start, spans = join_segments(texts), 0, []
    for text, segment in zip(texts, tokens):
        kept = text.strip()
        if kept and line.startswith(" ", start):  # the joining space; no segment begins with one
            start += 1
        shift, last = start - (len(text) - len(text.lstrip())), max(start, start + len(kept) - 1)
        segment_spans = []
        for begin, end in segment.spans:
            begin = min(max(begin + shift, start), last)
            segment_spans.append(Span(begin, min(max(end + shift, begin), start + len(kept))))
        spans.append(segment_spans)
        start += len(kept)
    return [words_of_tokens(line, segment_spans) for segment_spans in spans]
