"""The input of `nmt align`: pairs, gold alignments, and alignments of other programs.

Other commands that take two parallel files read them here too.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from nmtcli.alignment.links import Link
from nmtcli.alignment.pharaoh import GoldLinks, check_count, read_gold, read_links
from nmtcli.cli.streams import check_streams, open_input
from nmtcli.data.readers import survey_pair
from nmtcli.errors import UsageError
from nmtcli.text.lines import read_lines
from nmtcli.text.words import split_words

logger = logging.getLogger(__name__)


def read_pair(source: str, target: str) -> tuple[list[str], list[str]]:
    """Read all lines of two files with equal numbers of lines.

    Raises:
        UsageError: both are stdin, one cannot be read, or the numbers of lines differ; the message
            names the first suspicious line if there is one.
    """
    check_streams(source, target)
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
    """Read the gold links of each pair.

    Raises:
        UsageError: the file cannot be read, its number of lines differs, or a link is invalid.
    """
    return _read_alignment(path, sources, targets, read_gold)


def read_link_file(path: str, sources: Sequence[str], targets: Sequence[str]) -> list[list[Link]]:
    """Read the links of each pair from another program; for errors see `read_gold_file`."""
    return _read_alignment(path, sources, targets, read_links)


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

    with open_input(path) as stream:
        return list(read_lines(stream, invalid))
