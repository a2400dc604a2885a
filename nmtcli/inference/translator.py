"""Translate lines of text: N lines in, N translations out, in order."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from nmtcli.alignment.links import LinkRule
from nmtcli.config import SearchConfig
from nmtcli.decoding.constraints import max_translation_length
from nmtcli.decoding.engine import Hypothesis, SearchEngine, Sentence
from nmtcli.decoding.scoring import Scoring
from nmtcli.decoding.sentences import SentenceSearch
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import UsageError
from nmtcli.inference.loading import find_members, load_search, search_options
from nmtcli.inference.results import (
    EMPTY,
    END_TOKEN,
    Candidate,
    Segment,
    SourceWords,
    Translation,
    TranslationAligner,
    check_attention,
)
from nmtcli.text.lines import one_line
from nmtcli.text.sentences import join_segments, split_line, split_sentences
from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subwords import Subwords, load_sides

logger = logging.getLogger(__name__)

FIRST_WINDOW = 64  # lines
WINDOW_GROWTH = 4


class Translator:
    """Translates lines with an engine.

    Args:
        engine: finds the translations of sentences.
        source_subwords: cut the lines into pieces.
        target_subwords: make text of the pieces that are found.
        search: the options.
        link_rule: align the words of each line and its translations, by this rule; None is not
            to align.

    Raises:
        UsageError: options of the search that do not go together, or alignments or a coverage
            penalty are wanted of a model without attention.
    """

    def __init__(
        self,
        engine: SearchEngine,
        source_subwords: Subwords,
        target_subwords: Subwords,
        search: SearchConfig,
        link_rule: LinkRule | None = None,
    ):
        search.check()
        engine.check(search)
        if link_rule is not None:
            check_attention(engine)
        self.engine = engine
        self.source_subwords = source_subwords
        self.target_subwords = target_subwords
        self.search = search
        self.aligner = link_rule and TranslationAligner(source_subwords, target_subwords, link_rule)

    def with_nbest(self, nbest: int) -> "Translator":
        """The same translator, with another number of translations of a line."""
        rule = self.aligner and self.aligner.rule
        search = replace(self.search, nbest=nbest)
        return Translator(self.engine, self.source_subwords, self.target_subwords, search, rule)

    def translate_lines(
        self,
        lines: Iterable[str],
        prefixes: Iterable[str] | None = None,
        pauses: Callable[[], bool] = lambda: False,
    ) -> Iterator[Translation]:
        """The translation of each line, in order; reads no more than two windows of lines ahead:
        one is searched while the one before is given out.

        The first windows are smaller than `search.window`: the first lines come soon.
        A line without any piece (empty, or only spaces) has the empty translation. A line over
        `search.max_source_pieces` is translated in parts, with a warning; with
        `search.by_sentence` each line is translated sentence by sentence. What a line
        gets depends neither on the batch size nor on the other lines.

        Args:
            prefixes: for each line the text that its translation begins with, as of
                `nmtcli.inference.translator`; of a line in parts, that of the first part.
            pauses: asked after each line; where it says yes, the lines so far are translated before
                another one is read.

        Raises:
            UsageError: there are not as many prefixes as lines, or one is too long.
        """
        before: Iterator[Translation] = iter(())
        with SentenceSearch(self.engine, self.search) as search:
            try:
                for begun, has_paused in self._windows(search, lines, prefixes, pauses):
                    yield from before
                    before = begun
                    if has_paused:
                        yield from before
            except UsageError:
                yield from before  # the lines before the wrong one
                raise
            yield from before

    def _windows(
        self, search: SentenceSearch, lines, prefixes, pauses
    ) -> Iterator[tuple[Iterator[Translation], bool]]:
        """Windows whose search has begun, and whether the input pauses after them."""
        lines, first = iter(lines), 1
        size = min(FIRST_WINDOW, self.search.window)
        prefixes = None if prefixes is None else iter(prefixes)
        while True:
            window, has_paused = _window(lines, size, pauses)
            if not window:
                break
            beginnings = [""] * len(window)
            if prefixes is not None:
                beginnings = list(islice(prefixes, len(window)))
                if len(beginnings) < len(window):
                    raise UsageError(f"line {first + len(beginnings)}: has no prefix")
            yield self._begin_window(search, window, beginnings, first), has_paused
            first += len(window)
            size = min(size * WINDOW_GROWTH, self.search.window)
        if prefixes is not None and next(prefixes, None) is not None:
            raise UsageError(f"prefix {first}: has no line")

    def _begin_window(
        self,
        search: SentenceSearch,
        lines: list[str],
        prefixes: list[str],
        first: int,
    ) -> Iterator[Translation]:
        """Begin to search; what is returned waits for the translation of each line."""
        lines_in_parts = self._parts(lines, first)
        sentences = []
        beginnings = prefix_token_ids(self.target_subwords, prefixes, first)
        for number, (parts, prefix) in enumerate(zip(lines_in_parts, beginnings), start=first):
            pieces = _to_translate(parts)
            if prefix and not pieces:
                logger.warning("line %s: is empty, so it has no translation to begin", number)
            for part, ids in enumerate(pieces):
                sentences.append(Sentence(ids, prefix if part == 0 else [], (number, part)))
                check_prefix_length(sentences[-1], number, self.search)
        wait = search.begin(sentences)

        def translations() -> Iterator[Translation]:
            found = iter(wait())
            for line, parts in zip(lines, lines_in_parts):
                nbests = list(islice(found, len(_to_translate(parts))))
                yield self._translation(line, parts, nbests)

        return translations()

    def _parts(self, lines: list[str], first: int) -> list[list[Segment]]:
        """Each line in one part, or in several: its sentences, and what is too long for one."""
        split, limit = self.search.by_sentence, self.search.max_source_pieces
        cut = [split_sentences(line) if split else [line] for line in lines]
        pieces = iter(self.source_subwords.encode_batch([text for texts in cut for text in texts]))
        found = []
        for number, texts in enumerate(cut, start=first):
            parts, longest = [], 0
            for text in texts:
                ids = next(pieces)
                if not text.strip():  # a subword model may have a piece for a tab
                    ids = []
                longest = max(longest, len(ids))
                parts += [Segment(text, list(ids))] if len(ids) <= limit else self._split(text)
            if longest > limit:
                logger.warning(
                    "line %s: %s pieces, over %s; translated in %s parts",
                    *(number, longest, limit, len(_to_translate(parts))),
                )
            found.append(parts)
        return found

    def _split(self, line: str) -> list[Segment]:
        def count(text: str) -> int:
            return len(self.source_subwords.encode(text))

        texts = split_line(line, count, self.search.max_source_pieces)
        return [
            Segment(text, list(ids) if text.strip() else [])
            for text, ids in zip(texts, self.source_subwords.encode_batch(texts))
        ]

    def _translation(
        self, line: str, parts: list[Segment], hypotheses: list[list[Hypothesis]]
    ) -> Translation:
        """One line from its parts: the n-th best is made of the n-th best of each part.

        (So the best does not depend on how many are asked for.)
        """
        source_words = self.aligner and self.aligner.source_words(line, parts)
        if not hypotheses:
            return self._empty(source_words)
        source_tokens = [
            token
            for ids in _to_translate(parts)
            for token in [*self.source_subwords.tokens(ids), END_TOKEN]
        ]
        candidates = [
            self._candidate(
                [nbest[min(rank, len(nbest) - 1)] for nbest in hypotheses], source_words
            )
            for rank in range(max(map(len, hypotheses)))
        ]
        return Translation(candidates, source_tokens)

    def _empty(self, source_words: SourceWords | None) -> Translation:
        if source_words is None:
            return EMPTY
        alignment = self.aligner.align(source_words, EMPTY.text, [])
        return replace(EMPTY, nbest=[replace(EMPTY.nbest[0], alignment=alignment)])

    def _candidate(self, parts: list[Hypothesis], source_words: SourceWords | None) -> Candidate:
        decoded = [one_line(self.target_subwords.decode(part.ids)) for part in parts]
        text = decoded[0] if len(decoded) == 1 else join_segments(decoded)
        log_prob = sum(part.log_prob for part in parts)
        length = sum(len(part.ids) + 1 for part in parts)
        attentions = [part.attention for part in parts]
        return Candidate(
            text=text,
            log_prob=log_prob,
            score=Scoring.from_options(self.search).score(log_prob, length, attentions),
            tokens=[
                token
                for part in parts
                for token in [*self.target_subwords.tokens(part.ids), END_TOKEN]
            ],
            attentions=attentions if self.engine.has_attention else [],
            alignment=self.aligner and self.aligner.align(source_words, text, parts),
        )


def _window(lines: Iterator[str], most: int, pauses: Callable[[], bool]) -> tuple[list[str], bool]:
    """The next lines: so many at most, and none that would have to be waited for; whether one
    would have.
    """
    found = []
    for line in islice(lines, most):
        found.append(line)
        if pauses():
            return found, True
    return found, False


def _to_translate(parts: list[Segment]) -> list[list[int]]:
    """The pieces of the parts that have any."""
    return [part.ids for part in parts if part.ids]


def load_translator(
    run_path=None,
    checkpoint: str | Sequence[str] = "best",
    config_file=None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
    link_rule: LinkRule | None = None,
    runtime: Runtime = AUTOMATIC,
) -> Translator:
    """A translator from a run's folder, or from several; the options are those of the first run,
    changed by what is given here.

    Args:
        run_path: the folder; None is the newest run here. Several are an ensemble.
        checkpoint: `best`, `last` or `step-N`; several as of `inference.loading.find_members`.
        config_file: YAML, of which the section `search` counts.
        assignments: texts such as `search.beam=3`.
        overrides: of `SearchConfig`, by name; None values are ignored.
        link_rule: as of `Translator`.
        runtime: what runs the models.

    Raises:
        UsageError: no such run or checkpoint, runs that cannot be an ensemble, an option that is
            wrong or has no effect here, or alignments are wanted of a model without attention.
    """
    members = find_members(run_path, checkpoint)
    run = members[0].run
    search = search_options(run, config_file, assignments, overrides)
    if link_rule is not None:
        runtime.check_attention()
    engine = load_search(members, search.ensemble, runtime)
    if link_rule is not None:
        check_attention(engine, run.path)
    return Translator(
        engine,
        *load_sides(run.source_subwords, run.target_subwords),
        search,
        link_rule,
    )


def prefix_token_ids(
    subwords: Subwords,
    prefixes: Sequence[str],
    first: int,
) -> list[list[int]]:
    """The pieces of each prefix; none of one that is empty or only spaces.

    Args:
        subwords: of the target.
        first: number of the first of these lines.
    """
    found = []
    for number, (text, ids) in enumerate(
        zip(prefixes, subwords.encode_batch(list(prefixes))), start=first
    ):
        if UNK_ID in ids:
            logger.warning("prefix %s: has characters that the run has no pieces for", number)
        found.append(list(ids) if text.strip() else [])
    return found


def check_prefix_length(sentence: Sentence, number: int, search: SearchConfig) -> None:
    """
    Raises:
        UsageError: the prefix leaves no room for the end of the translation.
    """
    longest = max_translation_length(search, len(sentence.ids))
    if len(sentence.prefix) >= longest:
        raise UsageError(
            f"prefix {number}: {len(sentence.prefix)} pieces, but the longest translation of its"
            f" line has {longest - 1}; give a shorter one, or raise search.max_length_margin"
        )
