"""Parallel text on disk: a strict reader that streams, and says where a file is wrong."""

import gzip
import hashlib
import itertools
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nmtcli.errors import UsageError
from nmtcli.text.lines import read_raw_lines

INVALID_UTF8 = "invalid UTF-8"
CHUNK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 256 << 20  # a line is held in memory; more than this is no text
FEWEST_LINES = 10  # to tell from lengths where a line is missing
SUSPECT_LINES = 200_000  # how far the place of a missing line is looked for


class Pair(NamedTuple):
    """One line of both files.

    `line` counts from 1. `problem` is None or `INVALID_UTF8`; in the latter case U+FFFD stands in
    the texts for what could not be read. `links` are those of words, where the text is aligned.
    """

    line: int
    source: str
    target: str
    problem: str | None
    links: list[tuple[int, int]] | None = None


@dataclass(frozen=True)
class FileSurvey:
    """What one reading of a file tells: lines, and SHA-256 of its (unpacked) bytes."""

    lines: int
    sha256: str


def survey_pair(source_path: Path, target_path: Path) -> tuple[FileSurvey, FileSurvey]:
    """Read both files once, without keeping them.

    Raises:
        UsageError: a file is missing, empty, unreadable or not text, or the numbers of lines
            differ.
    """
    surveys = survey_file(Path(source_path)), survey_file(Path(target_path))
    if surveys[0].lines != surveys[1].lines:
        raise _unequal(Path(source_path), Path(target_path), *surveys)
    return surveys


def survey_file(path: Path) -> FileSurvey:
    """Count the lines of one file and hash it.

    Raises:
        UsageError: the file is missing, empty, unreadable, or has a line of more than 256 MiB.
    """
    digest, ends, unfinished = hashlib.sha256(), 0, 0
    with open_text(path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            ends += chunk.count(b"\n")
            last_end = chunk.rfind(b"\n")
            unfinished = unfinished + len(chunk) if last_end < 0 else len(chunk) - last_end - 1
            if unfinished > LONGEST_LINE_BYTES:
                raise UsageError(
                    f"{path}: line {ends + 1} is longer than {LONGEST_LINE_BYTES >> 20} MiB;"
                    " give a text file with one sentence a line"
                )
    lines = ends + (unfinished > 0)
    if not lines:
        raise UsageError(f"{path}: is empty; give a text file with one sentence a line")
    return FileSurvey(lines, digest.hexdigest())


def read_pairs(source_path: Path, target_path: Path) -> Iterator[Pair]:
    """Stream the pairs of two files whose lines belong together; ends of lines as in `lines`.

    A byte order mark at the start of a file is dropped. Nothing else is changed.

    Raises:
        UsageError: a file is missing or unreadable, or the numbers of lines differ. The latter
            shows at the end of the shorter file: call `survey_pair` first where that is too late.
    """
    with open_text(Path(source_path)) as sources, open_text(Path(target_path)) as targets:
        both = itertools.zip_longest(read_raw_lines(sources), read_raw_lines(targets))
        for number, (raw_source, raw_target) in enumerate(both, start=1):
            if raw_source is None or raw_target is None:
                survey_pair(source_path, target_path)
                raise UsageError(f"{source_path}, {target_path}: changed while read; run again")
            source, source_is_valid = _decode(raw_source, number)
            target, target_is_valid = _decode(raw_target, number)
            problem = None if source_is_valid and target_is_valid else INVALID_UTF8
            yield Pair(number, source, target, problem)


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """A binary stream of a text file; a name that ends in `.gz` is unpacked on the way.

    Raises:
        UsageError: what is wrong with the file, in one line.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
            raise UsageError(
                f"{path}: is a pipe or device; it is read several times, so give a file"
            )
        with open(path, "rb") as file:
            if path.suffix == ".gz":
                with gzip.open(file, "rb") as unpacked:
                    yield unpacked
            else:
                yield file
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: no such file; give an existing text file") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; give a text file") from None
    except PermissionError:
        raise UsageError(f"{path}: no permission to read; change it, or give another") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: damaged or no gzip file ({error}); pack it again") from None


def first_suspect_line(source_path: Path, target_path: Path, shift: int) -> int | None:
    """Where the sides seem to part, judged by the lengths of their lines alone.

    Suppose that all extra lines stand in one place: before it line i belongs to line i, after it
    to line i + `shift`. The place that makes the ratios of lengths agree best is taken, if it
    explains each stretch clearly better than the other pairing does. Few lines, or files of very
    different length, would give chance hits: they get no answer.

    Args:
        shift: lines of the target minus lines of the source; not 0.

    Returns:
        a line number from 1, or None where the lengths do not tell.
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


def _unequal(source_path: Path, target_path: Path, source: FileSurvey, target: FileSurvey):
    counts = f"{source_path}: {source.lines} lines, but {target_path}: {target.lines}"
    suspect = first_suspect_line(source_path, target_path, target.lines - source.lines)
    if suspect is None:
        return UsageError(f"{counts}; give files whose lines belong together, one for one")
    return UsageError(
        f"{counts}; by their lengths the lines seem to part near line {suspect}:"
        " look there for one that is missing or broken in two"
    )


def _decode(raw: bytes, number: int) -> tuple[str, bool]:
    """Text of one line, and whether its bytes were UTF-8."""
    if number == 1:
        raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        return raw.decode("utf-8", errors="replace"), False
