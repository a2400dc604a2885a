"""Conversion of word alignments to token alignments and back.

Letters: S source tokens, T target tokens. A link is (source, target), counted from 0.
"""

from collections.abc import Sequence

from nmtcli.text.words import WordRange

Links = list[tuple[int, int]]


def token_links(words: Links, source: Sequence[WordRange], target: Sequence[WordRange]) -> Links:
    """Link every token of a word with every token of the words that it is linked with.

    Args:
        words: links between words.
        source: (S,), the words of each source token, see `words_of_tokens`.
        target: (T,), the words of each target token.

    Returns:
        the links between tokens, sorted.
    """
    sources, targets = _tokens_of_words(source), _tokens_of_words(target)
    linked = {(s, t) for i, j in words for s in sources.get(i, ()) for t in targets.get(j, ())}
    return sorted(linked)


def word_links(tokens: Links, source: Sequence[WordRange], target: Sequence[WordRange]) -> Links:
    """Link two words if any of their tokens are linked.

    Args:
        tokens: links between tokens.
        source: (S,), the words of each source token.
        target: (T,), the words of each target token.

    Returns:
        the links between words, sorted.
    """
    linked = {(i, j) for s, t in tokens for i in range(*source[s]) for j in range(*target[t])}
    return sorted(linked)


def _tokens_of_words(words: Sequence[WordRange]) -> dict[int, list[int]]:
    tokens: dict[int, list[int]] = {}
    for token, (first, end) in enumerate(words):
        for word in range(first, end):
            tokens.setdefault(word, []).append(token)
    return tokens
