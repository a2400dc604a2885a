"""A strict, streaming reader of parallel text, which reports the file and line of an error."""

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nmtcli.errors import UsageError
from nmtcli.text.files import LONGEST_LINE_BYTES, open_text
from nmtcli.text.lines import read_raw_lines

INVALID_UTF8 = "invalid UTF-8"
FEWEST_LINES = 10  # the fewest lines whose lengths can show where a line is missing
SUSPECT_LINES = 200_000  # the lines in which a missing line is searched for


class Pair(NamedTuple):
    """One line of both files.

    line: the line number, from 1.
    source, target: the texts; U+FFFD replaces bytes that are not valid UTF-8.
    problem: None or `INVALID_UTF8`.
    links: the word alignment, or None.
    """

    line: int
    source: str
    target: str
    problem: str | None
    links: list[tuple[int, int]] | None = None


class FileSurvey(NamedTuple):
    """The number of lines of a file and the SHA-256 of its text, as `open_text` gives it."""

    lines: int
    sha256: str


def survey_pair(source_path: Path, target_path: Path) -> tuple[FileSurvey, FileSurvey]:
    """Count the lines of both files and hash them.

    Raises:
        UsageError: a file is missing, empty, unreadable or not text, or the numbers of lines
            differ.
    """
    source, target = survey_file(source_path), survey_file(target_path)
    if source.lines == target.lines:
        return source, target
    counts = f"{source_path} has {source.lines} lines, but {target_path} has {target.lines}"
    suspect = first_suspect_line(source_path, target_path, target.lines - source.lines)
    if suspect is None:
        raise UsageError(f"{counts}; give parallel files, with one translation for each line")
    raise UsageError(
        f"{counts}; judging by their lengths, the lines stop matching near line {suspect}; look"
        " there for a line that is missing or split in two"
    )


def survey_file(path: Path) -> FileSurvey:
    """Count the lines of one file and hash it.

    Raises:
        UsageError: the file is missing, empty, unreadable, or has a line of more than 256 MiB.
    """
    digest, ends, unfinished = hashlib.sha256(), 0, 0
    with open_text(path) as stream:
        for chunk in stream.chunks():
            digest.update(chunk)
            ends += chunk.count(b"\n")
            last_end = chunk.rfind(b"\n")
            unfinished = unfinished + len(chunk) if last_end < 0 else len(chunk) - last_end - 1
            if unfinished > LONGEST_LINE_BYTES:
                raise UsageError(
                    f"{path}:{ends + 1}: the line is longer than {LONGEST_LINE_BYTES >> 20} MiB;"
                    " give a text file with one sentence a line"
                )
    lines = ends + (unfinished > 0)
    if not lines:
        raise UsageError(f"{path}: the file is empty; give a text file with one sentence a line")
    return FileSurvey(lines, digest.hexdigest())


def read_pairs(source_path: Path, target_path: Path) -> Iterator[Pair]:
    """Yield the pairs of two parallel files; lines end as in `nmtcli.text.lines`.

    Raises:
        UsageError: a file is missing or unreadable, or the numbers of lines differ. The latter is
            noticed only at the end of the shorter file; call `survey_pair` to check it first.
    """
    with open_text(source_path) as sources, open_text(target_path) as targets:
        both = itertools.zip_longest(read_raw_lines(sources), read_raw_lines(targets))
        for number, (raw_source, raw_target) in enumerate(both, start=1):
            if raw_source is None or raw_target is None:
                survey_pair(source_path, target_path)
                raise UsageError(
                    f"{source_path}, {target_path}: the files changed while they were read; run the"
                    " command again"
                )
            source, source_is_valid = _decode(raw_source)
            target, target_is_valid = _decode(raw_target)
            problem = None if source_is_valid and target_is_valid else INVALID_UTF8
            yield Pair(number, source, target, problem)


def first_suspect_line(source_path: Path, target_path: Path, shift: int) -> int | None:
    """Estimate from the line lengths alone where a line is missing on one side.

    The estimate supposes that all extra lines are in one place: before it, line i belongs to line
    i, and after it, to line i + `shift`. The place with the best agreement of the length ratios is
    returned if it explains both stretches clearly better than the other pairing. For few lines, and
    for files of very different lengths, there is no estimate, since it would be down to chance.

    Args:
        source_path, target_path: the two files.
        shift: the lines of the target minus the lines of the source; not 0.

    Returns:
        the line number, from 1; None if there is no clear estimate.
    """
    import numpy as np

    paths = (source_path, target_path) if shift > 0 else (target_path, source_path)
    shift = abs(shift)
    short = _log_lengths(paths[0], SUSPECT_LINES)
    long = _log_lengths(paths[1], SUSPECT_LINES + shift)
    count = min(len(short), len(long) - shift)
    if count < FEWEST_LINES or shift > count / 10:
        return None
    short, long = short[:count], long[: count + shift]
    usual = np.median(short) - np.median(long)
    straight = np.abs(short - long[:count] - usual)
    shifted = np.abs(short - long[shift:] - usual)
    before = np.concatenate([[0.0], np.cumsum(straight)])
    after = np.concatenate([np.cumsum(shifted[::-1])[::-1], [0.0]])
    place = int(np.argmin(before + after))
    head_agrees = place == 0 or before[place] < 0.75 * shifted[:place].sum()
    tail_agrees = place == count or after[place] < 0.75 * straight[place:].sum()
    return place + 1 if head_agrees and tail_agrees else None


def _log_lengths(path: Path, limit: int):
    import numpy as np

    with open_text(path) as stream:
        lengths = [len(line) for line in itertools.islice(read_raw_lines(stream), limit)]
    return np.log1p(np.array(lengths, dtype=np.float64))


def _decode(raw: bytes) -> tuple[str, bool]:
    """Return the text of one line and whether its bytes are valid UTF-8."""
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        return raw.decode("utf-8", errors="replace"), False
