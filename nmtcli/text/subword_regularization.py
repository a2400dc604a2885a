"""Sample segmentations of words into tokens: subword regularisation and BPE-dropout.

SentencePiece can sample too, but its samples differ between processes whatever its seed, and a
resumed training needs the same ones. So they are drawn here, from the tokens and scores of its
models. No token crosses a space, so each word is segmented by itself.
"""

import itertools
import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

WORD_START = "\u2581"  # SentencePiece's mark for the space before a word
LARGEST_CACHE = 200_000  # words whose segmentations are cached
DRAWN_AT_ONCE = 4096

Word = tuple[int, ...]
Draw = Callable[[], float]


def make_draw(*seed: int) -> Draw:
    """Return a function that draws the next number in [0, 1) of the generator with this seed."""
    generator = np.random.default_rng(seed)
    blocks = iter(lambda: generator.random(DRAWN_AT_ONCE).tolist(), None)
    return itertools.chain.from_iterable(blocks).__next__


class WordSampler(ABC):
    """Samples other segmentations of a line's words; their text stays the same.

    Args:
        tokens: the text of each token, by id.
        scores: the score of each token: log-probabilities for unigram, the merge order for bpe.
        fixed: ids that are never resampled, such as UNK, bytes and tags; a word with one of them
            is left as it is.
        alpha: the parameter of the sampling, see the subclasses.
    """

    def __init__(
        self, tokens: Sequence[str], scores: Sequence[float], fixed: frozenset[int], alpha: float
    ):
        self._tokens, self._alpha, self._fixed = tokens, alpha, fixed
        self._ids = {token: i for i, token in enumerate(tokens) if i not in fixed}
        self._scores = scores
        self._starts = [token.startswith(WORD_START) for token in tokens]
        self._tables: dict[Word, tuple | None] = {}

    def words(self, ids: Sequence[int]) -> list[Word]:
        """Split the ids of a line into words; joined, the words equal `ids`."""
        begins = [place for place, i in enumerate(ids) if place == 0 or self._starts[i]]
        return [tuple(ids[begin:end]) for begin, end in itertools.pairwise([*begins, len(ids)])]

    def sample(self, word: Word, draw: Draw) -> Sequence[int]:
        """Return the ids of a random segmentation of the same text."""
        try:
            table = self._tables[word]
        except KeyError:
            if len(self._tables) >= LARGEST_CACHE:
                self._tables.clear()
            is_fixed = not self._fixed.isdisjoint(word)
            table = None if is_fixed else self._prepare("".join(self._tokens[i] for i in word))
            self._tables[word] = table
        return word if table is None else self._choose(table, draw)

    @abstractmethod
    def _prepare(self, text: str) -> tuple | None:
        """Return what `_choose` needs for a word and can be cached; None if the word is fixed."""

    @abstractmethod
    def _choose(self, table: tuple, draw: Draw) -> Sequence[int]:
        """Return the ids of a random segmentation."""


class UnigramSampler(WordSampler):
    """Samples a segmentation x of a word with probability proportional to P(x)^alpha.

    Forward filtering, backward sampling: the tokens are drawn from the end of the word to its
    start, weighted by the sum over all segmentations of the text before them.

    Reference: Kudo (2018), arXiv:1804.10959, section 3.2, with l infinite.
    """

    def _prepare(self, text: str) -> tuple | None:
        """Return, for each position in the word, the tokens that end there and their weights."""
        total = [0.0] + [-math.inf] * len(text)  # log of the sum over segmentations up to here
        table: list = [None]
        for end in range(1, len(text) + 1):
            ending = [
                (begin, token, total[begin] + self._alpha * self._scores[token])
                for begin in range(end)
                if (token := self._ids.get(text[begin:end])) is not None
                and total[begin] > -math.inf
            ]
            if ending:
                highest = max(log_p for *_, log_p in ending)
                weights = [math.exp(log_p - highest) for *_, log_p in ending]
                total[end] = highest + math.log(sum(weights))
                bounds = [share / sum(weights) for share in itertools.accumulate(weights)][:-1]
                table.append((bounds, [(begin, token) for begin, token, _ in ending]))
            else:
                table.append(None)
        return None if table[-1] is None else tuple(table)

    def _choose(self, table: tuple, draw: Draw) -> Sequence[int]:
        position, ids = len(table) - 1, []
        while position:
            bounds, ending = table[position]
            position, token = ending[bisect_right(bounds, draw()) if bounds else 0]
            ids.append(token)
        ids.reverse()
        return ids


class BpeSampler(WordSampler):
    """BPE-dropout: applies the merges in their order, and drops each with probability alpha.

    A dropped merge stays dropped until one of its two sides has grown, as in SentencePiece.

    Reference: Provilkov et al. (2020), arXiv:1910.13267, section 3.
    """

    def _prepare(self, text: str) -> tuple | None:
        if any(character not in self._ids for character in text):
            return None
        # The segmentation without dropout, and its number of merges.
        plain, merges = self._merge(text, lambda: 1.0, -1)
        return text, plain, merges

    def _choose(self, table: tuple, draw: Draw) -> Sequence[int]:
        text, plain, merges = table
        if self._alpha >= 1.0:
            kept = 0
        else:  # the number of merges before the first dropped one
            kept = int(math.log(1.0 - draw()) / math.log1p(-self._alpha))
        if kept >= merges:
            return plain
        return self._merge(text, draw, kept)[0]

    def _merge(self, text: str, draw: Draw, kept: int) -> tuple[list[int], int]:
        """Return ids and number of merges; keep the first `kept` merges and drop the next one.

        `draw` decides on the merges after that, and on all merges if `kept` is negative.
        """
        symbols, turn, merges, alpha = list(text), 0, 0, self._alpha
        ranks = [self._rank(a + b) for a, b in itertools.pairwise(symbols)]
        while ranks and (best := min(ranks)) < math.inf:
            position = ranks.index(best)
            is_dropped = turn == kept if 0 <= turn <= kept else draw() < alpha
            turn += 1
            if is_dropped:
                ranks[position] = math.inf
                continue
            merges += 1
            symbols[position : position + 2] = [symbols[position] + symbols[position + 1]]
            del ranks[position]
            if position < len(ranks):
                ranks[position] = self._rank(symbols[position] + symbols[position + 1])
            if position:
                ranks[position - 1] = self._rank(symbols[position - 1] + symbols[position])
        return [self._ids[symbol] for symbol in symbols], merges

    def _rank(self, text: str) -> float:
        """Return a token's rank among the merges, lowest first; infinity if there is no token."""
        token = self._ids.get(text)
        return math.inf if token is None else -self._scores[token]


SAMPLERS = {"unigram": UnigramSampler, "bpe": BpeSampler}
