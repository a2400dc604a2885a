"""BLEU by sentence length: where a model loses with long sentences.

The plot of Cho et al. (2014), arXiv:1409.1259, and Bahdanau et al. (2015), figure 2, in numbers.
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
        low: least length.
        high: greatest length; None in the last bucket, which has no end, and in that of all.
        count: how many sentences.
        score: their corpus BLEU; None if there are none (not 0: nothing was measured).
        interval: 95 % bootstrap interval of the score; None if there are fewer than two sentences,
            or if it was not asked for.
    """

    low: int
    high: int | None
    count: int
    score: float | None
    interval: "Interval | None" = None

    @property
    def label(self) -> str:
        """For example `11-20`, `>50` for the last one, `all` for the one of every length."""
        if self.high is None:
            return f">{self.low - 1}" if self.low else "all"
        return f"{self.low}-{self.high}"


def count_words(lines: Sequence[str]) -> list[int]:
    """Number of words between white space, line by line."""
    return [len(line.split()) for line in lines]


def bleu_by_length(
    statistics: "SentenceStatistics", lengths: Sequence[int], edges: Sequence[int], samples: int = 0
) -> list[Bucket]:
    """Corpus BLEU of the sentences of each length.

    Args:
        statistics: of a system's sentences, from `bootstrap.count_statistics`.
        lengths: length of each sentence, as a rule of its source: `count_words(source)`.
        edges: greatest length of each bucket but the last; ascending, at least 1.
        samples: bootstrap resamples for the intervals; 0 leaves them out.

    Returns:
        `len(edges) + 1` buckets, shortest sentences first, and then one of all sentences.

    Raises:
        UsageError: edges that do not ascend, or another number of lengths than of sentences.
    """
    check_edges(edges)
    if len(lengths) != len(statistics):
        raise UsageError(f"there are {len(lengths)} lengths of {len(statistics)} sentences")
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
