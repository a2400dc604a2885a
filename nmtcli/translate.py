"""Translate lines of text: N lines in, N translations out, in order."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from nmtcli import config
from nmtcli.config import SearchConfig
from nmtcli.errors import UsageError
from nmtcli.run_directory import RunDirectory, find_run
from nmtcli.search.beam import beam_search
from nmtcli.search.greedy import greedy_search
from nmtcli.search.hypothesis import Hypothesis, normalised
from nmtcli.search.interface import Engine
from nmtcli.search.length_batches import length_batches, pad
from nmtcli.text.lines import one_line
from nmtcli.text.long_lines import join_parts, split_line
from nmtcli.text.piece_ids import EOS_ID
from nmtcli.text.subwords import Subwords
from nmtcli.translation import EMPTY, END_TOKEN, Candidate, Translation


class Translator:
    """Translates lines with an engine.

    Args:
        engine: runs the model.
        source_subwords: cut the lines into pieces.
        target_subwords: make text of the pieces that are found.
        search: the options.

    Raises:
        UsageError: more translations of a line are wanted than the beam is wide.
    """

    def __init__(
        self,
        engine: Engine,
        source_subwords: Subwords,
        target_subwords: Subwords,
        search: SearchConfig,
    ):
        check_search(search)
        self.engine = engine
        self.source_subwords = source_subwords
        self.target_subwords = target_subwords
        self.search = search

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
        parts: list[list[int]] = []  # of all lines, one after the other
        counts = []  # how many parts each line has
        for number, (line, ids) in enumerate(
            zip(lines, self.source_subwords.encode_batch(lines)), start=first
        ):
            if not line.strip():  # a subword model may have a piece for a tab
                ids = []
            of_line = [list(ids)] if len(ids) else []
            if len(ids) > self.search.max_source_pieces:
                of_line = self._split(line)
                on_warning(
                    f"line {number}: {len(ids)} pieces, over {self.search.max_source_pieces};"
                    f" translated in {len(of_line)} parts"
                )
            counts.append(len(of_line))
            parts += of_line
        hypotheses = self._search(parts)
        start = 0
        for count in counts:
            end = start + count
            yield self._translation(parts[start:end], hypotheses[start:end])
            start = end

    def _split(self, line: str) -> list[list[int]]:
        def count(text: str) -> int:
            return len(self.source_subwords.encode(text))

        texts = split_line(line, count, self.search.max_source_pieces)
        texts = [text for text in texts if text.strip()]
        return [ids for ids in map(list, self.source_subwords.encode_batch(texts)) if ids]

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
        self, parts: list[list[int]], hypotheses: list[list[Hypothesis]]
    ) -> Translation:
        """One line from its parts: the n-th best is made of the n-th best of each part.

        (So the best does not depend on how many are asked for.)
        """
        if not parts:
            return EMPTY
        source_tokens = [
            token for ids in parts for token in [*self.source_subwords.pieces(ids), END_TOKEN]
        ]
        candidates = [
            self._candidate([nbest[min(rank, len(nbest) - 1)] for nbest in hypotheses])
            for rank in range(max(map(len, hypotheses)))
        ]
        return Translation(candidates, source_tokens)

    def _candidate(self, parts: list[Hypothesis]) -> Candidate:
        decoded = [one_line(self.target_subwords.decode(part.ids)) for part in parts]
        log_prob = sum(part.log_prob for part in parts)
        length = sum(len(part.ids) + 1 for part in parts)
        return Candidate(
            text=decoded[0] if len(decoded) == 1 else join_parts(decoded),
            log_prob=log_prob,
            score=normalised(log_prob, length, self.search.length_penalty),
            tokens=[
                token
                for part in parts
                for token in [*self.target_subwords.pieces(part.ids), END_TOKEN]
            ],
            attentions=[part.attention for part in parts] if self.engine.has_attention else [],
        )


def load_translator(
    run_path=None,
    checkpoint: str = "best",
    config_file=None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
    on_warning: Callable[[str], None] = lambda message: None,
) -> Translator:
    """A translator from a run's folder; the run's options, changed by what is given here.

    Args:
        run_path: the folder; None is the newest run here.
        checkpoint: `best`, `last` or `step-N`.
        config_file: YAML, of which the section `search` counts.
        assignments: texts such as `search.beam=3`.
        overrides: of `SearchConfig`, by name; None values are ignored.
        on_warning: told when a damaged checkpoint was passed over.

    Raises:
        UsageError: no such run or checkpoint, or an option that is wrong or has no effect here.
    """
    run = find_run(run_path)
    check_checkpoint_name(checkpoint)
    search = search_options(run, config_file, assignments, overrides)
    from nmtcli.engines.load import load_engine

    return Translator(
        load_engine(run, checkpoint, on_warning=on_warning),
        Subwords(run.source_subwords),
        Subwords(run.target_subwords),
        search,
    )


def search_options(
    run: RunDirectory, config_file=None, assignments: Iterable[str] = (), overrides=None
) -> SearchConfig:
    """The search options of a run < a YAML file < assignments < overrides.

    Raises:
        UsageError: one of them is wrong, or is not of the search.
    """
    for text in assignments:
        if not text.strip().startswith("search."):
            raise UsageError(f"--set {text}: the run is trained; only search.* can be set here")
    search = config.load(
        config_file,
        assignments,
        {"search": overrides or {}},
        base=config.as_dict(run.read_config()),
    ).search
    check_search(search)
    return search


def check_search(search: SearchConfig) -> None:
    if search.nbest > search.beam:
        raise UsageError(
            f"{search.nbest} translations of a line need a beam of at least that, not"
            f" {search.beam}: raise --beam or lower --nbest"
        )


def check_checkpoint_name(name: str) -> None:
    if not re.fullmatch(r"best|last|step-[0-9]+", name):
        raise UsageError(f"checkpoint '{name}': give best, last or step-N, for example step-500")
