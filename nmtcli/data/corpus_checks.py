"""Warnings about parallel corpora that do not look like what they are given as.

The filters read every pair anyway; here a sample of each corpus is is_named with the others by the
scripts of its letters and by its pairs of neighbouring letters, which differ between languages
(Cavnar and Trenkle (1994), with n = 2).
"""

import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from nmtcli.data.corpora import Corpus, read_corpus
from nmtcli.data.readers import Pair
from nmtcli.text.scripts import SYMBOLS, script_of

logger = logging.getLogger(__name__)

SAMPLED_PAIRS = 1000  # of each corpus, up to twice as many
FEWEST_LETTERS = 200  # of a side; fewer say nothing about its script or language
LONGEST_SAMPLE = 300  # characters of a line
MAIN_SHARE = 0.5  # of the letters, for the main script of a side
STRANGE_SHARE = 0.02  # a script with fewer letters does not occur
FEWEST_IN_LINE = 10  # letters of a line that say something about its script
STRANGE_LINES = 3, 0.005  # the fewest lines of another script, and their fewest share, to warn of
JAPANESE = frozenset(("Han", "kana"))  # one text has both, in any mixture
SIDES = ("source", "target")


@dataclass
class SideProfile:
    """The letters of a side of a corpus, the pairs of neighbouring ones, the scripts of its lines.

    lines: for each set of scripts, the number of lines that have these and no others, and the
        number of the first.
    """

    letters: Counter = field(default_factory=Counter)
    bigrams: Counter = field(default_factory=Counter)
    lines: dict[frozenset[str], list[int]] = field(default_factory=dict)

    def add(self, text: str, number: int) -> None:
        """Add a line."""
        text = text[:LONGEST_SAMPLE].lower()
        self.letters.update(text)
        self.bigrams.update(pairwise(text))
        if sum(map(str.isalpha, text)) >= FEWEST_IN_LINE:
            scripts = frozenset(map(_script, set(text))) - {SYMBOLS}
            self.lines.setdefault(scripts, [0, number])[0] += 1

    def scripts(self) -> dict[str, float]:
        """Return the share of each script in the letters; empty if there are too few."""
        counts: Counter = Counter()
        for letter, count in self.letters.items():
            counts[_script(letter)] += count
        counts.pop(SYMBOLS, None)
        total = counts.total()
        return {name: n / total for name, n in counts.items()} if total >= FEWEST_LETTERS else {}

    def similarity(self, other: "SideProfile") -> float:
        """Return the cosine of the angle between the counts of bigrams, 0 to 1."""
        shared = self.bigrams.keys() & other.bigrams.keys()
        product = sum(self.bigrams[one] * other.bigrams[one] for one in shared)
        lengths = (sum(n * n for n in side.bigrams.values()) for side in (self, other))
        return product / (math.sqrt(math.prod(lengths)) or 1.0)


@cache
def _script(letter: str) -> str:
    script = script_of(letter)
    return "Han and kana" if script in JAPANESE else script


class CorpusChecks:
    """Looks at the pairs of all corpora and warns of what looks wrong.

    Args:
        corpora: the training text.
        valid: the validation text, or None.
    """

    def __init__(self, corpora: Sequence[Corpus], valid: Corpus | None):
        self._corpora, self._valid = list(corpora), valid
        self._profiles: list[list[SideProfile]] = []
        self._valid_profile = [SideProfile(), SideProfile()]
        self._valid_pairs: set[int] = set()
        self._shared: set[int] = set()
        if valid is not None:
            pairs = self._sampled(valid, self._valid_profile)
            self._valid_pairs = {_key(pair) for pair in pairs if pair.source and pair.target}

    def watched(self, corpus: Corpus, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Yield the pairs of the next training corpus, looking at each of them."""
        self._profiles.append([SideProfile(), SideProfile()])
        for pair in self._sampled(corpus, self._profiles[-1], pairs):
            if self._valid_pairs and (key := _key(pair)) in self._valid_pairs:
                self._shared.add(key)
            yield pair

    def _sampled(
        self, corpus: Corpus, sides: list[SideProfile], pairs: Iterable[Pair] | None = None
    ) -> Iterator[Pair]:
        """Yield all pairs of a corpus, and add some of them, spread over the text, to `sides`."""
        every = max(1, corpus.surveys[0].lines // SAMPLED_PAIRS)
        for pair in read_corpus(corpus, with_links=False) if pairs is None else pairs:
            if pair.line % every == 0 or every == 1:
                sides[0].add(pair.source, pair.line)
                sides[1].add(pair.target, pair.line)
            yield pair

    def warn(self) -> None:
        """Log what looks wrong, one warning for each corpus and kind of trouble."""
        if self._shared:
            logger.warning(
                "%s: %s of its %s different pairs are in the training text too, so its scores will"
                " be too good; take them out of the training text",
                *(self._valid.name, f"{len(self._shared):,}", f"{len(self._valid_pairs):,}"),
            )
        named = list(zip(self._corpora, self._profiles))
        if self._valid is not None:
            named.append((self._valid, self._valid_profile))
        for number, (corpus, sides) in enumerate(named):
            others = [
                profile
                for place, (other, profile) in enumerate(named)
                if place != number and other.tag == corpus.tag  # other tags, other languages
            ]
            if number == 0 and len(others) == 1:  # two cannot tell which one of them is wrong
                others = []
            is_named = bool(others) and (
                _warn_if_swapped(corpus, sides, others) or _warn_of_scripts(corpus, sides, others)
            )
            if not is_named:
                _warn_of_lines(corpus, sides)


def _warn_if_swapped(corpus: Corpus, sides: list[SideProfile], others: list) -> bool:
    is_swapped = sum(_are_swapped(sides, other) for other in others) > len(others) / 2
    if is_swapped:
        logger.warning(
            "%s: its sides look swapped, judging by the other text; give the source first",
            corpus.name,
        )
    return is_swapped


def _are_swapped(sides: list[SideProfile], other: list[SideProfile]) -> bool:
    """Return whether each side looks rather like the opposite side of another corpus."""
    if any(side.letters.total() < FEWEST_LETTERS for side in (*sides, *other)):
        return False
    straight = (sides[0].similarity(other[0]), sides[1].similarity(other[1]))
    crossed = (sides[0].similarity(other[1]), sides[1].similarity(other[0]))
    return all(across > along + 0.1 for along, across in zip(straight, crossed))


def _warn_of_scripts(corpus: Corpus, sides: list[SideProfile], others: list) -> bool:
    found = False
    for side, name in enumerate((corpus.source, corpus.target)):
        shares = sides[side].scripts()
        usual = _sum(profile[side] for profile in others).scripts()
        for script, share in shares.items():
            if share >= MAIN_SHARE and usual and usual.get(script, 0.0) < STRANGE_SHARE:
                other, found = max(usual, key=usual.get), True
                logger.warning(
                    "%s: %.0f%% of its letters are %s, but the other %s text is %.0f%% %s; is it"
                    " the right file?",
                    *(name, 100 * share, script, SIDES[side], 100 * usual[other], other),
                )
    return found


def _warn_of_lines(corpus: Corpus, sides: list[SideProfile]) -> None:
    """Warn of lines in scripts other than that of most letters."""
    for side, name in zip(sides, (corpus.source, corpus.target)):
        main = [script for script, share in side.scripts().items() if share >= MAIN_SHARE]
        strange = [one for scripts, one in side.lines.items() if main and main[0] not in scripts]
        count, total = sum(n for n, _ in strange), sum(n for n, _ in side.lines.values())
        if count >= max(STRANGE_LINES[0], STRANGE_LINES[1] * total):
            logger.warning(
                "%s: %s of %s lines that were looked at (the first: %s) have no letter of %s, the"
                " script of the others; leave them out if they are in another language",
                *(name, f"{count:,}", f"{total:,}", min(first for _, first in strange), main[0]),
            )


def _sum(profiles: Iterable[SideProfile]) -> SideProfile:
    total = SideProfile()
    for profile in profiles:
        total.letters.update(profile.letters)
        total.bigrams.update(profile.bigrams)
    return total


def _key(pair: Pair) -> int:
    return hash((pair.source, pair.target))
