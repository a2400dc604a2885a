"""Cut words into pieces at random: subword regularisation and BPE-dropout.

SentencePiece can draw such pieces too, but not the same ones in another process, whatever its seed;
a training that goes on where it was interrupted needs the same ones. So they are drawn here, from
the pieces and scores of its models. No piece reaches over a space, so each word is cut by itself.
"""

import itertools
import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

WORD_START = "\u2581"  # how SentencePiece marks the space before a word
LARGEST_CACHE = 200_000  # words whose ways are remembered
DRAWN_AT_ONCE = 4096

Word = tuple[int, ...]
Draw = Callable[[], float]


def make_draw(*seed: int) -> Draw:
    """A function that gives the next of the numbers in [0, 1) that belong to a seed."""
    generator = np.random.default_rng(seed)
    blocks = iter(lambda: generator.random(DRAWN_AT_ONCE).tolist(), None)
    return itertools.chain.from_iterable(blocks).__next__


class WordSampler(ABC):
    """Cuts a line's words into other pieces of the same text.

    Args:
        pieces: text of each piece, by id.
        scores: of each piece: log-probabilities for unigram, the order of merges for bpe.
        fixed: ids that stand for themselves, such as unknown pieces, bytes and tags; a word with
            one of them stays as it is.
        alpha: see the two kinds.
    """

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[float], fixed: frozenset[int], alpha: float
    ):
        self._pieces, self._alpha, self._fixed = pieces, alpha, fixed
        self._ids = {piece: i for i, piece in enumerate(pieces) if i not in fixed}
        self._scores = scores
        self._starts = [piece.startswith(WORD_START) for piece in pieces]
        self._ways: dict[Word, tuple | None] = {}

    def words(self, ids: Sequence[int]) -> list[Word]:
        """The words of a line of ids; put together they are the line."""
        starts, begin, words = self._starts, 0, []
        for place in range(1, len(ids)):
            if starts[ids[place]]:
                words.append(tuple(ids[begin:place]))
                begin = place
        if ids:
            words.append(tuple(ids[begin:]))
        return words

    def sample(self, word: Word, draw: Draw) -> Sequence[int]:
        """Ids of the same text, drawn at random."""
        try:
            ways = self._ways[word]
        except KeyError:
            if len(self._ways) >= LARGEST_CACHE:
                self._ways.clear()
            is_fixed = not self._fixed.isdisjoint(word)
            ways = None if is_fixed else self._all_ways("".join(self._pieces[i] for i in word))
            self._ways[word] = ways
        return word if ways is None else self._choose(ways, draw)

    @abstractmethod
    def _all_ways(self, text: str) -> tuple | None:
        """What is worth remembering of a word; None if it stays as it is."""

    @abstractmethod
    def _choose(self, ways: tuple, draw: Draw) -> Sequence[int]:
        """Ids of one of the ways."""


class UnigramSampler(WordSampler):
    """One of all ways to cut a word, each with probability P(x)^alpha / sum of these.

    Drawn from the end of the word to its front, by the sums of all ways to cut what is before.

    Reference: Kudo (2018), arXiv:1804.10959, section 3.2, with l infinite.
    """

    def _all_ways(self, text: str) -> tuple | None:
        """For each place in the word: the pieces that end there, and how likely they are."""
        total = [0.0] + [-math.inf] * len(text)  # log of the sum over all ways up to a place
        table: list = [None]
        for end in range(1, len(text) + 1):
            found = [
                (begin, piece, total[begin] + self._alpha * self._scores[piece])
                for begin in range(end)
                if (piece := self._ids.get(text[begin:end])) is not None
                and total[begin] > -math.inf
            ]
            if found:
                highest = max(log_p for *_, log_p in found)
                parts = [math.exp(log_p - highest) for *_, log_p in found]
                total[end] = highest + math.log(sum(parts))
                bounds = [share / sum(parts) for share in itertools.accumulate(parts)][:-1]
                table.append((bounds, [(begin, piece) for begin, piece, _ in found]))
            else:
                table.append(None)
        return None if table[-1] is None else tuple(table)

    def _choose(self, ways: tuple, draw: Draw) -> Sequence[int]:
        place, ids = len(ways) - 1, []
        while place:
            bounds, found = ways[place]
            place, piece = found[bisect_right(bounds, draw()) if bounds else 0]
            ids.append(piece)
        ids.reverse()
        return ids


class BpeSampler(WordSampler):
    """Merges in their order, but each is left out with probability alpha when its turn comes.

    A merge that was left out stays so until one of its two sides has grown, as in SentencePiece.

    Reference: Provilkov et al. (2020), arXiv:1910.13267, section 3.
    """

    def _all_ways(self, text: str) -> tuple | None:
        if any(character not in self._ids for character in text):
            return None
        # How many merges there are when none is left out, and what they give.
        plain, merges = self._merge(text, lambda: 1.0, -1)
        return text, plain, merges

    def _choose(self, ways: tuple, draw: Draw) -> Sequence[int]:
        text, plain, merges = ways
        if self._alpha >= 1.0:
            kept = 0
        else:  # how many merges happen before the first that is left out
            kept = int(math.log(1.0 - draw()) / math.log1p(-self._alpha))
        if kept >= merges:
            return plain
        return self._merge(text, draw, kept)[0]

    def _merge(self, text: str, draw: Draw, kept: int) -> tuple[list[int], int]:
        """Ids and number of merges; the first `kept` happen, the next not, chance has the others.

        With a negative `kept` chance has all of them.
        """
        symbols, turn, merges, alpha = list(text), 0, 0, self._alpha
        none = math.inf
        ranks = [self._rank(a + b) for a, b in itertools.pairwise(symbols)]
        while ranks and (best := min(ranks)) < none:
            place = ranks.index(best)
            is_left_out = turn == kept if 0 <= turn <= kept else draw() < alpha
            turn += 1
            if is_left_out:
                ranks[place] = none
                continue
            merges += 1
            symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
            del ranks[place]
            if place < len(ranks):
                ranks[place] = self._rank(symbols[place] + symbols[place + 1])
            if place:
                ranks[place - 1] = self._rank(symbols[place - 1] + symbols[place])
        return [self._ids[symbol] for symbol in symbols], merges

    def _rank(self, text: str) -> float:
        """When a piece is made: the smaller the earlier; infinity where there is none."""
        piece = self._ids.get(text)
        return math.inf if piece is None else -self._scores[piece]


SAMPLERS = {"unigram": UnigramSampler, "bpe": BpeSampler}
