"""Tags before source lines, such as <2ko> for the language of the translation.

The training text says which tags there are (`data.tags`), so they belong to a run: translation,
scoring and alignment put before a line what was before the lines of the training text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from nmtcli.errors import UsageError
from nmtcli.text.normalization import normalise

TAG_LIKE = re.compile(r" *(<[^<>\s]+>)")


class TaggedLine(NamedTuple):
    """A source line.

    tag: the tag that the model reads before the text; empty for none.
    text: the line without a tag.
    is_own: whether the line itself begins with the tag.
    """

    tag: str
    text: str
    is_own: bool

    @property
    def shown(self) -> str:
        """The line as its words are counted: with its own tag, without one that was added."""
        return with_tag(self.tag if self.is_own else "", self.text)


@dataclass(frozen=True)
class SourceTags:
    """The tags of a run.

    known: the tags of its training text.
    default: the tag of a line that begins with none of them; empty for none.
    are_missed: whether a line without a tag is like no line of the training text.
    """

    known: tuple[str, ...] = ()
    default: str = ""
    are_missed: bool = False

    def of_line(self, line: str) -> TaggedLine:
        """Take off the tag with which a normalised line begins, or choose the default one."""
        if self.known and "<" in line and (match := self._begins.match(line)):
            return TaggedLine(match[1], line[match.end() :], is_own=True)
        return TaggedLine(self.default, line, is_own=False)

    @cached_property
    def _begins(self) -> re.Pattern[str]:
        return re.compile(f" *({'|'.join(map(re.escape, self.known))}) *")


NO_TAGS = SourceTags()


def with_tag(tag: str, text: str) -> str:
    """Return `text` with a tag before it; a text without words gets none."""
    return f"{tag} {text}" if tag and text.strip() else text


def source_tags(
    tags: Sequence[str], given: str | None = None, run: object = "the run"
) -> SourceTags:
    """Return the tags of a run; a single one on all of its training text is the default.

    Args:
        tags: the tag of each training text, empty for none.
        given: the tag that the user wants; empty for none, None for the usual one.
        run: the name of the run in messages.

    Raises:
        UsageError: the run was not trained with the tag that is given.
    """
    known = tuple(dict.fromkeys(filter(None, map(normalise, tags))))
    wanted = None if given is None else normalise(given)
    if wanted and wanted not in known:
        has = f"its tags are {' '.join(known)}" if known else "it has none; leave the tag out"
        raise UsageError(f"{run}: was not trained with the tag '{given}'; {has}")
    all_tagged = bool(known) and all(tags)
    if wanted is None:
        wanted = known[0] if all_tagged and len(known) == 1 else ""
    return SourceTags(known, wanted, are_missed=all_tagged and not wanted)
