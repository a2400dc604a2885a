"""Warnings about an input: one for each kind of trouble, with the number of its lines."""

import logging
import unicodedata
from collections.abc import Iterable, Sequence

from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import NO_TAGS, TAG_LIKE, SourceTags, TaggedLine

logger = logging.getLogger(__name__)

MOST_SHOWN = 10  # characters, words or tags in a warning
MOST_KEPT = 1000  # of them in memory, however long the input is


class _Lines:
    """The lines that have one kind of trouble: how many, the first, and what it is."""

    def __init__(self) -> None:
        self.count, self.first = 0, 0
        self.found: dict[str, None] = {}  # in the order of their first lines

    def add(self, number: int, found: Iterable[str] = ()) -> None:
        self.count += 1
        self.first = self.first or number
        for one in found:
            if len(self.found) < MOST_KEPT:
                self.found[one] = None

    def shown(self) -> str:
        names = [_printable(name) for name in list(self.found)[:MOST_SHOWN]]
        more = len(self.found) - len(names)
        number = f"{more} or more" if len(self.found) == MOST_KEPT else f"{more} more"
        return " ".join(names) + (f" and {number}" if more else "")


class InputChecks:
    """Looks at the lines of an input as they are encoded, and warns at its end.

    Args:
        subwords: the subword model of this side.
        name: what a line is called in the warnings, such as `line` or `translation`.
        tags: the tags of the run, if the input is its source.
    """

    def __init__(self, subwords: Subwords, name: str = "line", tags: SourceTags = NO_TAGS):
        self._subwords, self._name, self._tags = subwords, name, tags
        self._lines = 0
        self._unknown, self._untagged, self._other_tags = _Lines(), _Lines(), _Lines()

    def add(self, line: TaggedLine | None, texts: Sequence[str], ids: Sequence[list[int]]) -> None:
        """Look at the next line.

        Args:
            line: the line with its tag; None if the side has no tags.
            texts: the stretches of it that are encoded, most often one.
            ids: the token ids of each of them.
        """
        self._lines += 1
        unknown = [text for text, of_text in zip(texts, ids) if UNK_ID in of_text]
        if unknown:
            self._unknown.add(self._lines, self._without_token(unknown))
        if line is not None and self._tags.known and not line.is_own and line.text.strip():
            if match := TAG_LIKE.match(line.text):
                self._other_tags.add(self._lines, [match[1]])
            elif self._tags.are_missed:
                self._untagged.add(self._lines)

    def warn(self) -> None:
        """Log a warning for each kind of trouble that was found."""
        known = " ".join(self._tags.known)
        if self._unknown.count:
            what = "words" if self._subwords.has_whole_words else "characters"
            logger.warning(
                "%s: %s that the run's subwords do not have, so the model cannot read them: %s",
                *(self._where(self._unknown), what, self._unknown.shown()),
            )
        if self._other_tags.count:
            logger.warning(
                "%s: %s at the beginning is no tag of the training text and is read as text; its"
                " tags are %s",
                *(self._where(self._other_tags), self._other_tags.shown(), known),
            )
        if self._untagged.count:
            logger.warning(
                "%s: no tag, although each line of the training text had one; give the option tag,"
                " or begin the lines with one of %s",
                *(self._where(self._untagged), known),
            )

    def _where(self, lines: _Lines) -> str:
        plural = "" if self._lines == 1 else "s"
        first = f" (the first: {lines.first})" if self._lines > 1 else ""
        return f"{lines.count} of {self._lines} {self._name}{plural}{first}"

    def _without_token(self, texts: Sequence[str]) -> list[str]:
        """Return the characters, or words, of these texts that have no token."""
        found: list[str] = []
        for tokens in self._subwords.encode_batch_with_spans(texts):
            unknown = [span for number, span in zip(tokens.ids, tokens.spans) if number == UNK_ID]
            for text in "".join(f"{tokens.text[begin:end]} " for begin, end in unknown).split():
                found += [text] if self._subwords.has_whole_words else self._characters(text)
        return found

    def _characters(self, text: str) -> list[str]:
        known = self._subwords.token_ids(text)
        # All are named if each has a token and only their sequence has none.
        return [one for one, number in zip(text, known) if number == UNK_ID] or list(text)


def _printable(text: str) -> str:
    """Return a text to show: characters that would not be seen by themselves are spelled out."""
    if len(text) > 1 or (text.isprintable() and unicodedata.category(text)[0] != "M"):
        return text
    return f"U+{ord(text):04X}"
