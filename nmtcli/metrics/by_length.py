"""BLEU by sentence length, which shows how a model translates long sentences.

These are the numbers behind the plots of Cho et al. (2014), arXiv:1409.1259, and of Bahdanau et al.
(2015), figure 2.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from nmtcli.errors import UsageError

if TYPE_CHECKING:
    from nmtcli.metrics.bootstrap import Interval, SentenceStatistics


@dataclass(frozen=True)
class Bucket:
    """The sentences whose length is from `low` to `high`, both included.

    Attributes:
        low: the smallest length.
        high: the largest length; None for the last bucket and for the bucket of all sentences.
        count: the number of sentences.
        score: their corpus BLEU; None (not 0) if there are no sentences.
        interval: the 95 % bootstrap interval of the score; None if there are fewer than two
            sentences, or if it was not asked for.
    """

    low: int
    high: int | None
    count: int
    score: float | None
    interval: "Interval | None" = None

    @property
    def label(self) -> str:
        """The label, such as `11-20`, `>50` for the last bucket, `all` for all sentences."""
        if self.high is None:
            return f">{self.low - 1}" if self.low else "all"
        return f"{self.low}-{self.high}"


def count_words(lines: Sequence[str]) -> list[int]:
    """Return the number of words of each line, separated by white space."""
    return [len(line.split()) for line in lines]


def bleu_by_length(
    statistics: "SentenceStatistics", lengths: Sequence[int], edges: Sequence[int], samples: int = 0
) -> list[Bucket]:
    """Return the corpus BLEU of the sentences in each bucket of lengths.

    Args:
        statistics: the statistics of a system's sentences, from `bootstrap.count_statistics`.
        lengths: the length of each sentence, usually of its source: `count_words(source)`.
        edges: the largest length of each bucket but the last; ascending, at least 1.
        samples: the number of bootstrap resamples for the intervals; 0 for no intervals.

    Returns:
        `len(edges) + 1` buckets, shortest sentences first, and then one of all sentences.

    Raises:
        UsageError: the edges do not ascend, or the numbers of lengths and sentences differ.
    """
    check_edges(edges)
    if len(lengths) != len(statistics):
        raise UsageError(
            f"there are {len(lengths)} lengths but {len(statistics)} sentences; give one length for"
            " each sentence"
        )
    members: list[list[int]] = [[] for _ in range(len(edges) + 1)]
    for number, length in enumerate(lengths):
        members[bisect_left(edges, length)].append(number)
    lows, highs = [0, *(edge + 1 for edge in edges), 0], [*edges, None, None]
    buckets = []
    for low, high, chosen in zip(lows, highs, [*members, range(len(lengths))]):
        if chosen:
            score = statistics.score(chosen, samples)
            buckets.append(Bucket(low, high, len(chosen), score.value, score.interval))
        else:
            buckets.append(Bucket(low, high, 0, None))
    return buckets


def check_edges(edges: Sequence[int]) -> None:
    """Raise UsageError unless `edges` are ascending lengths from 1."""
    shown = ",".join(str(edge) for edge in edges)
    if not edges or edges[0] < 1:
        raise UsageError(f"--by-length needs lengths of at least 1, not '{shown}'")
    for before, after in pairwise(edges):
        if after <= before:
            raise UsageError(f"--by-length must ascend: {after} follows {before} in '{shown}'")
