"""Translate lines of text: N lines in, N translations out, in order."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from nmtcli.config import SearchConfig
from nmtcli.evaluation.alignment import LinkRule
from nmtcli.run_directory import find_run
from nmtcli.search.beam import beam_search
from nmtcli.search.greedy import greedy_search
from nmtcli.search.hypothesis import Hypothesis, normalised
from nmtcli.search.interface import Engine
from nmtcli.search.length_batches import length_batches, pad
from nmtcli.search_options import check_checkpoint_name, check_search, search_options
from nmtcli.text.lines import one_line
from nmtcli.text.long_lines import join_parts, split_line
from nmtcli.text.piece_ids import EOS_ID
from nmtcli.text.subwords import Subwords
from nmtcli.translation import EMPTY, END_TOKEN, Candidate, Translation, check_attention
from nmtcli.translation_alignment import LinePart, SourceWords, TranslationAligner


class Translator:
    """Translates lines with an engine.

    Args:
        engine: runs the model.
        source_subwords: cut the lines into pieces.
        target_subwords: make text of the pieces that are found.
        search: the options.
        link_rule: align the words of each line and its translations, by this rule; None is not
            to align.

    Raises:
        UsageError: more translations of a line are wanted than the beam is wide, or alignments of
            a model without attention.
    """

    def __init__(
        self,
        engine: Engine,
        source_subwords: Subwords,
        target_subwords: Subwords,
        search: SearchConfig,
        link_rule: LinkRule | None = None,
    ):
        check_search(search)
        if link_rule is not None:
            check_attention(engine)
        self.engine = engine
        self.source_subwords = source_subwords
        self.target_subwords = target_subwords
        self.search = search
        self.aligner = link_rule and TranslationAligner(source_subwords, target_subwords, link_rule)

    def translate_lines(
        self, lines: Iterable[str], on_warning: Callable[[str], None] = lambda message: None
    ) -> Iterator[Translation]:
        """The translation of each line, in order; reads no more than a window of lines ahead.

        A line without any piece (empty, or only spaces) has the empty translation. A line over
        `search.max_source_pieces` is translated in parts, and `on_warning` is told. What a line
        gets depends neither on the batch size nor on the other lines.
        """
        lines, first = iter(lines), 1
        while window := list(islice(lines, self.search.window)):
            yield from self._translate_window(window, first, on_warning)
            first += len(window)

    def _translate_window(
        self, lines: list[str], first: int, on_warning: Callable[[str], None]
    ) -> Iterator[Translation]:
        lines_in_parts: list[list[LinePart]] = []
        for number, (line, ids) in enumerate(
            zip(lines, self.source_subwords.encode_batch(lines)), start=first
        ):
            if not line.strip():  # a subword model may have a piece for a tab
                ids = []
            parts = [LinePart(line, list(ids))]
            if len(ids) > self.search.max_source_pieces:
                parts = self._split(line)
                on_warning(
                    f"line {number}: {len(ids)} pieces, over {self.search.max_source_pieces};"
                    f" translated in {len(_to_translate(parts))} parts"
                )
            lines_in_parts.append(parts)
        found = iter(
            self._search([ids for parts in lines_in_parts for ids in _to_translate(parts)])
        )
        for line, parts in zip(lines, lines_in_parts):
            yield self._translation(line, parts, list(islice(found, len(_to_translate(parts)))))

    def _split(self, line: str) -> list[LinePart]:
        def count(text: str) -> int:
            return len(self.source_subwords.encode(text))

        texts = split_line(line, count, self.search.max_source_pieces)
        return [
            LinePart(text, list(ids) if text.strip() else [])
            for text, ids in zip(texts, self.source_subwords.encode_batch(texts))
        ]

    def _search(self, parts: list[list[int]]) -> list[list[Hypothesis]]:
        """The n-best list of each part, in order."""
        search = self.search
        found: list[list[Hypothesis]] = [[] for _ in parts]
        lengths = [len(ids) + 1 for ids in parts]
        for batch in length_batches(lengths, search.batch_tokens, search.beam):
            source_ids = pad([[*parts[index], EOS_ID] for index in batch])
            limits = np.array(
                [
                    int(search.max_length_factor * len(parts[index])) + search.max_length_margin
                    for index in batch
                ]
            )
            if search.beam == 1:
                best = greedy_search(self.engine, source_ids, search.length_penalty, limits)
                results = [[hypothesis] for hypothesis in best]
            else:
                results = beam_search(
                    self.engine,
                    source_ids,
                    search.beam,
                    search.length_penalty,
                    limits,
                    search.nbest,
                )
            for index, hypotheses in zip(batch, results):
                found[index] = [
                    # A copy, so that the padding and the batch can be freed.
                    h._replace(attention=h.attention[:, : lengths[index]].copy())
                    for h in hypotheses
                ]
        return found

    def _translation(
        self, line: str, parts: list[LinePart], hypotheses: list[list[Hypothesis]]
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
            for token in [*self.source_subwords.pieces(ids), END_TOKEN]
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
        text = decoded[0] if len(decoded) == 1 else join_parts(decoded)
        log_prob = sum(part.log_prob for part in parts)
        length = sum(len(part.ids) + 1 for part in parts)
        return Candidate(
            text=text,
            log_prob=log_prob,
            score=normalised(log_prob, length, self.search.length_penalty),
            tokens=[
                token
                for part in parts
                for token in [*self.target_subwords.pieces(part.ids), END_TOKEN]
            ],
            attentions=[part.attention for part in parts] if self.engine.has_attention else [],
            alignment=self.aligner and self.aligner.align(source_words, text, parts),
        )


def _to_translate(parts: list[LinePart]) -> list[list[int]]:
    """The pieces of the parts that have any."""
    return [part.ids for part in parts if part.ids]


def load_translator(
    run_path=None,
    checkpoint: str = "best",
    config_file=None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
    on_warning: Callable[[str], None] = lambda message: None,
    link_rule: LinkRule | None = None,
) -> Translator:
    """A translator from a run's folder; the run's options, changed by what is given here.

    Args:
        run_path: the folder; None is the newest run here.
        checkpoint: `best`, `last` or `step-N`.
        config_file: YAML, of which the section `search` counts.
        assignments: texts such as `search.beam=3`.
        overrides: of `SearchConfig`, by name; None values are ignored.
        on_warning: told when a damaged checkpoint was passed over.
        link_rule: as of `Translator`.

    Raises:
        UsageError: no such run or checkpoint, an option that is wrong or has no effect here, or
            alignments are wanted of a model without attention.
    """
    run = find_run(run_path)
    check_checkpoint_name(checkpoint)
    search = search_options(run, config_file, assignments, overrides)
    from nmtcli.engines.load import load_engine

    engine = load_engine(run, checkpoint, on_warning=on_warning)
    if link_rule is not None:
        check_attention(engine, run.path)
    return Translator(
        engine,
        Subwords(run.source_subwords),
        Subwords(run.target_subwords),
        search,
        link_rule,
    )
