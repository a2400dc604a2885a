"""Filters of a parallel corpus: the rules that drop pairs, and the record of dropped pairs."""

from array import array
from hashlib import blake2b
from typing import TextIO

from nmtcli.config import DataConfig
from nmtcli.data.readers import Pair

EMPTY, TOO_LONG, RATIO = "empty", "too long", "length ratio"
IDENTICAL, DUPLICATE = "identical", "duplicate"
TOO_MANY_PIECES = "too many pieces"  # counted where pairs are encoded


class PairFilter:
    """The filter rules that need no subwords.

    Args:
        options: the limits and switches of the rules.
    """

    def __init__(self, options: DataConfig):
        self._options = options
        self._seen = SeenPairs()

    def problem(self, source: str, target: str, tag: str = "") -> str | None:
        """Return the first rule that drops the pair, or None, and remember the pairs it kept.

        Args:
            source, target: the texts, normalised.
            tag: the tag of the source; pairs with different tags are not duplicates.
        """
        options = self._options
        source, target = source.strip(), target.strip()
        if not source or not target:
            return EMPTY
        if self._is_too_long(source) or self._is_too_long(target):
            return TOO_LONG
        shorter, longer = sorted((len(source), len(target)))
        is_checked = options.max_ratio and longer >= options.ratio_from
        if is_checked and longer > options.max_ratio * shorter:
            return RATIO
        if options.drop_identical and source == target:
            return IDENTICAL
        if options.drop_duplicates and not self._seen.add(tag + source, target):
            return DUPLICATE
        return None

    def _is_too_long(self, text: str) -> bool:
        # Characters are checked first, so that a line of a megabyte is not split into words.
        limits = self._options
        return len(text) > limits.max_characters or len(text.split()) > limits.max_words


class SeenPairs:
    """A set of pairs that stores a hash of 8 bytes for each pair, and never its text.

    Memory: an open-addressing table is between one third and two thirds full, which is 12 to 24
    bytes a pair (36 while it grows); a set of Python integers needs about 70. Among n pairs, two
    different ones share a hash with probability n² / 2⁶⁵: of a hundred million pairs, one is lost
    with a chance of 1 in 3,700.
    """

    def __init__(self):
        self._table = array("Q", bytes(8 * 1024))  # 0 marks a free slot
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, source: str, target: str) -> bool:
        """Add a pair and return True, or return False if it has been added before."""
        digest = blake2b(f"{source}\n{target}".encode("utf-8", "surrogatepass"), digest_size=8)
        key = int.from_bytes(digest.digest(), "little") or 1
        place = self._find(key)
        if self._table[place]:
            return False
        self._table[place] = key
        self._count += 1
        if 3 * self._count > 2 * len(self._table):
            self._grow()
        return True

    def _find(self, key: int) -> int:
        """Return the slot that holds the key, or the free one where it belongs."""
        table, last = self._table, len(self._table) - 1  # the length is a power of two
        place = key & last
        while table[place] not in (0, key):
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        old = self._table
        self._table = array("Q", bytes(16 * len(old)))
        for key in old:
            if key:
                self._table[self._find(key)] = key


class Rejected:
    """The dropped pairs: their number for each rule and, optionally, a log of them.

    Args:
        log: a text stream; each pair adds a line `rule, line number, source, target`, separated by
            tabs, with tabs, carriage returns and backslashes in the texts escaped.
        where: the text before each line number, such as `a.ko:`.
    """

    def __init__(self, log: TextIO | None = None, where: str = ""):
        self.counts: dict[str, int] = {}
        self._log, self._where = log, where

    def add(self, rule: str, pair: Pair) -> None:
        """Count a pair that `rule` drops, and log it."""
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if self._log is not None:
            texts = (text.replace("\\", "\\\\") for text in (pair.source, pair.target))
            escaped = (text.replace("\t", "\\t").replace("\r", "\\r") for text in texts)
            self._log.write("\t".join([rule, f"{self._where}{pair.line}", *escaped]) + "\n")

    def total(self) -> int:
        """Return the number of dropped pairs."""
        return sum(self.counts.values())
