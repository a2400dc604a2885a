"""BLEU by sentence length: where a model loses with long sentences.

The plot of Cho et al. (2014), arXiv:1409.1259, and Bahdanau et al. (2015), figure 2, in numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nmtcli.errors import UsageError
from nmtcli.evaluation.bleu import BleuOptions, corpus_bleu


@dataclass(frozen=True)
class Bucket:
    """The sentences whose length is from `low` to `high`, both included.

    Attributes:
        low: least length.
        high: greatest length; None in the last bucket, which has no end.
        count: how many sentences.
        score: their corpus BLEU; None if there are none (not 0: nothing was measured).
    """

    low: int
    high: int | None
    count: int
    score: float | None

    @property
    def label(self) -> str:
        """For example `11-20`, or `>50` for the last one."""
        return f">{self.low - 1}" if self.high is None else f"{self.low}-{self.high}"


def count_words(lines: Sequence[str]) -> list[int]:
    """Number of words between white space, line by line."""
    return [len(line.split()) for line in lines]


def bleu_by_length(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    lengths: Sequence[int],
    edges: Sequence[int],
    options: BleuOptions = BleuOptions(),  # noqa: B008 - frozen
) -> list[Bucket]:
    """Corpus BLEU of the sentences of each length.

    Args:
        references: one list of lines for each reference.
        hypotheses: lines.
        lengths: length of each sentence, as a rule of its source: `count_words(source)`.
        edges: greatest length of each bucket but the last; ascending, at least 1.
        options: how BLEU is computed.

    Returns:
        `len(edges) + 1` buckets, shortest sentences first.

    Raises:
        UsageError: edges that do not ascend, or lists of unequal length.
    """
    check_edges(edges)
    if any(len(lines) != len(hypotheses) for lines in (*references, lengths)):
        raise UsageError("references, hypotheses and lengths must have the same number of lines")
    lows, highs = [0, *(edge + 1 for edge in edges)], [*edges, None]
    buckets = []
    for low, high in zip(lows, highs):
        chosen = [
            number
            for number, length in enumerate(lengths)
            if low <= length and (high is None or length <= high)
        ]
        score = None
        if chosen:
            some_references = [[lines[number] for number in chosen] for lines in references]
            some_hypotheses = [hypotheses[number] for number in chosen]
            score = corpus_bleu(some_references, some_hypotheses, options).value
        buckets.append(Bucket(low, high, len(chosen), score))
    return buckets


def check_edges(edges: Sequence[int]) -> None:
    """Raise UsageError unless `edges` are ascending lengths from 1."""
    shown = ",".join(str(edge) for edge in edges)
    if not edges or edges[0] < 1:
        raise UsageError(f"--by-length needs lengths of at least 1, not '{shown}'")
    for before, after in pairwise(edges):
        if after <= before:
            raise UsageError(f"--by-length must ascend: {after} follows {before} in '{shown}'")
