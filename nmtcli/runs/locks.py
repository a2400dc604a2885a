"""One process at a time writes into a run. The system releases the lock when the process ends."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import sync

logger = logging.getLogger(__name__)

LOCK = ".lock"  # the file in the run's folder; it has the pid and the host, and always stays


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a run's folder, which must exist; yield whether the lock is held.

    The lock belongs to the open file. Child processes do not inherit it, so a child that lives on
    does not keep it. On a file system that has no locks, a warning is logged instead.

    Raises:
        UsageError: another process holds the lock.
        NmtError: the file of the lock cannot be made.
    """
    path = Path(folder) / LOCK
    try:
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if is_new:
            sync(path.parent)  # the file shows that a folder without a `run.json` is half a run
    except OSError as error:
        raise NmtError(
            f"{path}: the file cannot be made ({error.strerror}), and without it two processes"
            " could write into the run"
        ) from None
    with os.fdopen(handle, "r+", encoding="utf-8") as stream:
        problem = _take(stream, path)
        if problem is None:
            _write_owner(handle)
        else:
            logger.warning(
                "%s: the file system has no locks (%s); let no other process work in this run",
                path.parent,
                problem,
            )
        yield problem is None


def check_unlocked(folder: Path) -> None:
    """Refuse a run in which another process is working, before any work is done.

    Raises:
        UsageError: another process holds the lock.
    """
    path = Path(folder) / LOCK
    with suppress(OSError), open(path, "r+", encoding="utf-8") as stream:  # none, or not ours
        _take(stream, path)


def _take(stream: IO[str], path: Path) -> str | None:
    """Take the lock; return the system's message if the file system has no locks."""
    import portalocker

    try:
        portalocker.lock(stream, portalocker.LOCK_EX | portalocker.LOCK_NB)
    except portalocker.AlreadyLocked:
        raise UsageError(
            f"{path.parent}: {_owner(stream)} is working in this run; wait until it ends, or choose"
            " another folder"
        ) from None
    except portalocker.LockException as error:
        return str(error)
    return None


def _write_owner(handle: int) -> None:
    """Write who holds the lock, which holds even if there is no space to write this."""
    owner = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.write(handle, owner.encode() + b"\n")


def _owner(stream: IO[str]) -> str:
    try:
        owner = json.loads(stream.read())
        return f"process {int(owner['pid'])} on {str(owner['host'])[:100]}"
    except (OSError, ValueError, KeyError, TypeError):  # Windows lets nobody read a locked file
        return "another process"
