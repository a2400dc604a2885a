"""Packed text: gzip, bzip2, xz and zstd, told by their first bytes and written by their names."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from nmtcli.errors import UsageError

STEP = 1 << 18  # the most bytes that are unpacked at once, so that memory stays small
_ZSTD_WINDOW = 31  # log2 of the longest window, which `zstd --long=31` makes


class Format(NamedTuple):
    """A format of packed files.

    name: what messages call it.
    suffix: the end of the names of its files.
    magic: the first bytes of a file, one of these.
    unpacker: makes an object that unpacks one member: `decompress(data, max_length)`, `eof`,
        `unused_data`, `needs_input`, as those of `bz2`.
    packer: opens a stream that packs what is written to it and writes it to the given stream.
    """

    name: str
    suffix: str
    magic: tuple[bytes, ...]
    unpacker: Callable[[], Any]
    packer: Callable[[IO[bytes]], IO[bytes]]


def format_of(head: bytes) -> Format | None:
    """Return the format of a file that begins with these bytes."""
    return next((form for form in FORMATS if head.startswith(form.magic)), None)


def begun_format(head: bytes, suffix: str) -> Format | None:
    """Return the format of a whole file that consists of the first bytes of a magic number.

    Such a file was cut off, or is a short text. It is text if it is valid UTF-8 and as short as
    `BZh9`, unless its name says otherwise.
    """
    begun = [form for form in FORMATS if any(magic.startswith(head) for magic in form.magic)]
    named = [form for form in begun if form.suffix == suffix.lower()]
    if named or not head:
        return named[0] if head and named else None
    long = len(head) >= (6 if head.isascii() else 3)
    return begun[0] if begun and long else None


def unpack(chunks: Iterable[bytes], form: Format, name: str) -> Iterator[bytes]:
    """Yield what a packed file holds, in pieces of at most `STEP` bytes.

    A file may consist of several members or frames. NUL bytes after a member are padding.

    Args:
        chunks: the bytes of the file.
        form: its format.
        name: its name in messages.

    Raises:
        UsageError: the file is damaged or cut off.
    """
    member = None
    for data in chunks:
        while True:
            if member is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                member = _made(form.unpacker, form)
            try:
                piece = member.decompress(data, STEP)
            except _errors(form) as error:
                raise UsageError(
                    f"{name}: the {form.name} file is damaged ({error}); pack the text again"
                ) from None
            if piece:
                yield piece
            data = b""
            if member.eof:
                data, member = member.unused_data, None
            elif member.needs_input:
                break
    if member is not None:
        raise cut_off(form, name)


def cut_off(form: Format, name: str) -> UsageError:
    """Return the error for a packed file without its end."""
    return UsageError(
        f"{name}: the {form.name} file is cut off; copy it again, or pack the text again"
    )


def packer_for(path: str) -> Callable[[IO[bytes]], IO[bytes]] | None:
    """Return what packs a stream as the name of the file says, or None for plain text.

    Raises:
        UsageError: this Python cannot pack in that format.
    """
    suffix = Path(path).suffix.lower()
    form = next((form for form in FORMATS if form.suffix == suffix), None)
    return None if form is None else lambda stream: _made(lambda: form.packer(stream), form)


class _GzipMember:
    """zlib's unpacker of one gzip member, with the interface of that of bz2."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail


def _unpack_bzip2() -> Any:
    import bz2

    return bz2.BZ2Decompressor()


def _unpack_xz() -> Any:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ)


def _unpack_zstd() -> Any:
    zstd = _zstd()
    option = zstd.DecompressionParameter.window_log_max
    return zstd.ZstdDecompressor(options={option: _ZSTD_WINDOW})


def _pack_gzip(stream: IO[bytes]) -> IO[bytes]:
    import gzip

    # Without a name and a time, equal texts give equal files.
    return cast(IO[bytes], gzip.GzipFile("", "wb", fileobj=stream, mtime=0))


def _pack_bzip2(stream: IO[bytes]) -> IO[bytes]:
    import bz2

    return bz2.BZ2File(stream, "wb")


def _pack_xz(stream: IO[bytes]) -> IO[bytes]:
    import lzma

    return lzma.LZMAFile(stream, "wb")


def _pack_zstd(stream: IO[bytes]) -> IO[bytes]:
    return _zstd().ZstdFile(stream, "wb")


def _zstd() -> Any:
    """Import the module of the standard library (Python 3.14), or its package for older ones."""
    try:
        from compression import zstd
    except ImportError:
        from backports import zstd
    return zstd


def _made(make: Callable[[], Any], form: Format) -> Any:
    """Call what needs a module that this Python may lack."""
    try:
        return make()
    except ImportError as error:
        remedy = "pip install backports.zstd" if form.suffix == ".zst" else "use another Python"
        raise UsageError(
            f"this Python cannot read or write {form.name} ({error}): {remedy}"
        ) from None


def _errors(form: Format) -> tuple[type[Exception], ...]:
    """Return the errors of unpacking; a module with its own is imported only where it is used."""
    usual = zlib.error, OSError, EOFError, ValueError
    if form.suffix == ".xz":
        import lzma

        return (*usual, lzma.LZMAError)
    return (*usual, _zstd().ZstdError) if form.suffix == ".zst" else usual


_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")  # a block; the end of an empty file
FORMATS = (
    Format("gzip", ".gz", (b"\x1f\x8b\x08",), _GzipMember, _pack_gzip),
    Format(
        "bzip2",
        ".bz2",
        tuple(b"BZh%d%b" % (level, block) for level in range(1, 10) for block in _BZIP2_BLOCKS),
        _unpack_bzip2,
        _pack_bzip2,
    ),
    Format("xz", ".xz", (b"\xfd7zXZ\0",), _unpack_xz, _pack_xz),
    # The second kind are frames to be skipped, with which files of pzstd begin.
    Format(
        "zstd",
        ".zst",
        (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + i]) + b"\x2a\x4d\x18" for i in range(16))),
        _unpack_zstd,
        _pack_zstd,
    ),
)
