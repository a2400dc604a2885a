"""Standard streams and files of the commands that are filters, and their warnings."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import typer

from nmtcli.errors import Interrupted, UsageError

STANDARD = "-"


class WarningLines(logging.Handler):
    """Prints what the library warns of on stderr, a line each."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.before: Callable[[], None] = lambda: None

    def emit(self, record: logging.LogRecord) -> None:
        self.before()
        print(f"nmt: warning: {record.getMessage()}", file=sys.stderr, flush=True)


WARNINGS = WarningLines()


@contextmanager
def before_warnings(call: Callable[[], None]) -> Iterator[None]:
    """Call a function before each warning, such as one that clears a progress line."""
    WARNINGS.before = call
    try:
        yield
    finally:
        WARNINGS.before = lambda: None


@contextmanager
def quiet_ends(what_is_left: str) -> Iterator[None]:
    """A closed pipe ends the command with status 0, and SIGINT with one line and 130.

    (Left to itself, click would end a closed pipe with 1 and print an empty line on SIGINT.)

    Args:
        what_is_left: for the user: what remains of the work when it is interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {what_is_left}", signal.SIGINT) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """A file for reading, or stdin for `-`.

    Raises:
        UsageError: it cannot be opened.
    """
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    with _open(path, "rb", "cannot be read") as stream:
        yield stream


@contextmanager
def open_output(path: str, not_over: str | None = None) -> Iterator[BinaryIO]:
    """A file for writing, or stdout for `-`; what is written is flushed at the end, come what may.

    Args:
        not_over: the input, which must not be overwritten.

    Raises:
        UsageError: it cannot be opened, or is the input.
    """
    if path == STANDARD:
        try:
            yield sys.stdout.buffer
        finally:
            sys.stdout.buffer.flush()
        return
    files = not_over is not None and os.path.isfile(path) and os.path.isfile(not_over)
    if files and os.path.samefile(path, not_over):
        raise UsageError(f"{path}: is the input too; choose another --output")
    with _open(path, "wb", "cannot be written") as stream:
        yield stream


def is_terminal(path: str) -> bool:
    """Is the input `path` a person's keyboard?"""
    return path == STANDARD and sys.stdin.isatty()


def _open(path: str, mode: str, failure: str) -> BinaryIO:
    try:
        return open(path, mode)
    except FileNotFoundError:
        missing = "file" if "r" in mode else "folder to write it to"
        raise UsageError(f"{path}: no such {missing}") from None
    except OSError as error:
        raise UsageError(f"{path}: {failure} ({error.strerror})") from None
