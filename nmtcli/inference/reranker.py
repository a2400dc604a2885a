"""Reranking: sort each n-best list by a mixture of the model's score and another model's score.

    score = (1 - w) * model_score + w * rescore

Both are log-probabilities with the length penalty of the search. The other model scores the text of
a whole line, so it may have other subwords. It may also translate in the opposite direction and
score the source given the translation: a noisy channel (Brown et al. (1993), equation 2; Yee et al.
(2019), arXiv:1908.05731, section 2), here without a language model.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from nmtcli.config import SearchConfig
from nmtcli.config.paths import AnyPath
from nmtcli.decoding.scoring import normalised
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.inference.line_translator import LineTranslator
from nmtcli.inference.loading import find_tags, translates_back
from nmtcli.inference.results import Candidate, Translation
from nmtcli.inference.scorer import LineScore, Scorer, load_scorer
from nmtcli.runs.directory import find_run

logger = logging.getLogger(__name__)


class Reranker(LineTranslator):
    """Translates lines and reranks the n-best list of each.

    The whole beam is rescored, even if fewer translations are asked for; with sampling, only as
    many as are asked for.

    Args:
        translator: the `nmtcli.inference.translator.Translator` that finds the candidates.
        scorer: the `nmtcli.inference.scorer.Scorer` of the other model.
        reverse: whether the other model translates in the opposite direction.
    """

    def __init__(self, translator: LineTranslator, scorer: Scorer, reverse: bool = False):
        self.search, self.engine = translator.search, translator.engine
        self.translator = translator
        if not self.search.sample:
            self.translator = translator.with_search(replace(self.search, nbest=self.search.beam))
        self.scorer = scorer
        self.reverse = reverse

    @property
    def reranks(self) -> bool:
        return True

    def with_search(self, search: SearchConfig) -> "Reranker":
        return Reranker(self.translator.with_search(search), self.scorer, self.reverse)

    def translate_lines(
        self,
        lines: Iterable[str],
        prefixes: Iterable[str] | None = None,
        pauses: Callable[[], bool] = lambda: False,
    ) -> Iterator[Translation]:
        """Yield the translation of each line, best mixture first; ties keep the translator's order.

        The arguments and errors are those of `Translator.translate_lines`.
        """
        read: list[str] = []  # the lines whose translations have not been yielded yet
        window: list[Translation] = []

        def recorded() -> Iterator[str]:
            for line in lines:
                read.append(line)
                yield line

        for translation in self.translator.translate_lines(recorded(), prefixes, pauses):
            window.append(translation)
            if len(window) == len(read):  # the translator must read on before it yields more
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

    def _rescored(
        self, candidate: Candidate, translation: Translation, scores: Iterator[LineScore]
    ) -> Candidate:
        """Return a candidate with its new score; the one of an empty line needs no model."""
        if not translation.source_tokens:
            return replace(candidate, model_score=candidate.score, rescore=candidate.score)
        search, line_score = self.search, next(scores)
        rescore = normalised(
            line_score.log_prob,
            line_score.pieces,
            search.length_penalty,
            search.length_penalty_kind,
        )
        weight = search.rerank_weight
        score = (1 - weight) * candidate.score + weight * rescore
        return replace(candidate, score=score, model_score=candidate.score, rescore=rescore)


def load_reranker(
    translator: LineTranslator,
    run_path: AnyPath | None,
    other_path: AnyPath,
    reverse: bool = False,
    runtime: Runtime = AUTOMATIC,
    tag: str | None = None,
) -> Reranker:
    """Load another run, which reranks the translations of a translator.

    Args:
        translator: the `nmtcli.inference.translator.Translator` that finds the candidates.
        run_path: its (first) run; None means the newest run under `./runs`.
        other_path: the folder of the other run.
        reverse: whether the other run translates in the other direction. If it is known to, a
            warning says so, and it is used in that direction anyway.
        runtime: the choice of the engine; the score ignores the shortlist.
        tag: the tag that the translator was loaded with; the other run gets it if it knows it.

    Raises:
        UsageError: a run does not exist.
    """
    if not reverse and translates_back(find_run(run_path), find_run(other_path)):
        logger.warning(
            "%s: translates in the other direction, so it scores the source given the translation",
            other_path,
        )
        reverse = True
    tags = find_tags(find_run(other_path))
    known = not reverse and tag in tags.known  # another direction has other tags
    runtime = runtime._replace(shortlist=False)
    scorer = load_scorer(other_path, runtime=runtime, tag=tag if known else None)
    return Reranker(translator, replace(scorer, checks_input=False), reverse)
