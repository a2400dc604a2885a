"""Links between words become links between their pieces, and back.

Letters: S source pieces, T target pieces. A link is (source, target), from 0.
"""

from collections.abc import Iterable, Sequence

from nmtcli.text.words import WordRange

Links = list[tuple[int, int]]


def token_links(
    words: Iterable[tuple[int, int]], source: Sequence[WordRange], target: Sequence[WordRange]
) -> Links:
    """Sorted links of pieces: each piece of a word with each piece of a word it is linked with.

    Args:
        words: links of words.
        source: the words of each source piece, see `words_of_tokens`; (S,).
        target: the same of the target; (T,).
    """
    of_source, of_target = _pieces_of_words(source), _pieces_of_words(target)
    linked = {(s, t) for i, j in words for s in of_source.get(i, ()) for t in of_target.get(j, ())}
    return sorted(linked)


def word_links(
    pieces: Iterable[tuple[int, int]], source: Sequence[WordRange], target: Sequence[WordRange]
) -> Links:
    """Sorted links of words: those of which any pieces are linked. Arguments as above."""
    linked = {(i, j) for s, t in pieces for i in range(*source[s]) for j in range(*target[t])}
    return sorted(linked)


def _pieces_of_words(words: Sequence[WordRange]) -> dict[int, list[int]]:
    pieces: dict[int, list[int]] = {}
    for piece, (first, end) in enumerate(words):
        for word in range(first, end):
            pieces.setdefault(word, []).append(piece)
    return pieces
