"""Quality of an alignment: precision, recall and the alignment error rate (AER)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from nmtcli.alignment.links import Link
from nmtcli.alignment.pharaoh import GoldLinks


@dataclass(frozen=True)
class AlignmentScore:
    """Counts of links over a corpus: A found, S sure and P possible links, with S in P.

        precision = |A & P| / |A|      recall = |A & S| / |S|
        AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)

    Each is NaN where it would divide by 0.

    Reference: Och & Ney (2003), "A Systematic Comparison of Various Statistical Alignment Models",
    where the evaluation is described.

    pairs: the number of sentence pairs.
    found: |A|.
    sure: |S|.
    possible: |P|, which includes the sure links.
    found_sure: |A & S|.
    found_possible: |A & P|.
    """

    pairs: int = 0
    found: int = 0
    sure: int = 0
    possible: int = 0
    found_sure: int = 0
    found_possible: int = 0

    def plus(self, links: Iterable[Link], gold: GoldLinks) -> "AlignmentScore":
        """Return the score with one more sentence pair."""
        links = set(links)
        return AlignmentScore(
            self.pairs + 1,
            self.found + len(links),
            self.sure + len(gold.sure),
            self.possible + len(gold.possible),
            self.found_sure + len(links & gold.sure),
            self.found_possible + len(links & gold.possible),
        )

    @property
    def precision(self) -> float:
        return self.found_possible / self.found if self.found else math.nan

    @property
    def recall(self) -> float:
        return self.found_sure / self.sure if self.sure else math.nan

    @property
    def aer(self) -> float:
        both = self.found + self.sure
        return 1 - (self.found_sure + self.found_possible) / both if both else math.nan
