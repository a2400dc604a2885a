"""Which pairs of a parallel corpus are kept, and the rule that drops each other one."""

from array import array
from hashlib import blake2b
from typing import TextIO

from nmtcli.config import DataConfig
from nmtcli.data.readers import Pair

EMPTY, TOO_LONG, RATIO = "empty", "too long", "length ratio"
IDENTICAL, DUPLICATE = "identical", "duplicate"
TOO_MANY_PIECES = "too many pieces"  # counted where pairs are encoded


class PairFilter:
    """The rules that need no subwords, in the order in which they are tried.

    Args:
        options: limits and switches.
    """

    def __init__(self, options: DataConfig):
        self._options = options
        self._seen = SeenPairs()

    def problem(self, source: str, target: str, tag: str = "") -> str | None:
        """The rule that drops the pair, or None; both texts in NFC. Remembers pairs it kept.

        Pairs whose sources get different tags are different ones.
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
        # Characters first: a line of a megabyte need not be cut into words.
        if len(text) > self._options.max_characters:
            return True
        return len(text.split()) > self._options.max_words


class SeenPairs:
    """A set of pairs that remembers 8 bytes of hash of each, never its text.

    Memory: an open-addressing table between one third and two thirds full, so 12 to 24 bytes a
    pair (36 in the moment in which it grows); a set of Python integers needs about 70. Two
    different pairs share a hash with probability n² / 2⁶⁵: a hundred million pairs lose one to
    this with a chance of 1 in 3,700.
    """

    def __init__(self):
        self._table = array("Q", bytes(8 * 1024))  # 0 marks a free place
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, source: str, target: str) -> bool:
        """Remember a pair; False if it was there already."""
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
        """The place that holds the key, or the free one where it belongs."""
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
    """The pairs that were dropped: how many by each rule and, if wanted, which.

    Args:
        log: text stream that gets a line `rule, line number, source, target` for every pair,
            with tabs between; a tab, carriage return or backslash in a text is escaped.
        where: stands before the line number, such as `a.ko:`.
    """

    def __init__(self, log: TextIO | None = None, where: str = ""):
        self.counts: dict[str, int] = {}
        self._log, self._where = log, where

    def add(self, rule: str, pair: Pair) -> None:
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if self._log is not None:
            texts = (text.replace("\\", "\\\\") for text in (pair.source, pair.target))
            escaped = (text.replace("\t", "\\t").replace("\r", "\\r") for text in texts)
            self._log.write("\t".join([rule, f"{self._where}{pair.line}", *escaped]) + "\n")

    def total(self) -> int:
        return sum(self.counts.values())
