"""Read input that may pause, so that lines can be answered before more arrive."""

import os
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

PAUSE = 0.01  # seconds without a new line before the lines so far are answered
CHUNK = 1 << 16  # bytes that are read at once


class PatientReader:
    """Reads the raw lines of a stream, and tells whether its writer has paused.

    A pipe or a terminal may pause; a file never does. If the kind is unknown (a stream without a
    file descriptor; pipes on Windows), the stream counts as a file.

    Args:
        stream: a stream from which nothing has been read yet.
        before_waiting: a function that is called before waiting for more.
    """

    def __init__(self, stream: BinaryIO, before_waiting: Callable[[], None] = lambda: None):
        self._stream, self._before_waiting = stream, before_waiting
        self._lines: deque[bytes] = deque()
        self._begun = b""  # a line whose end has not arrived
        self._descriptor = _descriptor(stream)

    def __iter__(self) -> Iterator[bytes]:
        """Yield lines with their ends, like a binary stream."""
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
        """Wait a moment; return whether no line has arrived."""
        if self._descriptor is None or self._lines:
            return False
        return not self._is_ready(PAUSE)

    def _is_ready(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])


def _descriptor(stream: BinaryIO) -> int | None:
    if sys.platform == "win32":  # there `select` accepts only sockets
        return None
    try:
        return stream.fileno()
    except (OSError, AttributeError):
        return None
