"""Align given translations: find the source word to which each target word attends."""

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
    transposed,
)
from nmtcli.alignment.pharaoh import format_links
from nmtcli.alignment.symmetrization import DEFAULT_METHOD, check_method, symmetrize
from nmtcli.config.paths import AnyPath
from nmtcli.decoding.batching import batches_by_length, pad
from nmtcli.decoding.engine import ScoringEngine
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import NmtError, UsageError
from nmtcli.inference.input_checks import InputChecks
from nmtcli.inference.loading import find_tags
from nmtcli.inference.results import check_attention
from nmtcli.runs.checkpoints import check_checkpoint_name
from nmtcli.runs.directory import find_run
from nmtcli.text.spans import TokenSpans
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import NO_TAGS, SourceTags, TaggedLine, with_tag
from nmtcli.text.words import split_words, words_of_source_segments, words_of_tokens

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TwoWayAlignment:
    """A pair of lines aligned by models of both directions.

    forward: the alignment by the model from source to target.
    reverse: the alignment by the model from target to source, transposed to source-target.
    links: the symmetrised links.
    """

    forward: WordAlignment
    reverse: WordAlignment
    links: list[Link]

    def __str__(self) -> str:
        return format_links(self.links)

    def __repr__(self) -> str:
        return f"TwoWayAlignment('{self}')"


@dataclass
class Aligner:
    """Aligns pairs of lines with an engine.

    The model reads the given target (teacher forcing), and its attention gives the alignment.

    Args:
        engine: the engine that runs the model.
        source_subwords: the subword model of the source.
        target_subwords: the subword model of the target.
        rule: how links are taken from the attention.
        batch_tokens: the limit of rows x positions of a batch; a longer pair is a batch of its own.
            0 takes the engine's default.
        window: the number of lines that are sorted by length together.
        longest: the number of tokens of a line above which `align_lines` warns.
        tags: the tags of the source lines. A tag that is added to a line is none of its words.
        checks_input: whether to warn of lines that the model cannot read, see `InputChecks`.

    Raises:
        UsageError: the model has no attention.
    """

    engine: ScoringEngine
    source_subwords: Subwords
    target_subwords: Subwords
    rule: LinkRule = DEFAULT_RULE
    batch_tokens: int = 0
    window: int = 2000
    longest: int = 200
    tags: SourceTags = NO_TAGS
    checks_input: bool = False

    def __post_init__(self) -> None:
        check_attention(self.engine)
        self.batch_tokens = self.batch_tokens or self.engine.batch_tokens

    def align_lines(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> Iterator[WordAlignment]:
        """Yield the alignment of each pair, in order; it has no links if a side has no words.

        Lines are not split, so that every word can be linked to every other one. A warning names
        the lines that are longer than what the model translates as one segment.

        Raises:
            UsageError: the sides have different numbers of lines.
            NmtError: the model's attention is NaN.
        """
        if len(sources) != len(targets):
            raise UsageError(
                f"there are {len(sources)} sources but {len(targets)} targets; give one target for"
                " each source"
            )
        checks = (
            InputChecks(self.source_subwords, "source", self.tags),
            InputChecks(self.target_subwords, "translation"),
        )
        for start in range(0, len(sources), self.window):
            window = slice(start, start + self.window)
            normal = map(self.source_subwords.normalise, sources[window])
            lines = list(map(self.tags.of_line, normal))
            texts = [with_tag(line.tag, line.text) for line in lines]
            source_tokens = self.source_subwords.encode_batch_with_spans(texts)
            translations = list(map(self.target_subwords.normalise, targets[window]))
            target_tokens = self.target_subwords.encode_batch_with_spans(translations)
            pairs = list(zip(source_tokens, target_tokens))
            self._warn_of_long_lines(start, pairs)
            if self.checks_input:
                for line, (source, target) in zip(lines, pairs):
                    checks[0].add(line, [source.text], [source.ids])
                    checks[1].add(None, [target.text], [target.ids])
            yield from self._align_window(lines, translations, pairs)
        if self.checks_input:
            for side in checks:
                side.warn()

    def _warn_of_long_lines(self, start: int, pairs: Sequence[Sequence[TokenSpans]]) -> None:
        for number, pair in enumerate(pairs, start=start + 1):
            longest = max(len(side.ids) for side in pair)
            if longest > self.longest:
                logger.warning(
                    "line %s has %s tokens, more than %s (search.max_source_pieces); it is aligned"
                    " as a whole, although the model translates such lines in segments",
                    *(number, longest, self.longest),
                )

    def _align_window(
        self,
        sources: Sequence[TaggedLine],
        targets: Sequence[str],
        pairs: Sequence[tuple[TokenSpans, TokenSpans]],
    ) -> list[WordAlignment]:
        """Return the alignment of each pair of lines; an empty side needs no model."""

        def align(n: int, *segments: AlignedSegment) -> WordAlignment:
            words = split_words(sources[n].shown), split_words(targets[n])
            return align_words(*words, segments, self.rule)

        aligned = {}
        full = [n for n, pair in enumerate(pairs) if all(side.ids for side in pair)]
        lengths = [max(len(side.ids) for side in pairs[n]) + 1 for n in full]
        for batch in batches_by_length(lengths, self.batch_tokens):
            numbers = [full[index] for index in batch]
            for n, attention in zip(numbers, self._attend([pairs[n] for n in numbers])):
                source, (of_source, of_target) = sources[n], pairs[n]
                (source_words,) = words_of_source_segments([of_source], source.tag, source.is_own)
                target_words = words_of_tokens(of_target.text, of_target.spans)
                aligned[n] = align(n, AlignedSegment(attention, source_words, target_words))
        return [aligned[n] if n in aligned else align(n) for n in range(len(pairs))]

    def _attend(self, pairs: Sequence[tuple[TokenSpans, TokenSpans]]) -> Iterator[np.ndarray]:
        """Yield the attention of each pair, (T, S), including the row and the column of EOS."""
        sides = (pad([[*tokens.ids, EOS_ID] for tokens in side]) for side in zip(*pairs))
        attention = np.asarray(self.engine.align(*sides))
        if np.isnan(attention).any():
            raise NmtError(
                "the model's attention is NaN, since its training diverged; use an earlier"
                " checkpoint"
            )
        for weights, (source, target) in zip(attention, pairs):
            yield weights[: len(target.ids) + 1, : len(source.ids) + 1]


def align_both_ways(
    forward: Aligner,
    reverse: Aligner,
    sources: Sequence[str],
    targets: Sequence[str],
    method: str = DEFAULT_METHOD,
    agree: bool = False,
) -> Iterator[TwoWayAlignment]:
    """Yield the alignment of each pair by models of both directions.

    Args:
        forward: the aligner of a model from source to target.
        reverse: the aligner of a model from target to source.
        sources, targets: the lines of both sides.
        method: one of `nmtcli.alignment.symmetrization.METHODS`.
        agree: whether to take the links of both directions from the weights on which both agree
            (`agreed_weights`), instead of from each direction's own weights.

    Raises:
        UsageError: there is no such method, or `agree` is combined with the null rule "eos".
    """
    check_method(method)
    if agree and "eos" in (forward.rule.null, reverse.rule.null):
        raise UsageError("agree does not work with null eos; leave out one of them")
    directions = zip(forward.align_lines(sources, targets), reverse.align_lines(targets, sources))
    for source_target, target_source in directions:
        reversed_back = transposed(target_source)
        links = source_target.links, reversed_back.links
        if agree:
            normalize = forward.rule.normalize
            weights = agreed_weights(source_target.weights, target_source.weights, normalize)
            links = agreed_links(weights)
        yield TwoWayAlignment(source_target, reversed_back, symmetrize(*links, method))


def load_aligner(
    run_path: AnyPath | None = None,
    checkpoint: str = "best",
    rule: LinkRule = DEFAULT_RULE,
    layer: int | None = None,
    head: int | None = None,
    runtime: Runtime = AUTOMATIC,
    tag: str | None = None,
) -> Aligner:
    """Load an aligner from the folder of a run.

    Args:
        run_path: the folder; None means the newest run under `./runs`.
        checkpoint: `best`, `last` or `step-N`.
        rule: how links are taken from the attention.
        layer, head: the layer and the head of a Transformer, see `load_engine`.
        runtime: the engine and precision that run the model.
        tag: the tag of each source that has none; empty for none, None for the run's usual one.

    Raises:
        UsageError: there is no such run, checkpoint, layer or head, the model has no attention, or
            it was not trained with the tag.
    """
    run = find_run(run_path)
    check_checkpoint_name(checkpoint)
    search, tags = run.read_config().search, find_tags(run, tag)
    runtime.check_attention()
    from nmtcli.engines.load import load_engine

    engine = load_engine(run, checkpoint, layer, head, runtime)
    check_attention(engine, run.path)
    return Aligner(
        engine,
        *run.load_subwords(),
        rule,
        search.batch_tokens,
        search.window,
        search.max_source_pieces,
        tags,
        checks_input=True,
    )
