"""Score given translations: log-probability of each line, perplexity of the corpus."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmtcli.decoding.batching import batches_by_length, pad
from nmtcli.decoding.engine import ScoringEngine
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import NmtError, UsageError
from nmtcli.inference.input_checks import InputChecks
from nmtcli.inference.loading import Runs, find_members, find_tags, load_members
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import NO_TAGS, SourceTags, with_tag


@dataclass(frozen=True)
class LineScore:
    """The score of one translation.

    log_prob: the natural logarithm of p(translation | source), EOS included.
    pieces: the number of tokens of the translation, EOS included.
    words: the number of words of the translation, plus one for EOS.
    """

    log_prob: float
    pieces: int
    words: int


@dataclass(frozen=True)
class Summary:
    """The scores of a corpus: the sums of the fields of `LineScore`, and the number of lines."""

    lines: int = 0
    log_prob: float = 0.0
    pieces: int = 0
    words: int = 0

    def plus(self, line: LineScore) -> "Summary":
        """Return the summary with one more line."""
        return Summary(
            self.lines + 1,
            self.log_prob + line.log_prob,
            self.pieces + line.pieces,
            self.words + line.words,
        )

    @property
    def perplexity_per_piece(self) -> float:
        """exp(-log p / tokens); NaN for an empty corpus."""
        return _perplexity(self.log_prob, self.pieces)

    @property
    def perplexity_per_word(self) -> float:
        """exp(-log p / words), comparable between subword models; NaN for an empty corpus."""
        return _perplexity(self.log_prob, self.words)

    def __str__(self) -> str:
        if not self.lines:
            return "0 lines"
        return (
            f"{self.lines} lines, {self.pieces} pieces, {self.words} words; perplexity"
            f" {self.perplexity_per_piece:.2f} per piece, {self.perplexity_per_word:.2f} per word"
        )


@dataclass(frozen=True)
class CorpusScore:
    """The score of each line, and the summary of all lines."""

    lines: list[LineScore]
    summary: Summary

    def __repr__(self) -> str:
        return f"CorpusScore({self.summary})"


@dataclass
class Scorer:
    """Scores translations with an engine.

    Args:
        engine: the engine that runs the model.
        source_subwords: the subword model of the source.
        target_subwords: the subword model of the target.
        batch_tokens: the limit of rows x positions of a batch; a longer pair is a batch of its own.
            0 takes the engine's default.
        window: the number of lines that are sorted by length together.
        tags: the tags of the source lines.
        checks_input: whether to warn of lines that the model cannot read, see `InputChecks`.
    """

    engine: ScoringEngine
    source_subwords: Subwords
    target_subwords: Subwords
    batch_tokens: int = 0
    window: int = 2000
    tags: SourceTags = NO_TAGS
    checks_input: bool = False

    def __post_init__(self) -> None:
        self.batch_tokens = self.batch_tokens or self.engine.batch_tokens

    def score_lines(self, sources: Sequence[str], targets: Sequence[str]) -> Iterator[LineScore]:
        """Yield the score of each pair, in order.

        Empty and long lines are not treated specially: an empty translation has the probability
        that the model gives to EOS as the first token, and no line is split.

        Raises:
            UsageError: the sides have different numbers of lines.
            NmtError: the model's probabilities are NaN.
        """
        if len(sources) != len(targets):
            raise UsageError(
                f"there are {len(sources)} sources but {len(targets)} translations; give one"
                " translation for each source"
            )
        checks = (
            InputChecks(self.source_subwords, "source", self.tags),
            InputChecks(self.target_subwords, "translation"),
        )
        for start in range(0, len(sources), self.window):
            end = start + self.window
            yield from self._score_window(sources[start:end], targets[start:end], checks)
        if self.checks_input:
            for side in checks:
                side.warn()

    def score_corpus(self, sources: Sequence[str], targets: Sequence[str]) -> CorpusScore:
        """Score all pairs; see `score_lines`."""
        lines, summary = list(self.score_lines(sources, targets)), Summary()
        for line in lines:
            summary = summary.plus(line)
        return CorpusScore(lines, summary)

    def _score_window(
        self, sources: Sequence[str], targets: Sequence[str], checks: Sequence[InputChecks]
    ) -> list[LineScore]:
        lines = [self.tags.of_line(self.source_subwords.normalise(line)) for line in sources]
        texts = [with_tag(line.tag, line.text) for line in lines]
        targets = list(map(self.target_subwords.normalise, targets))
        source_ids = self.source_subwords.encode_batch(texts)
        target_ids = self.target_subwords.encode_batch(targets)
        if self.checks_input:
            for line, *source, ids in zip(lines, texts, source_ids):
                checks[0].add(line, source, [ids])
            for text, ids in zip(targets, target_ids):
                checks[1].add(None, [text], [ids])
        source_rows = [[*ids, EOS_ID] for ids in source_ids]
        target_rows = [[*ids, EOS_ID] for ids in target_ids]
        log_probs = np.zeros(len(sources))
        lengths = [max(len(s), len(t)) for s, t in zip(source_rows, target_rows)]
        for batch in batches_by_length(lengths, self.batch_tokens):
            rows = [[side[index] for index in batch] for side in (source_rows, target_rows)]
            scores = self.engine.score(*map(pad, rows))
            log_probs[batch] = np.asarray(scores, dtype=np.float64).sum(axis=1)
        if np.isnan(log_probs).any():
            raise NmtError(
                "the model's probabilities are NaN, since its training diverged; use an earlier"
                " checkpoint"
            )
        return [
            LineScore(float(log_prob), len(ids), len(text.split()) + 1)
            for log_prob, ids, text in zip(log_probs, target_rows, targets)
        ]


def load_scorer(
    run_path: Runs = None,
    checkpoint: str | Sequence[str] = "best",
    ensemble: str | None = None,
    runtime: Runtime = AUTOMATIC,
    tag: str | None = None,
) -> Scorer:
    """Load a scorer from the folder of a run, or of several runs.

    Args:
        run_path: the folder; None means the newest run under `./runs`. Several are an ensemble.
        checkpoint: `best`, `last` or `step-N`; several as in `inference.loading.find_members`.
        ensemble: how an ensemble averages; None takes the option of the first run.
        runtime: the engine and precision that run the models.
        tag: the tag of each source that has none; empty for none, None for the run's usual one.

    Raises:
        UsageError: a run or checkpoint does not exist, the runs cannot be an ensemble, or they were
            not trained with the tag.
    """
    members = find_members(run_path, checkpoint)
    run = members[0].run
    search, tags = run.read_config().search, find_tags(run, tag)
    return Scorer(
        load_members(members, ensemble or search.ensemble, runtime),
        *run.load_subwords(),
        search.batch_tokens,
        search.window,
        tags,
        checks_input=True,
    )


def _perplexity(log_prob: float, count: int) -> float:
    if not count:
        return math.nan
    try:
        return math.exp(-log_prob / count)
    except OverflowError:
        return math.inf
