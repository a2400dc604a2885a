"""Standard streams, files and warnings, as the commands share them."""

import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from nmtcli.errors import Interrupted, UsageError

STANDARD = "-"
PICTURES = (".png", ".svg")
# The arguments of commands that read two parallel files.
Source = Annotated[str, typer.Argument(metavar="SRC", help="The file of the sources; - is stdin.")]
Target = Annotated[
    str, typer.Argument(metavar="TGT", help="The file of their translations; - is stdin.")
]


class WarningLines(logging.Handler):
    """Prints the library's warnings on stderr, one line each."""

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
    """End the command with status 0 if a pipe is closed, and with one line and 130 on SIGINT.

    (Otherwise click would end with 1 if a pipe is closed, and print an empty line on SIGINT.)

    Args:
        what_is_left: a text for the user: what remains of the work after an interrupt.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {what_is_left}", signal.SIGINT) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file for reading, or stdin for `-`.

    Raises:
        UsageError: the file cannot be opened.
    """
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    with _open(path, "rb", "cannot be read") as stream:
        yield stream


@contextmanager
def open_output(path: str, not_over: str | None = None) -> Iterator[BinaryIO]:
    """Open a file for writing, or stdout for `-`; it is flushed at the end even after an error.

    Args:
        not_over: the input, which must not be overwritten.

    Raises:
        UsageError: the file cannot be opened, or it is the input.
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


def check_streams(*paths: str | None) -> None:
    """Check that at most one file is stdin.

    Raises:
        UsageError: more than one is.
    """
    if paths.count(STANDARD) > 1:
        raise UsageError("only one file can be - (standard input)")


def check_picture(path: Path) -> None:
    """Check that `--plot` names a picture in a folder that exists.

    Raises:
        UsageError: it does not.
    """
    if path.suffix.lower() not in PICTURES:
        raise UsageError(f"--plot {path}: the name must end in {' or '.join(PICTURES)}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {path}: there is no folder {path.parent}; make it first")


class _NamedWriter(io.BufferedWriter):
    """Adds the name of the file to errors of writing, in which the system leaves it out."""

    def __init__(self, path: str):
        super().__init__(open(path, "wb", buffering=0))  # noqa: SIM115
        self._path = path

    def write(self, data) -> int:
        with self._named():
            return super().write(data)

    def flush(self) -> None:
        with self._named():
            super().flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from None


def _open(path: str, mode: str, failure: str) -> BinaryIO:
    try:
        return _NamedWriter(path) if mode == "wb" else open(path, mode)
    except FileNotFoundError:
        missing = "file" if "r" in mode else "folder to write it to"
        raise UsageError(f"{path}: no such {missing}") from None
    except OSError as error:
        raise UsageError(f"{path}: {failure} ({error.strerror})") from None
