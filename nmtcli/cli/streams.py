"""Standard streams, files and warnings, as the commands share them."""

import codecs
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

from nmtcli.errors import Interrupted, NmtError, UsageError
from nmtcli.text.files import TextReader, open_text
from nmtcli.text.packed import packer_for

STANDARD = "-"
ESCAPE = "nmt-escape"  # what is done with a character that the encoding of stdout lacks
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


class ClosedOutput(io.RawIOBase):
    """Stands for a standard output that the caller closed (`>&-`): the first use is an error."""

    def __init__(self):
        self._told = False

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        if not self._told:
            self._told = True
            raise UsageError("standard output is closed; give it a file or a pipe: > FILE")
        return len(data)


def hold_descriptors() -> None:
    """Give closed standard streams a descriptor, so that no file that is opened later gets it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def prepare_output() -> None:
    """Make stdout print every text, in any encoding, and fail in one line if it is closed.

    A character that the encoding lacks becomes an escape such as `\\u2026`, a byte of a file's name
    that is no text stays that byte.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(ClosedOutput()), "utf-8")
    codecs.register_error(ESCAPE, _escape)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=ESCAPE)


def flush_output() -> None:
    """Flush stdout.

    Raises:
        NmtError: it cannot be written.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NmtError(f"standard output: cannot be written ({error.strerror})") from None


def print_encoded(form: Callable[[bool], str], end: str = "\n") -> None:
    """Print data for programs, such as JSON: as they are, or in ASCII if the encoding needs it.

    Args:
        form: returns the text; its argument says whether only in ASCII.
        end: what follows it.
    """
    text = form(False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = form(True)
    print(text, end=end)


def print_path(path: Path) -> None:
    """Print a path on a line, in the bytes that it has in the file system."""
    flush_output()
    sys.stdout.buffer.write(os.fsencode(path) + os.linesep.encode())
    sys.stdout.buffer.flush()


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter = error.object[error.start]
    if "\udc80" <= letter <= "\udcff":
        return bytes([ord(letter) - 0xDC00]), error.start + 1
    return letter.encode("ascii", "backslashreplace").decode(), error.start + 1


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
def open_input(path: str) -> Iterator[TextReader]:
    """Open a file as text, or stdin for `-`.

    Raises:
        UsageError: the file cannot be opened, or stdin is closed.
    """
    if path != STANDARD:
        with open_text(path) as reader:
            yield reader
        return
    if sys.stdin is None:
        raise UsageError("standard input is closed; give a file, or < FILE")
    yield TextReader(sys.stdin.buffer, shown_name(path))


@contextmanager
def open_output(path: str, not_over: str | None = None) -> Iterator[BinaryIO]:
    """Open a file for writing, or stdout for `-`; it is flushed at the end even after an error.

    A file is packed if its name ends in `.gz`, `.bz2`, `.xz` or `.zst`.

    Args:
        not_over: the input, which must not be overwritten.

    Raises:
        UsageError: the file cannot be opened, or it is the input.
    """
    if path == STANDARD:
        try:
            yield sys.stdout.buffer
        finally:
            flush_output()
        return
    files = not_over is not None and os.path.isfile(path) and os.path.isfile(not_over)
    if files and os.path.samefile(path, not_over):
        raise UsageError(f"{path}: is the input too; choose another --output")
    pack = packer_for(path)
    with _open(path) as stream:
        if pack is None:
            yield stream
        else:
            with pack(stream) as packing:
                yield packing


def shown_name(path: str) -> str:
    """Return the name of an input in messages."""
    return "standard input" if path == STANDARD else path


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


def _open(path: str) -> BinaryIO:
    try:
        return _NamedWriter(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such folder to write it to") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from None
