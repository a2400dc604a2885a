"""The one reader of text: files and streams as people have them, as lines of UTF-8.

What a file is, is told by its first bytes and not by its name: packed text is unpacked, a byte
order mark is dropped, and what is no UTF-8 text is refused with the way out. Nothing is read ahead:
a line that has arrived on a pipe can be answered.
"""

import codecs
import contextlib
import io
import os
import select
import stat
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nmtcli.errors import NmtError, UsageError
from nmtcli.text import packed

CHUNK = 1 << 18  # bytes that are read at once
PAUSE = 0.01  # seconds without a new line before the lines so far are answered
LONGEST_LINE_BYTES = 256 << 20  # a line is held in memory; a longer one is not text
FIRST_BLOCK = 4096  # bytes in which UTF-16 is looked for
NUL_RUN = bytes(512)  # so many NUL bytes in a row stand in no text
NUL_SHARE = 4  # text has fewer than one NUL byte in so many
FEWEST_WIDE_BYTES = 6  # the fewest bytes that can look like UTF-16

MARK = codecs.BOM_UTF8
WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"\x1f\x9d": "a file packed by compress",
    b"LZIP\x01": "an lzip file",
    b"]\0\0": "an lzma file",
}
HEADS = (
    *(magic for form in packed.FORMATS for magic in form.magic),
    *(MARK, *WIDE_MARKS, *ARCHIVES),
)
LONGEST_HEAD = max(map(len, HEADS))


class TextReader:
    """Reads text from a stream: its lines, or its bytes, as those of plain UTF-8.

    It tells whether the writer of a pipe has paused. A file never pauses. If the kind is unknown (a
    stream without a file descriptor; pipes on Windows), the stream counts as a file.

    Args:
        stream: a binary stream from which nothing has been read yet.
        name: its name in messages.
        before_waiting: a function that is called before waiting for more.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        before_waiting: Callable[[], None] = lambda: None,
    ):
        self.name, self._stream, self.before_waiting = name, stream, before_waiting
        self._has_lines = False  # whether lines that have arrived wait for being yielded
        self._descriptor = _descriptor(stream)

    def __iter__(self) -> Iterator[bytes]:
        """Yield lines with their ends, like a binary stream.

        Raises:
            UsageError: see `chunks`.
        """
        begun: list[bytes] = []  # the parts of a line whose end has not arrived
        size = 0
        for chunk in self.chunks():
            end = chunk.rfind(b"\n") + 1
            if end:
                *lines, last = io.BytesIO(b"".join([*begun, chunk[:end]])).readlines()
                begun = []
                self._has_lines = True
                yield from lines
                self._has_lines = False
                yield last
            begun.append(chunk[end:])
            size = len(chunk) - end + (0 if end else size)
            if size > LONGEST_LINE_BYTES:
                raise UsageError(
                    f"{self.name}: a line is longer than {LONGEST_LINE_BYTES >> 20} MiB; give a"
                    " text file with one sentence a line"
                )
        if rest := b"".join(begun):
            yield rest

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the text, in parts of any size.

        Raises:
            UsageError: it is no UTF-8 text, or it is damaged or cut off.
            NmtError: the system cannot read it.
        """
        return text_chunks(self._raw_chunks(), self.name)

    def pauses(self) -> bool:
        """Wait a moment; return whether no line has arrived."""
        if self._descriptor is None or self._has_lines:
            return False
        return not _is_ready(self._descriptor, PAUSE)

    def _raw_chunks(self) -> Iterator[bytes]:
        while True:
            try:
                chunk = self._read()
            except IsADirectoryError:
                raise UsageError(f"{self.name}: is a directory; give a text file") from None
            except OSError as error:
                raise NmtError(f"{self.name}: cannot be read ({error.strerror})") from None
            if not chunk:
                return
            yield chunk

    def _read(self) -> bytes:
        if self._descriptor is None:
            return self._stream.read(CHUNK)
        if not _is_ready(self._descriptor, 0.0):
            self.before_waiting()
            _is_ready(self._descriptor, None)
        return os.read(self._descriptor, CHUNK)


@contextmanager
def open_text(path: str | os.PathLike) -> Iterator[TextReader]:
    """Open a file or a pipe as text.

    Raises:
        UsageError: it is missing or unreadable.
    """
    name, copies = os.fspath(path), _copies.get()
    with _open(name) if copies is None or not _is_pipe(name) else copies.open(name) as stream:
        yield TextReader(stream, name)


@contextmanager
def copies_of_pipes(beside: Path) -> Iterator[None]:
    """Let the text of pipes be read several times in this block: each is copied when it is opened.

    The copies are removed at the end of the block, or of the process.

    Args:
        beside: the copies take space beside this file or folder.
    """
    folder = Path(beside).resolve().parent
    while not folder.exists():
        folder = folder.parent
    with contextlib.ExitStack() as files:
        token = _copies.set(_Copies(folder, files, {}))
        try:
            yield
        finally:
            _copies.reset(token)


class _Copies(NamedTuple):
    """The copies of pipes by their names: files without a name, which end with the process."""

    folder: Path
    files: contextlib.ExitStack
    known: dict[str, BinaryIO]

    def open(self, name: str) -> BinaryIO:
        if name not in self.known:
            import tempfile

            try:
                copy = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - it stays open
                self.files.enter_context(copy)
                with _open(name) as stream:
                    for chunk in TextReader(stream, name).chunks():
                        copy.write(chunk)
                copy.flush()
            except OSError as error:
                raise NmtError(
                    f"{name}: the pipe cannot be copied to {self.folder} ({error.strerror})"
                ) from None
            self.known[name] = copy
        return _CopyReader(self.known[name].fileno())  # type: ignore[return-value]


# Set within `copies_of_pipes`.
_copies: ContextVar[_Copies | None] = ContextVar("copies", default=None)


class _CopyReader(io.RawIOBase):
    """Reads an open file from its beginning, whoever else reads it."""

    def __init__(self, descriptor: int):
        self._copied, self._place = descriptor, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        data = os.pread(self._copied, len(buffer), self._place)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def text_chunks(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield the bytes of a text without packing and byte order mark.

    Args:
        chunks: the bytes of the file.
        name: its name in messages; what it ends in matters only for a file of a few bytes.

    Raises:
        UsageError: it is no UTF-8 text, or it is damaged or cut off.
    """
    head, rest = _split_head(chunks)
    form = packed.format_of(head)
    if form is None and (begun := _begun_format(head, name)):
        raise packed.cut_off(begun, name)
    if form is not None:
        head, rest = _split_head(packed.unpack(_joined(head, rest), form, name))
        if packed.format_of(head):
            raise UsageError(f"{name}: is packed twice; unpack it once")
    for mark, encoding in WIDE_MARKS.items():
        if head.startswith(mark):
            raise _wide_text(name, encoding)
    for magic, kind in ARCHIVES.items():
        if head.startswith(magic):
            raise UsageError(f"{name}: is {kind}, not text; unpack it, and give the text")
    yield from _without_nuls(_joined(head.removeprefix(MARK), rest), name)


def _split_head(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Read until the first bytes tell the kind of the file, which a text tells with its first line.

    Returns:
        the bytes so far, at least as many as tell the kind, and the chunks that follow.
    """
    head, rest = b"", iter(chunks)
    for chunk in rest:
        head += chunk
        if len(head) >= LONGEST_HEAD or not any(magic.startswith(head) for magic in HEADS):
            break
    return head, rest


def _begun_format(head: bytes, name: str) -> packed.Format | None:
    """Return the format of a file that ends within its magic number."""
    is_short = len(head) < LONGEST_HEAD
    return packed.begun_format(head, Path(name).suffix) if is_short else None


def _joined(head: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from rest


def _without_nuls(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield the chunks; refuse UTF-16 without a mark, and what is full of NUL bytes."""
    block = b""
    for chunk in chunks:
        is_first = len(block) < FIRST_BLOCK
        if is_first:
            block += chunk[: FIRST_BLOCK - len(block)]
        if 0 in chunk:
            if is_first and (encoding := wide_encoding(block)):
                raise _wide_text(name, encoding)
            judged = chunk if len(chunk) >= FIRST_BLOCK else block
            if _is_full_of_nuls(judged) or NUL_RUN in chunk:
                raise UsageError(
                    f"{name}: is full of NUL bytes, so it is no UTF-8 text; convert it with iconv,"
                    " or make it again if it was not written to its end"
                )
        yield chunk


def wide_encoding(block: bytes) -> str | None:
    """Judge by the NUL bytes in the first bytes of a file whether it is UTF-16 or UTF-32.

    In such a text, NUL bytes are one half or more of spaces and ends of lines.
    """
    if 0 not in block:
        return None
    even, odd = block[::2].count(0), block[1::2].count(0)
    ends = ("le", "be") if odd >= even else ("be", "le")
    full = _is_full_of_nuls(block)
    if not full and (len(block) < FEWEST_WIDE_BYTES or _could_be_text(block)):
        return None
    for bits in (32, 16):
        for end in ends:
            if _reads_as(block, f"utf-{bits}-{end}", full):
                return f"UTF-{bits}{end.upper()}"
    return None


def _reads_as(block: bytes, encoding: str, is_full: bool) -> bool:
    """Return whether a block has only known characters in an encoding, and its spaces are there."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(block)  # its end may be cut
    except UnicodeDecodeError:
        return False
    kinds = {unicodedata.category(letter) for letter in set(text) - set("\t\n\v\f\r")}
    if not text or kinds & {"Cc", "Cn", "Co"}:
        return False
    return is_full or any(2 * text.count(end) > block.count(end.encode()) for end in "\n ")


def _is_full_of_nuls(block: bytes) -> bool:
    nuls = block.count(0)
    return nuls > 1 and nuls * NUL_SHARE >= len(block)


def _could_be_text(block: bytes) -> bool:
    """Return whether it is valid UTF-8 with few control characters.

    UTF-16 of many alphabets is valid UTF-8, but half of it consists of control characters.
    """
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(block)  # its end may be cut
    except UnicodeDecodeError:
        return False
    return NUL_SHARE * sum(letter < " " for letter in text) < len(block)


def _wide_text(name: str, encoding: str) -> UsageError:
    return UsageError(
        f"{name}: is {encoding}, not UTF-8; convert it: iconv -f {encoding} -t UTF-8 FILE > NEW"
    )


def _is_pipe(name: str) -> bool:
    """Return whether it is a pipe or a device, which may give its text only once."""
    try:
        mode = os.stat(name).st_mode
    except (OSError, ValueError):
        return False  # opening it gives the message
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _open(name: str) -> BinaryIO:
    try:
        return open(name, "rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{name}: there is no such file; give an existing text file") from None
    except IsADirectoryError:
        raise UsageError(f"{name}: is a directory; give a text file") from None
    except PermissionError:
        raise UsageError(
            f"{name}: you have no permission to read it; change that, or give another file"
        ) from None
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{name}: cannot be opened ({reason}); give a text file") from None


def _descriptor(stream: BinaryIO) -> int | None:
    if sys.platform == "win32":  # there `select` accepts only sockets
        return None
    try:
        return stream.fileno()
    except (OSError, AttributeError):
        return None


def _is_ready(descriptor: int, seconds: float | None) -> bool:
    """Return whether something can be read within some seconds; None waits for it."""
    return bool(select.select([descriptor], [], [], seconds)[0])
