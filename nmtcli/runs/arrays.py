"""Read NumPy's files `.npz` and `.npy` without trusting what they say of themselves.

`numpy.load` makes room for the array that a header describes before it reads it, evaluates the
header as Python's literals, and unpacks packed members. Here a header must read as NumPy writes it,
its size must be that of the bytes that follow, and members are stored as they are, so a file takes
as much memory as it has bytes, and is never pickled.
"""

import math
import os
import re
import struct
import zipfile
from pathlib import Path

import numpy as np

LARGEST_HEADER = 10_000  # bytes
MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    r"\{'descr': '([<>|][biuf][0-9]{1,2})', 'fortran_order': (False|True),"
    r" 'shape': \(((?:[0-9]{1,18}(?:, ?|(?=\))))*)\), \} *\n",
    re.ASCII,
)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an `.npz` file; they are read-only.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it is damaged, packed, or has other values than numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("its arrays are packed")
            if sum(member.file_size for member in members) > os.path.getsize(path):
                raise ValueError("its arrays are larger than the file")
            return {
                member.filename.removesuffix(".npy"): _array(archive.read(member))
                for member in members
            }
    except (zipfile.BadZipFile, RuntimeError, EOFError, struct.error, OverflowError) as error:
        raise ValueError(str(error)) from None


def map_array(path: Path) -> np.ndarray:
    """Map an `.npy` file into memory, read-only.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it is damaged, truncated, or has other values than numbers.
    """
    with open(path, "rb") as stream:
        start = stream.read(len(MAGIC) + 6 + LARGEST_HEADER)
    kind, shape, order, begin = _read_header(start)
    if os.path.getsize(path) != begin + math.prod(shape) * kind.itemsize:
        raise ValueError("its size is not that of its array")
    if not math.prod(shape):
        return np.zeros(shape, kind)
    # Slices of a plain array cost a fifth of those of a memmap.
    return np.asarray(np.memmap(path, kind, "r", begin, shape, order))


def _array(data: bytes) -> np.ndarray:
    kind, shape, order, begin = _read_header(data[: len(MAGIC) + 6 + LARGEST_HEADER])
    if len(data) != begin + math.prod(shape) * kind.itemsize:
        raise ValueError("a member's size is not that of its array")
    return np.frombuffer(data, kind, offset=begin).reshape(shape, order=order)


def _read_header(start: bytes) -> tuple[np.dtype, tuple[int, ...], str, int]:
    """Return the type, the shape, the order (C or F) and the place of the first value."""
    version, place = start[len(MAGIC) : len(MAGIC) + 2], len(MAGIC) + 2
    form = {b"\x01\x00": "<H", b"\x02\x00": "<I"}.get(version)
    if not start.startswith(MAGIC) or form is None or len(start) < place + 4:
        raise ValueError("there is no header of NumPy")
    (length,) = struct.unpack_from(form, start, place)
    place += struct.calcsize(form)
    header = _HEADER.fullmatch(start[place : place + length].decode("latin-1"))
    if header is None or len(start) < place + length:
        raise ValueError("a header of NumPy is damaged")
    try:
        kind = np.dtype(header[1])
    except TypeError as error:
        raise ValueError(str(error)) from None
    shape = tuple(int(size) for size in re.findall("[0-9]+", header[3]))
    return kind, shape, "F" if header[2] == "True" else "C", place + length
