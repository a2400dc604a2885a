"""Random decisions that come out the same on every platform and Python version."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Everything is derived from ``Random.random()``, whose output Python guarantees."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)

    def chance(self, probability: float) -> bool:
        return self._source.random() < probability

    def below(self, limit: int) -> int:
        return int(self._source.random() * limit)

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[tuple[T, float]]) -> T:
        point = self._source.random() * sum(weight for _, weight in options)
        for option, weight in options:
            point -= weight
            if point < 0:
                return option
        return options[-1][0]

    def shuffle(self, items: list[T]) -> None:
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
