"""The Pharaoh format of alignments: a line `0-0 1-2` for each pair, source-target, from 0.

In a gold alignment, `1-2` is a sure link and `1?2` is a possible link.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nmtcli.alignment.links import Link
from nmtcli.errors import UsageError

_LINK = re.compile("([0-9]{1,9})([-?])([0-9]{1,9})")
_SPACES = re.compile("[ \t]+")


@dataclass(frozen=True)
class GoldLinks:
    """The gold alignment of a pair of lines.

    sure: the links on which the annotators agree.
    possible: all links, including the sure ones.
    """

    sure: frozenset[Link]
    possible: frozenset[Link]


def format_links(links: Iterable[Link]) -> str:
    """Format links as `0-0 1-2`; no links give an empty text."""
    return " ".join(f"{i}-{j}" for i, j in links)


def read_links(line: str, where: str, words: tuple[int, int]) -> list[Link]:
    """Read the links of one line, sorted.

    Args:
        line: a line such as `0-0 1-2`.
        where: the file and line, for messages.
        words: the numbers of source and target words.

    Raises:
        UsageError: a link is malformed, only possible, or outside the sentences.
    """
    links = set()
    for token, link, sure in _parsed(line, where, words, "write 3-4"):
        if not sure:
            raise UsageError(
                f"{where}: '{token}' is a possible link, which only gold alignments have; write 3-4"
            )
        links.add(link)
    return sorted(links)


def read_gold(line: str, where: str, words: tuple[int, int]) -> GoldLinks:
    """Read the links of one line of a gold alignment.

    The arguments and errors are those of `read_links`, but possible links are allowed.
    """
    links = list(_parsed(line, where, words, "write 3-4 (sure) or 3?4 (possible)"))
    sure = frozenset(link for _, link, is_sure in links if is_sure)
    return GoldLinks(sure, possible=frozenset(link for _, link, _ in links))


def check_count(name: str, lines: Sequence[str], pairs: int) -> None:
    """Check the number of lines of an alignment file.

    Raises:
        UsageError: the file does not have one line for each pair.
    """
    if len(lines) != pairs:
        raise UsageError(
            f"{name} has {len(lines)} lines, but there are {pairs} sentence pairs; give one"
            " line of links for each pair"
        )


def _parsed(
    line: str, where: str, words: tuple[int, int], remedy: str
) -> Iterator[tuple[str, Link, bool]]:
    """Yield (text, link, whether it is sure) for each link of a line."""
    for token in filter(None, _SPACES.split(line)):
        match = _LINK.fullmatch(token)
        if not match:
            shown = token if len(token) <= 40 else token[:40] + "..."
            raise UsageError(f"{where}: '{shown}' is not a link; {remedy}")
        i, j = int(match[1]), int(match[3])
        if i >= words[0] or j >= words[1]:
            raise UsageError(
                f"{where}: link {token} is outside the sentences, which have {words[0]} source and"
                f" {words[1]} target words; count from 0"
            )
        yield token, (i, j), match[2] == "-"
