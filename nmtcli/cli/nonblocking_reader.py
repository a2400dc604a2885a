"""Input that may pause: what is there is answered, before more comes."""

import os
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

PAUSE = 0.01  # seconds without a line after which the lines so far are answered
CHUNK = 1 << 16  # bytes that are read at once


class PatientReader:
    """The raw lines of a stream, and whether its writer has paused.

    A pipe or a terminal pauses; a file never does. Where that cannot be told (a stream that is no
    file of the system; pipes on Windows) it is taken for a file.

    Args:
        stream: of which nothing has been read yet.
        before_waiting: called before more is waited for.
    """

    def __init__(self, stream: BinaryIO, before_waiting: Callable[[], None] = lambda: None):
        self._stream, self._before_waiting = stream, before_waiting
        self._lines: deque[bytes] = deque()
        self._begun = b""  # a line whose end has not come
        self._descriptor = _descriptor(stream)

    def __iter__(self) -> Iterator[bytes]:
        """Lines with their ends, as a binary stream gives them."""
        if self._descriptor is None:
            yield from self._stream
            return
        while True:
            while self._lines:
                yield self._lines.popleft()
            if not self._is_ready(0.0):
                self._before_waiting()
            chunk = os.read(self._descriptor, CHUNK)
            if not chunk:
                break
            *whole, self._begun = (self._begun + chunk).split(b"\n")
            self._lines.extend(line + b"\n" for line in whole)
        if self._begun:
            yield self._begun

    def pauses(self) -> bool:
        """Is no line there, after a moment of waiting?"""
        if self._descriptor is None or self._lines:
            return False
        return not self._is_ready(PAUSE)

    def _is_ready(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])


def _descriptor(stream: BinaryIO) -> int | None:
    if sys.platform == "win32":  # where `select` takes sockets alone
        return None
    try:
        return stream.fileno()
    except (OSError, AttributeError):
        return None
