"""The result of translating a line: its candidates with scores, tokens, attention, alignment."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nmtcli.alignment.links import AlignedSegment, LinkRule, WordAlignment, align_words
from nmtcli.decoding.engine import Hypothesis, ScoringEngine, SearchEngine
from nmtcli.errors import UsageError
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import TaggedLine
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

    text: the text, one line.
    log_prob: the natural logarithm of its probability, summed over the segments.
    score: the score that ranks the candidates: the log-probability with the length penalty of the
        search (the length includes the end of each segment), or after reranking the mixture of
        `model_score` and `rescore`.
    tokens: the tokens; each segment ends with `</s>`.
    attentions: a (T, S) array for each segment, with a row for each of its tokens and a column for
        each source token, `</s>` included; empty if the model has no attention.
    alignment: the word alignment of the whole line, if it was asked for.
    model_score, rescore: the two scores that a reranker mixes, see `nmtcli.inference.reranker`;
        None without reranking.
    """

    text: str
    log_prob: float
    score: float
    tokens: list[str]
    attentions: list[np.ndarray]
    alignment: WordAlignment | None = None
    model_score: float | None = None
    rescore: float | None = None

    def __repr__(self) -> str:
        return f"Candidate({self.text!r}, score={self.score:.4g})"

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return _shown_in_notebook(self)


@dataclass(frozen=True)
class Translation:
    """The translations of one line, best first; an empty line has one empty translation.

    Sampled translations are in the order in which they were drawn. `text`, `score`, `log_prob`,
    `tokens`, `attention` and `alignment` are those of the best one. In a notebook it shows itself
    as a heat map of its word alignment.

    nbest: the candidates.
    source_tokens: the tokens of the line; each segment ends with `</s>`.

    Example:
        >>> (result,) = translator.translate(["어제 비가 왔어요."])
        >>> result.text, result.tokens
        ('It rained yesterday.', ['▁It', '▁rained', '▁yesterday', '.', '</s>'])
        >>> result.attention.shape == (len(result.tokens), len(result.source_tokens))
        True
    """

    nbest: list[Candidate]
    source_tokens: list[str]

    def __repr__(self) -> str:
        more = f", nbest={len(self.nbest)}" if len(self.nbest) > 1 else ""
        return f"Translation({self.text!r}, score={self.score:.4g}{more})"

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return _shown_in_notebook(self.nbest[0])

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
        """(T, S) of the best candidate; None without attention or with several segments."""
        attentions = self.nbest[0].attentions
        return attentions[0] if len(attentions) == 1 else None

    @property
    def alignment(self) -> WordAlignment | None:
        """The word alignment of the best candidate, if it was asked for."""
        return self.nbest[0].alignment

    def to_json(self) -> str:
        """Return the translation as one JSON object on one line."""
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


def _shown_in_notebook(candidate: Candidate) -> str:
    """Return HTML: the heat map of a translation, or its text if it is not aligned."""
    alignment = candidate.alignment
    if alignment is None or not alignment.weights.size:
        return f"<p>{html.escape(candidate.text)}</p>"
    from nmtcli.plots.heatmap import Heatmap, heatmap_svg

    words = alignment.source_words, alignment.target_words
    return heatmap_svg(Heatmap(alignment.weights, *words))


def check_attention(engine: SearchEngine | ScoringEngine, run: object = "this run") -> None:
    """Check that an engine returns attention, which alignments need.

    Args:
        engine: the engine of the run.
        run: the name of the run in messages.

    Raises:
        UsageError: the engine returns no attention, or the model has none.
    """
    if not engine.has_attention:
        raise UsageError(
            f"{run}: the model encodes the source as one vector, without attention, so it cannot"
            " align; use a run trained with attention, for example bahdanau"
        )


class Segment(NamedTuple):
    """A stretch of a line that is translated by itself; joined, they are the line without its tag.

    ids: the token ids, with the tag and without EOS; empty if there is nothing to translate.
    """

    text: str
    ids: list[int]


class SourceWords(NamedTuple):
    """The words of a line, and for each translated segment the words of its tokens."""

    words: list[str]
    token_words: list[list[WordRange]]


@dataclass(frozen=True)
class TranslationAligner:
    """Aligns lines with their translations; a line in several segments is aligned as a whole.

    Args:
        source_subwords: the subword model of the source.
        target_subwords: the subword model of the target.
        rule: how links are taken from the attention.
    """

    source_subwords: Subwords
    target_subwords: Subwords
    rule: LinkRule

    def source_words(self, line: TaggedLine, segments: Sequence[Segment]) -> SourceWords:
        """Return the words of a line, which `align` needs for each of its translations."""
        texts = [f"{line.tag} {segment.text}" if line.tag else segment.text for segment in segments]
        tokens = self.source_subwords.encode_batch_with_spans(texts)
        all_words = zip(words_of_source_segments(tokens, line.tag, line.is_own), segments)
        token_words = [words for words, segment in all_words if segment.ids]
        return SourceWords(split_words(line.shown), token_words)

    def align(
        self, source: SourceWords, text: str, hypotheses: Sequence[Hypothesis]
    ) -> WordAlignment:
        """Return the alignment of a line and one of its translations.

        Args:
            source: the words of the line, from `source_words`.
            text: the translation.
            hypotheses: the hypothesis of each translated segment.
        """
        tokens = [self.target_subwords.decode_with_spans(h.ids) for h in hypotheses]
        target_token_words = words_of_target_segments(tokens) if tokens else []
        attentions = [h.attention for h in hypotheses]
        parts = zip(attentions, source.token_words, target_token_words)
        segments = [AlignedSegment(*of_segment) for of_segment in parts]
        return align_words(source.words, split_words(text), segments, self.rule)
