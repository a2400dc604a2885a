"""What `nmt align` reads: the pairs, gold alignments, and alignments made elsewhere.

Other commands that take two files whose lines belong together read them here too.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from nmtcli.alignment.links import Link
from nmtcli.alignment.pharaoh import GoldLinks, check_count, read_gold, read_links
from nmtcli.cli.streams import STANDARD, open_input
from nmtcli.data.readers import open_text, survey_pair
from nmtcli.errors import UsageError
from nmtcli.text.lines import read_lines
from nmtcli.text.words import split_words

logger = logging.getLogger(__name__)


def read_pair(source: str, target: str) -> tuple[list[str], list[str]]:
    """All lines of both files, equally many.

    Raises:
        UsageError: both are stdin, one cannot be read, or the numbers of lines differ; the first
            suspect line is named where one can be found.
    """
    sources, targets = _read(source), _read(target)
    if len(sources) != len(targets):
        if sources and targets and os.path.isfile(source) and os.path.isfile(target):
            survey_pair(Path(source), Path(target))
        raise UsageError(
            f"{source}: {len(sources)} lines, but {target}: {len(targets)};"
            " give files whose lines belong together, one for one"
        )
    return sources, targets


def read_gold_file(path: str, sources: Sequence[str], targets: Sequence[str]) -> list[GoldLinks]:
    """The gold links of each pair.

    Raises:
        UsageError: the file cannot be read, has another number of lines, or a bad link.
    """
    return _read_alignment(path, sources, targets, read_gold)


def read_link_file(path: str, sources: Sequence[str], targets: Sequence[str]) -> list[list[Link]]:
    """The links of each pair, of an alignment made elsewhere; errors as of `read_gold_file`."""
    return _read_alignment(path, sources, targets, read_links)


def check_streams(*paths: str | None) -> None:
    """
    Raises:
        UsageError: more than one of the files is stdin.
    """
    if paths.count(STANDARD) > 1:
        raise UsageError("only one file can be - (standard input)")


def _read_alignment(path: str, sources: Sequence[str], targets: Sequence[str], reader) -> list:
    lines = _read(path)
    check_count(path, lines, len(sources))
    return [
        reader(line, f"{path}:{number}", (len(split_words(source)), len(split_words(target))))
        for number, (line, source, target) in enumerate(zip(lines, sources, targets), start=1)
    ]


def _read(path: str) -> list[str]:
    def invalid(number: int) -> None:
        logger.warning("%s:%s: not valid UTF-8; the invalid bytes became U+FFFD", path, number)

    # A pipe such as <(zcat ...) can be read once, and does; a file may be packed.
    is_file = path != STANDARD and (os.path.isfile(path) or not os.path.exists(path))
    with open_text(Path(path)) if is_file else open_input(path) as stream:
        return list(read_lines(stream, invalid))
