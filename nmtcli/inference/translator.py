"""Translate lines of text: N lines of input give N translations, in order."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from nmtcli.alignment.links import LinkRule, WordAlignment
from nmtcli.config import SearchConfig
from nmtcli.config.paths import AnyPath
from nmtcli.decoding.constraints import max_translation_length
from nmtcli.decoding.engine import Hypothesis, SearchEngine, Sentence
from nmtcli.decoding.scoring import Scoring
from nmtcli.decoding.sentences import SentenceSearch
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import UsageError
from nmtcli.inference.input_checks import InputChecks
from nmtcli.inference.line_translator import LineTranslator
from nmtcli.inference.loading import Runs, find_members, find_tags, load_search, search_options
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
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import NO_TAGS, SourceTags, TaggedLine, with_tag

logger = logging.getLogger(__name__)

FIRST_WINDOW = 64  # lines
WINDOW_GROWTH = 4


@dataclass
class Translator(LineTranslator):
    """Translates lines with an engine.

    Args:
        engine: the engine that runs the model.
        source_subwords: the subword model of the source.
        target_subwords: the subword model of the target.
        search: the options of the search.
        link_rule: how word alignments are taken from the attention; None for no alignments.
        tags: the tags of the source lines.
        checks_input: whether to warn of lines that the model cannot read, see `InputChecks`.

    Raises:
        UsageError: options of the search contradict each other, or alignments or a coverage penalty
            are asked for and the model has no attention.
    """

    engine: SearchEngine
    source_subwords: Subwords
    target_subwords: Subwords
    search: SearchConfig
    link_rule: LinkRule | None = None
    tags: SourceTags = NO_TAGS
    checks_input: bool = False

    def __post_init__(self) -> None:
        self.search.check()
        self.engine.check(self.search)
        self.aligner: TranslationAligner | None = None
        if self.link_rule is not None:
            check_attention(self.engine)
            subwords = self.source_subwords, self.target_subwords
            self.aligner = TranslationAligner(*subwords, self.link_rule)

    def with_search(self, search: SearchConfig) -> "Translator":
        return replace(self, search=search)

    def translate_lines(
        self,
        lines: Iterable[str],
        prefixes: Iterable[str] | None = None,
        pauses: Callable[[], bool] = lambda: False,
    ) -> Iterator[Translation]:
        """Yield the translation of each line, in order.

        Lines are read in windows, at most two ahead: one is searched while the one before is
        yielded. The first windows are smaller than `search.window`, so that the first translations
        come soon.

        A line without tokens (empty, or only spaces) has the empty translation. A line with more
        than `search.max_source_pieces` tokens is translated in segments, with a warning; with
        `search.by_sentence`, each line is translated sentence by sentence. The translation of a
        line depends neither on the batch size nor on the other lines. Every segment has the tag of
        its line.

        Args:
            lines: the lines to translate.
            prefixes: for each line the text with which its translation begins; in a line of several
                segments, the first segment begins with it.
            pauses: called after each line; if it returns True, the lines so far are translated
                before another one is read.

        Raises:
            UsageError: the numbers of prefixes and lines differ, or a prefix is too long.
        """
        previous: Iterator[Translation] = iter(())
        checks = InputChecks(self.source_subwords, tags=self.tags)
        with SentenceSearch(self.engine, self.search) as search:
            try:
                for current, has_paused in self._windows(search, lines, prefixes, pauses, checks):
                    yield from previous
                    previous = current
                    if has_paused:
                        yield from previous
            except UsageError:
                yield from previous  # the lines before the wrong one
                raise
            yield from previous
        if self.checks_input:
            checks.warn()

    def _windows(
        self,
        search: SentenceSearch,
        lines: Iterable[str],
        prefixes: Iterable[str] | None,
        pauses: Callable[[], bool],
        checks: InputChecks,
    ) -> Iterator[tuple[Iterator[Translation], bool]]:
        """Begin each window; yield its translations, and whether the input paused after it."""
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
                    raise UsageError(
                        f"line {first + len(beginnings)} has no prefix; give one line of prefixes"
                        " for each line"
                    )
            tagged = [self.tags.of_line(self.source_subwords.normalise(line)) for line in window]
            segmented = self._segments(tagged, first)
            if self.checks_input:
                for line, segments in zip(tagged, segmented):
                    checks.add(line, [s.text for s in segments], [s.ids for s in segments])
            yield self._begin_window(search, tagged, segmented, beginnings, first), has_paused
            first += len(window)
            size = min(size * WINDOW_GROWTH, self.search.window)
        if prefixes is not None and next(prefixes, None) is not None:
            raise UsageError(
                f"prefix {first} has no line to translate; give as many prefixes as lines"
            )

    def _begin_window(
        self,
        search: SentenceSearch,
        lines: list[TaggedLine],
        segmented: list[list[Segment]],
        prefixes: list[str],
        first: int,
    ) -> Iterator[Translation]:
        """Begin to search; the returned iterator waits for the translation of each line."""
        sentences = []
        prefix_ids = prefix_token_ids(self.target_subwords, prefixes, first)
        for number, (segments, prefix) in enumerate(zip(segmented, prefix_ids), start=first):
            nonempty = _nonempty_ids(segments)
            if prefix and not nonempty:
                logger.warning("line %s is empty, so its prefix is ignored", number)
            for index, ids in enumerate(nonempty):
                sentences.append(Sentence(ids, prefix if index == 0 else [], (number, index)))
                check_prefix_length(sentences[-1], number, self.search)
        wait = search.begin(sentences)

        def translations() -> Iterator[Translation]:
            results = iter(wait())
            for line, segments in zip(lines, segmented):
                nbests = list(islice(results, len(_nonempty_ids(segments))))
                yield self._translation(line, segments, nbests)

        return translations()

    def _segments(self, lines: list[TaggedLine], first: int) -> list[list[Segment]]:
        """Encode each line as one segment, or as several if it is split or too long."""
        split, limit = self.search.by_sentence, self.search.max_source_pieces
        split_lines = [split_sentences(line.text) if split else [line.text] for line in lines]
        tagged = [
            with_tag(line.tag, text) for line, texts in zip(lines, split_lines) for text in texts
        ]
        all_ids = iter(self.source_subwords.encode_batch(tagged))
        segmented = []
        for number, (line, texts) in enumerate(zip(lines, split_lines), start=first):
            segments, longest = [], 0
            for text, ids in zip(texts, all_ids):
                segment = _segment(text, ids)
                longest = max(longest, len(segment.ids))
                segments += [segment] if len(segment.ids) <= limit else self._split(line.tag, text)
            if longest > limit:
                logger.warning(
                    "line %s has %s tokens, more than %s (search.max_source_pieces); it is"
                    " translated in %s segments",
                    *(number, longest, limit, len(_nonempty_ids(segments))),
                )
            segmented.append(segments)
        return segmented

    def _split(self, tag: str, line: str) -> list[Segment]:
        def count(text: str) -> int:
            return len(self.source_subwords.encode(with_tag(tag, text)))

        texts = split_line(line, count, self.search.max_source_pieces)
        tagged = [with_tag(tag, text) for text in texts]
        return list(map(_segment, texts, self.source_subwords.encode_batch(tagged)))

    def _translation(
        self, line: TaggedLine, segments: list[Segment], hypotheses: list[list[Hypothesis]]
    ) -> Translation:
        """Join the translations of segments: the n-th best is made of the n-th best of each.

        So the best translation does not depend on the number of translations.
        """
        source_words = self.aligner.source_words(line, segments) if self.aligner else None
        if not hypotheses:
            alignment = self._alignment(source_words, EMPTY.text, [])
            return replace(EMPTY, nbest=[replace(EMPTY.nbest[0], alignment=alignment)])
        ranks = range(max(map(len, hypotheses)))
        ranked = [[nbest[min(rank, len(nbest) - 1)] for nbest in hypotheses] for rank in ranks]
        candidates = [self._candidate(of_rank, source_words) for of_rank in ranked]
        return Translation(candidates, _tokens(self.source_subwords, _nonempty_ids(segments)))

    def _candidate(
        self, hypotheses: list[Hypothesis], source_words: SourceWords | None
    ) -> Candidate:
        """Return the candidate that the hypotheses of a line's segments make together."""
        decoded = [one_line(self.target_subwords.decode(h.ids)) for h in hypotheses]
        text = decoded[0] if len(decoded) == 1 else join_segments(decoded)
        log_prob = sum(h.log_prob for h in hypotheses)
        length = sum(len(h.ids) + 1 for h in hypotheses)
        attentions = [h.attention for h in hypotheses]
        return Candidate(
            text=text,
            log_prob=log_prob,
            score=Scoring.from_options(self.search).score(log_prob, length, attentions),
            tokens=_tokens(self.target_subwords, [h.ids for h in hypotheses]),
            attentions=attentions if self.engine.has_attention else [],
            alignment=self._alignment(source_words, text, hypotheses),
        )

    def _alignment(
        self, source_words: SourceWords | None, text: str, hypotheses: list[Hypothesis]
    ) -> WordAlignment | None:
        if self.aligner is None or source_words is None:
            return None
        return self.aligner.align(source_words, text, hypotheses)


def _window(lines: Iterator[str], most: int, pauses: Callable[[], bool]) -> tuple[list[str], bool]:
    """Read at most `most` lines, fewer if the input pauses; return them, and whether it paused."""
    window = []
    for line in islice(lines, most):
        window.append(line)
        if pauses():
            return window, True
    return window, False


def _segment(text: str, ids: Sequence[int]) -> Segment:
    """Make a segment; a blank text is not translated, even if it has a token, as a tab may have."""
    return Segment(text, list(ids) if text.strip() else [])


def _tokens(subwords: Subwords, segments: list[list[int]]) -> list[str]:
    """Return the tokens of all segments, each with its end."""
    return [token for ids in segments for token in [*subwords.tokens(ids), END_TOKEN]]


def _nonempty_ids(segments: list[Segment]) -> list[list[int]]:
    """Return the token ids of the segments that have any."""
    return [segment.ids for segment in segments if segment.ids]


def load_translator(
    run_path: Runs = None,
    checkpoint: str | Sequence[str] = "best",
    config_file: AnyPath | None = None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
    link_rule: LinkRule | None = None,
    runtime: Runtime = AUTOMATIC,
    tag: str | None = None,
) -> Translator:
    """Load a translator from the folder of a run, or of several runs.

    The options of the search are those of the first run, changed by the arguments.

    Args:
        run_path: the folder; None means the newest run under `./runs`. Several are an ensemble.
        checkpoint: `best`, `last` or `step-N`; several as in `inference.loading.find_members`.
        config_file: a YAML file with a section `search`.
        assignments: texts such as `search.beam=3`.
        overrides: fields of `SearchConfig` by name; None values are ignored.
        link_rule: how word alignments are taken from the attention; None for no alignments.
        runtime: the engine and precision that run the models.
        tag: the tag of each line that has none; empty for none, None for the usual one of the run.

    Raises:
        UsageError: a run or checkpoint does not exist, the runs cannot be an ensemble, an option is
            invalid or has no effect, the run was not trained with the tag, or alignments are asked
            for and the model has no attention.
    """
    members = find_members(run_path, checkpoint)
    run = members[0].run
    search = search_options(run, config_file, assignments, overrides)
    tags = find_tags(run, tag)
    if link_rule is not None:
        runtime.check_attention()
    engine = load_search(members, search.ensemble, runtime)
    if link_rule is not None:
        check_attention(engine, run.path)
    return Translator(engine, *run.load_subwords(), search, link_rule, tags, checks_input=True)


def prefix_token_ids(subwords: Subwords, prefixes: Sequence[str], first: int) -> list[list[int]]:
    """Encode each prefix; one that is empty or only spaces has no token ids.

    Args:
        subwords: the subword model of the target.
        prefixes: the texts.
        first: the number of the first line, for warnings.
    """
    encoded = []
    for number, (text, ids) in enumerate(
        zip(prefixes, subwords.encode_batch(list(prefixes))), start=first
    ):
        if UNK_ID in ids:
            logger.warning("prefix %s has characters that the run's subwords do not have", number)
        encoded.append(list(ids) if text.strip() else [])
    return encoded


def check_prefix_length(sentence: Sentence, number: int, search: SearchConfig) -> None:
    """Check that a prefix is shorter than the longest translation of its line.

    Raises:
        UsageError: the prefix leaves no room for the end of the translation.
    """
    longest = max_translation_length(search, len(sentence.ids))
    if len(sentence.prefix) >= longest:
        raise UsageError(
            f"prefix {number} has {len(sentence.prefix)} tokens, but the longest translation of its"
            f" line has {longest - 1}; give a shorter prefix, or raise search.max_length_margin"
        )
