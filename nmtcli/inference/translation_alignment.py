"""Links between the words of a line and those of its translation, from the search's attention."""

from collections.abc import Sequence
from typing import NamedTuple

from nmtcli.alignment.links import AlignedPart, LinkRule, WordAlignment, align_words
from nmtcli.decoding.engine import Hypothesis
from nmtcli.text.subwords import Subwords
from nmtcli.text.words import (
    WordRange,
    split_words,
    words_of_source_parts,
    words_of_target_parts,
)


class LinePart(NamedTuple):
    """A stretch of a line that is translated by itself; the stretches together are the line.

    ids: its pieces, without EOS; none of a stretch that has nothing to translate.
    """

    text: str
    ids: list[int]


class SourceWords(NamedTuple):
    """The words of a line, and for each part that is translated which of them its pieces are."""

    words: list[str]
    of_pieces: list[list[WordRange]]


class TranslationAligner:
    """Aligns lines with what a search made of them; a line in parts is aligned as a whole.

    Args:
        source_subwords: cut the lines into pieces.
        target_subwords: made text of the pieces that were found.
        rule: how links are taken from the attention.
    """

    def __init__(self, source_subwords: Subwords, target_subwords: Subwords, rule: LinkRule):
        self.source_subwords = source_subwords
        self.target_subwords = target_subwords
        self.rule = rule

    def source_words(self, line: str, parts: Sequence[LinePart]) -> SourceWords:
        texts = [part.text for part in parts]
        of_pieces = words_of_source_parts(texts, self.source_subwords.place_batch(texts))
        return SourceWords(
            split_words(line), [words for words, part in zip(of_pieces, parts) if part.ids]
        )

    def align(
        self, source: SourceWords, text: str, hypotheses: Sequence[Hypothesis]
    ) -> WordAlignment:
        """The alignment of a line and one translation of it.

        Args:
            source: of `source_words`.
            text: the translation.
            hypotheses: what it was made of, one for each part that was translated.
        """
        placed = [self.target_subwords.place_decoded(h.ids) for h in hypotheses]
        of_target = words_of_target_parts(placed) if placed else []
        parts = [
            AlignedPart(hypothesis.attention, source_words, target_words)
            for hypothesis, source_words, target_words in zip(
                hypotheses, source.of_pieces, of_target
            )
        ]
        return align_words(source.words, split_words(text), parts, self.rule)
