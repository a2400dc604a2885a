"""The input of `nmt bleu`: files with equal numbers of lines; one may be standard input."""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nmtcli.cli.streams import STANDARD, check_streams, open_input, shown_name
from nmtcli.errors import UsageError
from nmtcli.text.lines import read_lines


class Texts(NamedTuple):
    """The lines of each reference, each system and the source (None without a file)."""

    references: list[list[str]]
    systems: list[list[str]]
    sources: list[str] | None


def read_parallel(
    files: Sequence[str], count: int | None = None, source: str | None = None
) -> Texts:
    """Read files of equal length; the first `count` are references (None: all but one).

    Raises:
        UsageError: there are too few files, one cannot be read or is empty, or lengths differ.
    """
    if len(files) < 2:
        wanted = "REF... HYP, the translation last" if count is None else "REF HYP..."
        raise UsageError(f"give at least two files: {wanted}")
    if count is not None and count >= len(files):
        raise UsageError(
            f"--references {count} leaves no translation: there are {len(files)} files"
        )
    names = [*files] if source is None else [*files, source]
    check_streams(*names)
    texts = [_read(name) for name in names]
    measure = len(files) - 1 if count is None else 0  # the odd one is probably the wrong file
    for name, lines in zip(names, texts):
        if len(lines) != len(texts[measure]):
            raise UsageError(
                f"{shown_name(name)} has {len(lines)} lines, {shown_name(files[measure])} has "
                f"{len(texts[measure])}: line n of each must be the same sentence"
            )
    count = len(files) - 1 if count is None else count
    sources = None if source is None else texts[-1]
    return Texts(texts[:count], texts[count : len(files)], sources)


def short_names(files: Sequence[str]) -> list[str]:
    """Find a unique name for each file: its own name after as many folders as necessary.

    Raises:
        UsageError: a file is given twice.
    """
    paths = [Path(os.path.abspath(name)).parts for name in files]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            raise UsageError(f"{shown_name(files[number])} is given twice as a translation")
    kept = [1] * len(paths)
    while True:
        names = [str(Path(*path[-size:])) for path, size in zip(paths, kept)]
        clashes = [names.count(name) > 1 for name in names]
        if not any(clashes):
            break
        kept = [size + clash for size, clash in zip(kept, clashes)]
    return [
        shown_name(file) if file == STANDARD else printable(name)
        for file, name in zip(files, names)
    ]


def printable(name: str) -> str:
    """Remove characters from a file's name that a table or a picture cannot show."""
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _read(name: str) -> list[str]:
    shown = shown_name(name)

    def refuse(number: int) -> None:
        raise UsageError(f"{shown}: line {number} is not UTF-8: convert the file, or repair it")

    with open_input(name) as stream:
        lines = list(read_lines(stream, refuse))
    if not lines:
        raise UsageError(f"{shown}: is empty; there is nothing to score")
    return lines
