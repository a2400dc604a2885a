"""Align given translations: which source word each target word attends to."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmtcli.alignment.links import (
    DEFAULT_RULE,
    AlignedSegment,
    Link,
    LinkRule,
    WordAlignment,
    agreed_links,
    agreed_weights,
    align_words,
    turned,
)
from nmtcli.alignment.symmetrization import DEFAULT_METHOD, check_method, symmetrize
from nmtcli.decoding.batching import batches_by_length, pad
from nmtcli.decoding.engine import ScoringEngine
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import NmtError, UsageError
from nmtcli.inference.results import check_attention
from nmtcli.runs.checkpoints import check_checkpoint_name
from nmtcli.runs.directory import find_run
from nmtcli.text.spans import TokenSpans
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords, load_sides
from nmtcli.text.words import split_words, words_of_tokens

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TwoWayAlignment:
    """A pair of lines aligned by models of both directions.

    forward: by the model from source to target.
    reverse: by the other one, turned round to source-target.
    links: of both together.
    """

    forward: WordAlignment
    reverse: WordAlignment
    links: list[Link]


class Aligner:
    """Aligns pairs of lines with an engine.

    The model is made to produce the given target, and what it attends to on the way is the
    alignment.

    Args:
        engine: runs the model.
        source_subwords: cut the sources into pieces.
        target_subwords: cut the targets into pieces.
        rule: how links are taken from the attention.
        batch_tokens: most rows x positions of a batch; a longer pair is a batch of its own. 0: what
            suits the engine.
        window: lines that are sorted by length together.
        longest: pieces of a line from which `align_lines` warns.

    Raises:
        UsageError: the model has no attention.
    """

    def __init__(
        self,
        engine: ScoringEngine,
        source_subwords: Subwords,
        target_subwords: Subwords,
        rule: LinkRule = DEFAULT_RULE,
        batch_tokens: int = 0,
        window: int = 2000,
        longest: int = 200,
    ):
        check_attention(engine)
        self.engine = engine
        self.source_subwords = source_subwords
        self.target_subwords = target_subwords
        self.rule = rule
        self.batch_tokens = batch_tokens or engine.batch_tokens
        self.window = window
        self.longest = longest

    def align_lines(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
    ) -> Iterator[WordAlignment]:
        """The alignment of each pair, in order; without links where a side has no words.

        No line is split, so that every word can be linked to every other one. A warning
        names lines that are longer than the model translates whole.

        Raises:
            UsageError: the sides have different numbers of lines.
            NmtError: the model's attention is not numbers.
        """
        if len(sources) != len(targets):
            raise UsageError(f"{len(sources)} sources but {len(targets)} targets")
        for start in range(0, len(sources), self.window):
            window = slice(start, start + self.window)
            sides = (
                self.source_subwords.encode_batch_with_spans(sources[window]),
                self.target_subwords.encode_batch_with_spans(targets[window]),
            )
            self._warn_of_long_lines(start, sides)
            found = self._align_window(sources[window], targets[window], *sides)
            yield from (found[number] for number in range(len(found)))

    def _warn_of_long_lines(self, start: int, sides) -> None:
        for number, pieces in enumerate(zip(*sides), start=start + 1):
            longest = max(len(side.ids) for side in pieces)
            if longest > self.longest:
                logger.warning(
                    "line %s: %s pieces, over %s; aligned in one part, though the model translates"
                    " lines of this length in several",
                    *(number, longest, self.longest),
                )

    def _align_window(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        source_pieces: Sequence[TokenSpans],
        target_pieces: Sequence[TokenSpans],
    ) -> dict[int, WordAlignment]:
        """The alignment of each pair by its number; the model is not asked about an empty side."""
        found, lengths = {}, {}
        for n, sides in enumerate(zip(source_pieces, target_pieces)):
            if all(side.ids for side in sides):
                lengths[n] = max(len(side.ids) for side in sides) + 1
            else:
                found[n] = self._align_pair(sources[n], targets[n], [])
        pairs = list(lengths)
        for batch in batches_by_length(list(lengths.values()), self.batch_tokens):
            numbers = [pairs[index] for index in batch]
            weights = self._attend(
                [source_pieces[n].ids for n in numbers], [target_pieces[n].ids for n in numbers]
            )
            for n, attention in zip(numbers, weights):
                pieces = source_pieces[n], target_pieces[n]
                part = AlignedSegment(
                    attention, *(words_of_tokens(p.text, p.spans) for p in pieces)
                )
                found[n] = self._align_pair(sources[n], targets[n], [part])
        return found

    def _align_pair(self, source: str, target: str, parts: list[AlignedSegment]) -> WordAlignment:
        return align_words(split_words(source), split_words(target), parts, self.rule)

    def _attend(
        self, sources: Sequence[list[int]], targets: Sequence[list[int]]
    ) -> Iterator[np.ndarray]:
        """The attention of each pair, (T, S), with the rows and columns of EOS."""
        attention = np.asarray(
            self.engine.align(
                pad([[*ids, EOS_ID] for ids in sources]), pad([[*ids, EOS_ID] for ids in targets])
            )
        )
        if np.isnan(attention).any():
            raise NmtError(
                "the model's attention is not numbers (NaN): its training diverged;"
                " use an earlier checkpoint"
            )
        for weights, source, target in zip(attention, sources, targets):
            yield weights[: len(target) + 1, : len(source) + 1]


def align_both_ways(
    forward: Aligner,
    reverse: Aligner,
    sources: Sequence[str],
    targets: Sequence[str],
    method: str = DEFAULT_METHOD,
    agree: bool = False,
) -> Iterator[TwoWayAlignment]:
    """The alignment of each pair by models of both directions.

    Args:
        forward: of a model from source to target.
        reverse: of a model from target to source.
        method: one of `nmtcli.alignment.symmetrization.METHODS`.
        agree: take the links of both directions from the weights on which both agree
            (`agreed_weights`), and not from its own weights each.

    Raises:
        UsageError: there is no such method, or the rule leaves words out when `agree` cannot.
    """
    check_method(method)
    if agree and "eos" in (forward.rule.null, reverse.rule.null):
        raise UsageError("--agree compares words alone: leave out --null eos")
    ways = zip(
        forward.align_lines(sources, targets),
        reverse.align_lines(targets, sources),
    )
    for there, back in ways:
        back = turned(back)
        links = there.links, back.links
        if agree:
            normalize = forward.rule.normalize
            links = agreed_links(agreed_weights(there.weights, back.weights.T, normalize))
        yield TwoWayAlignment(there, back, symmetrize(*links, method))


def load_aligner(
    run_path=None,
    checkpoint: str = "best",
    rule: LinkRule = DEFAULT_RULE,
    layer: int | None = None,
    head: int | None = None,
    runtime: Runtime = AUTOMATIC,
) -> Aligner:
    """An aligner from a run's folder.

    Args:
        run_path: the folder; None is the newest run here.
        checkpoint: `best`, `last` or `step-N`.
        rule: how links are taken from the attention.
        layer, head: of a Transformer, as of `load_engine`.
        runtime: what runs the model.

    Raises:
        UsageError: no such run, checkpoint, layer or head, or its model has no attention.
    """
    run = find_run(run_path)
    check_checkpoint_name(checkpoint)
    search = run.read_config().search
    runtime.check_attention()
    from nmtcli.engines.load import load_engine

    engine = load_engine(run, checkpoint, layer, head, runtime)
    check_attention(engine, run.path)
    return Aligner(
        engine,
        *load_sides(run.source_subwords, run.target_subwords),
        rule,
        search.batch_tokens,
        search.window,
        search.max_source_pieces,
    )
