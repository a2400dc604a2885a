"""What a line's translation is made of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nmtcli.alignment.links import AlignedSegment, LinkRule, WordAlignment, align_words
from nmtcli.decoding.engine import Hypothesis
from nmtcli.errors import UsageError
from nmtcli.text.subwords import Subwords
from nmtcli.text.words import (
    WordRange,
    split_words,
    words_of_source_segments,
    words_of_target_segments,
)

END_TOKEN = "</s>"


@dataclass(frozen=True)
class Candidate:
    """One translation of a line.

    text: one line.
    log_prob: natural logarithm of its probability; of a line in parts, the sum over the parts.
    score: what the candidates are ranked by: the log-probability over the length, as the options
        of the search say, the length counted with each part's end; after reranking the mixture of
        this one, then `model_score`, and `rescore`.
    tokens: pieces; each part ends with `</s>`.
    attentions: a (T, S) array for each part, its rows and columns are the part's tokens and
        source tokens, ends included; empty where the model has no attention.
    alignment: of the whole line's words, where it was asked for.
    model_score, rescore: where another model reranked, as of `nmtcli.inference.reranker`.
    """

    text: str
    log_prob: float
    score: float
    tokens: list[str]
    attentions: list[np.ndarray]
    alignment: WordAlignment | None = None
    model_score: float | None = None
    rescore: float | None = None


@dataclass(frozen=True)
class Translation:
    """The translations of one line, best first; an empty line has an empty one.

    Where they were drawn by chance they stand in the order of the draw.

    source_tokens: pieces of the line; each part ends with `</s>`.
    """

    nbest: list[Candidate]
    source_tokens: list[str]

    @property
    def text(self) -> str:
        return self.nbest[0].text

    @property
    def score(self) -> float:
        return self.nbest[0].score

    @property
    def log_prob(self) -> float:
        return self.nbest[0].log_prob

    @property
    def tokens(self) -> list[str]:
        return self.nbest[0].tokens

    @property
    def attention(self) -> np.ndarray | None:
        """(T, S) of the best; None without attention, and for a line translated in parts."""
        attentions = self.nbest[0].attentions
        return attentions[0] if len(attentions) == 1 else None

    def to_json(self) -> str:
        """One JSON object on one line."""
        attention = self.attention
        if attention is not None:
            attention = np.round(attention.astype(np.float64), 4).tolist()
        best = {**_summary(self.nbest[0]), "source_tokens": self.source_tokens}
        if self.nbest[0].alignment is not None:
            best["source_words"] = self.nbest[0].alignment.source_words
        others = [_summary(candidate) for candidate in self.nbest]
        return json.dumps({**best, "attention": attention, "nbest": others}, ensure_ascii=False)


EMPTY = Translation([Candidate("", 0.0, 0.0, [], [])], [])


def _summary(candidate: Candidate) -> dict:
    values = {
        "translation": candidate.text,
        "score": candidate.score,
        "log_prob": candidate.log_prob,
        "tokens": candidate.tokens,
    }
    if candidate.rescore is not None:
        values["model_score"], values["rescore"] = candidate.model_score, candidate.rescore
    if candidate.alignment is not None:
        values["words"] = candidate.alignment.target_words
        values["alignment"] = [list(link) for link in candidate.alignment.links]
    return values


def check_attention(engine, run="this run") -> None:
    """
    Args:
        engine: of the run.
        run: what to call it.

    Raises:
        UsageError: the engine has no attention to show, so there is nothing to align by.
    """
    if not engine.has_attention:
        raise UsageError(
            f"{run}: the model puts the whole source into one vector, without attention, so there"
            " is nothing to align; use a run trained with --attention bahdanau or another"
        )


class Segment(NamedTuple):
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

    def source_words(self, line: str, parts: Sequence[Segment]) -> SourceWords:
        texts = [part.text for part in parts]
        of_pieces = words_of_source_segments(
            texts, self.source_subwords.encode_batch_with_spans(texts)
        )
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
        placed = [self.target_subwords.decode_with_spans(h.ids) for h in hypotheses]
        of_target = words_of_target_segments(placed) if placed else []
        parts = [
            AlignedSegment(hypothesis.attention, source_words, target_words)
            for hypothesis, source_words, target_words in zip(
                hypotheses, source.of_pieces, of_target
            )
        ]
        return align_words(source.words, split_words(text), parts, self.rule)
