"""Pharaoh's format of alignments: a line `0-0 1-2` for each pair, source-target, from 0.

In a gold alignment `1-2` is a sure link, and `1?2` one that is possible only.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nmtcli.alignment.links import Link
from nmtcli.errors import UsageError

_LINK = re.compile("([0-9]{1,9})([-?])([0-9]{1,9})")
_SPACES = re.compile("[ \t]+")


@dataclass(frozen=True)
class GoldLinks:
    """What annotators say of a pair of lines.

    sure: links that all see.
    possible: all links, the sure ones among them.
    """

    sure: frozenset[Link]
    possible: frozenset[Link]


def format_links(links: Iterable[Link]) -> str:
    """`0-0 1-2`; the empty text of none."""
    return " ".join(f"{i}-{j}" for i, j in links)


def read_links(line: str, where: str, words: tuple[int, int]) -> list[Link]:
    """The sorted links of a line of an alignment.

    Args:
        line: such as `0-0 1-2`.
        where: file and line, for messages.
        words: how many the source and the target have.

    Raises:
        UsageError: something is no link, only possible, or outside the sentence.
    """
    links = set()
    for token, link, sure in _parsed(line, where, words, "write 3-4"):
        if not sure:
            raise UsageError(f"{where}: '{token}' is possible only, which is for gold; write 3-4")
        links.add(link)
    return sorted(links)


def read_gold(line: str, where: str, words: tuple[int, int]) -> GoldLinks:
    """The links of a line of a gold alignment; arguments and errors as of `read_links`."""
    sure, possible = set(), set()
    for _, link, is_sure in _parsed(line, where, words, "write 3-4 (sure) or 3?4 (possible)"):
        possible.add(link)
        if is_sure:
            sure.add(link)
    return GoldLinks(frozenset(sure), frozenset(possible))


def check_count(name: str, lines: Sequence[str], pairs: int) -> None:
    """
    Raises:
        UsageError: a file of links has not one line for each pair.
    """
    if len(lines) != pairs:
        raise UsageError(
            f"{name} has {len(lines)} lines, but there are {pairs} pairs of sentences; give one"
            " line of links for each pair"
        )


def _parsed(line: str, where: str, words: tuple[int, int], remedy: str):
    """(token, link, is it sure) of each link."""
    for token in filter(None, _SPACES.split(line)):
        found = _LINK.fullmatch(token)
        if not found:
            shown = token if len(token) <= 40 else token[:40] + "..."
            raise UsageError(f"{where}: '{shown}' is no link; {remedy}")
        i, j = int(found[1]), int(found[3])
        if i >= words[0] or j >= words[1]:
            raise UsageError(
                f"{where}: link {token} is outside the sentences, of {words[0]} source and"
                f" {words[1]} target words, counted from 0"
            )
        yield token, (i, j), found[2] == "-"
