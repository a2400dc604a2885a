"""Symmetrisation: combine the alignments of both directions.

Each direction links a word to at most one word of the other side. Combined, they can express what
neither direction can, such as one word that is translated by two.
"""

from collections.abc import Callable, Iterable
from functools import partial

from nmtcli.errors import UsageError

Link = tuple[int, int]  # source word, target word
Links = Iterable[Link]

DEFAULT_METHOD = "grow-diag-final-and"

# As (target, source), in the order of the reference.
_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def symmetrize(forward: Links, reverse: Links, method: str) -> list[Link]:
    """Combine the links of both directions.

    - `intersection`, `union`: the intersection or the union of both sets.
    - `grow-diag`: starts with the intersection and repeatedly adds neighbours of its links (also
      diagonal ones) that are in the union and have a word that is not linked yet.
    - `grow-diag-final`: then adds the other links of `forward`, and those of `reverse`, that have a
      word that is not linked yet.
    - `grow-diag-final-and`: the same, but both words must not be linked yet.

    Reference: Och & Ney (2003), "A Systematic Comparison of Various Statistical Alignment Models";
    Koehn, Och & Marcu (2003), "Statistical Phrase-Based Translation". Links are visited by target
    word, then by source word, and forward before reverse, as in the manual of Moses.

    Args:
        forward: the links (i, j) of the model from source to target.
        reverse: the links of the model from target to source, also as (i, j).
        method: one of `METHODS`.

    Returns:
        the combined links, sorted.

    Raises:
        UsageError: there is no such method.
    """
    check_method(method)
    return sorted(METHODS[method](set(forward), set(reverse)))


def check_method(method: str) -> None:
    """Raise UsageError if there is no such method."""
    if method not in METHODS:
        raise UsageError(f"symmetrize must be one of {', '.join(METHODS)}, not '{method}'")


def _grow_diag(forward: set[Link], reverse: set[Link]) -> set[Link]:
    links, union = forward & reverse, forward | reverse
    sources, targets = {i for i, _ in links}, {j for _, j in links}
    before = -1
    while len(links) > before:
        before = len(links)
        for link in sorted(union, key=_by_target):
            if link not in links:  # what was added on the way counts
                continue
            for down, right in _NEIGHBOURS:
                i, j = neighbour = link[0] + right, link[1] + down
                if neighbour in union and (i not in sources or j not in targets):
                    links.add(neighbour)
                    sources.add(i)
                    targets.add(j)
    return links


def _grow_diag_final(forward: set[Link], reverse: set[Link], condition: Callable) -> set[Link]:
    links = _grow_diag(forward, reverse)
    sources, targets = {i for i, _ in links}, {j for _, j in links}
    for direction in (forward, reverse):
        for i, j in sorted(direction, key=_by_target):
            if condition((i not in sources, j not in targets)):
                links.add((i, j))
                sources.add(i)
                targets.add(j)
    return links


def _by_target(link: Link) -> Link:
    return link[1], link[0]


METHODS: dict[str, Callable[[set[Link], set[Link]], set[Link]]] = {
    "intersection": set.__and__,
    "union": set.__or__,
    "grow-diag": _grow_diag,
    "grow-diag-final": partial(_grow_diag_final, condition=any),
    "grow-diag-final-and": partial(_grow_diag_final, condition=all),
}
