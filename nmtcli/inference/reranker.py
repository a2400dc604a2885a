"""Reranking: the n-best list of each line in the order that another model would have it, too.

    score = (1 - w) * model_score + w * rescore

Both are log-probabilities with the length penalty of the search. The other model scores the text of
a whole line, so it may have other pieces; it may also translate the other way round, and then says
how well the source follows from the translation: a noisy channel (Brown et al. (1993), equation 2;
Yee et al. (2019), arXiv:1908.05731, section 2), here without a language model.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from nmtcli.decoding.scoring import normalised
from nmtcli.inference.results import Candidate, Translation


class Reranker:
    """A `nmtcli.inference.translator.Translator` whose n-best lists are put into another order.

    The whole beam is rescored, however many of it are wanted; of samples, as many as are wanted.

    Args:
        translator: finds the candidates.
        scorer: `nmtcli.inference.scorer.Scorer` of the other model.
        reverse: the other model translates the other way round.
    """

    def __init__(self, translator, scorer, reverse: bool = False):
        self.search, self.engine = translator.search, translator.engine
        self.translator = translator
        if not self.search.sample:
            self.translator = translator.with_nbest(self.search.beam)
        self.scorer = scorer
        self.reverse = reverse

    def translate_lines(
        self,
        lines: Iterable[str],
        prefixes: Iterable[str] | None = None,
        pauses: Callable[[], bool] = lambda: False,
    ) -> Iterator[Translation]:
        """As of `inference.translator.Translator`, best mixture first; equal ones stay in order."""
        read: list[str] = []  # lines whose translations have not been given yet
        window: list[Translation] = []

        def noted() -> Iterator[str]:
            for line in lines:
                read.append(line)
                yield line

        for translation in self.translator.translate_lines(noted(), prefixes, pauses):
            window.append(translation)
            if len(window) == len(read):  # the translator has no more until it reads on
                yield from self._rerank(read, window)
                read.clear()
                window = []

    def _rerank(self, lines: list[str], window: list[Translation]) -> Iterator[Translation]:
        pairs = [
            (line, candidate.text)
            for line, translation in zip(lines, window)
            if translation.source_tokens
            for candidate in translation.nbest
        ]
        if self.reverse:
            pairs = [(text, line) for line, text in pairs]
        scores = self.scorer.score_lines([s for s, _ in pairs], [t for _, t in pairs])
        for translation in window:
            nbest = [self._rescored(c, translation, scores) for c in translation.nbest]
            nbest.sort(key=lambda candidate: -candidate.score)
            yield replace(translation, nbest=nbest[: self.search.nbest])

    def _rescored(self, candidate: Candidate, translation: Translation, scores) -> Candidate:
        """A candidate with its new score; an empty line has only one, and asks no model."""
        if not translation.source_tokens:
            return replace(candidate, model_score=candidate.score, rescore=candidate.score)
        search, found = self.search, next(scores)
        rescore = normalised(
            found.log_prob, found.pieces, search.length_penalty, search.length_penalty_kind
        )
        weight = search.rerank_weight
        score = (1 - weight) * candidate.score + weight * rescore
        return replace(candidate, score=score, model_score=candidate.score, rescore=rescore)
