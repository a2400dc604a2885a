"""Count, record, and break the file operations that this process does in one folder.

All writing of Python code is seen: `open`, `os.open`, `os.fdopen` and what is written to them,
fsync, renames, links, removals, new folders, and our exchange of two names. Native code is not.
What is patched stays so, since the process is a forked child that soon ends.
"""

import builtins
import errno
import io
import os
from pathlib import Path
from typing import NamedTuple

DIED = 77  # the status of a process that ended at an operation
KINDS = ("open", "write", "fsync", "rename", "symlink", "unlink", "mkdir")
NEEDS_SPACE = ("open", "write", "fsync", "rename", "symlink", "mkdir")


class Event(NamedTuple):
    """An operation that was done: its kind, and what it needs to be repeated on a model."""

    kind: str
    path: str
    other: str = ""
    offset: int = 0
    data: bytes = b""


class Operations:
    """The operations of this process below `folder`.

    Args:
        folder: paths of events are relative to it.
        at: the number of the operation, from 1, that does not succeed; 0: all succeed.
        fault: `EIO`: it fails. `ENOSPC`: it fails, and so does all later writing. `die`: the
            process ends before it; a write is done by half.

    Attributes:
        kinds: the kind of each operation, in order.
        events: what was done.
    """

    def __init__(self, folder: Path, at: int = 0, fault: str = ""):
        self.folder = os.path.realpath(folder)
        self.at, self.fault = at, fault
        self.kinds: list[str] = []
        self.events: list[Event] = []

    def inside(self, path, dir_fd=None) -> str | None:
        """Return the path relative to the folder; None if it is outside."""
        if isinstance(path, int):
            full = os.readlink(f"/proc/self/fd/{path}")
        else:
            path = os.fsdecode(path)
            if dir_fd is not None:
                path = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), path)
            parent, name = os.path.split(os.path.abspath(path))
            full = os.path.join(os.path.realpath(parent), name)
        if full == self.folder:
            return "."
        prefix = self.folder + os.sep
        return full[len(prefix) :] if full.startswith(prefix) else None

    def before(self, kind: str, path: str, half=lambda: None) -> None:
        """Count an operation that is about to be done; fail or end if it is the one to break."""
        self.kinds.append(kind)
        number = len(self.kinds)
        full = self.fault == "ENOSPC" and number > self.at > 0 and kind in NEEDS_SPACE
        if number != self.at and not full:
            return
        if self.fault == "die":
            half()
            os._exit(DIED)
        code = getattr(errno, self.fault)
        names = [] if kind in ("write", "fsync") else [os.path.join(self.folder, path)]
        raise OSError(code, os.strerror(code), *names)  # the system names no file for a handle

    def done(self, *event, **more) -> None:
        self.events.append(Event(*event, **more))


def install(operations: Operations) -> None:
    """Let all file operations of this process pass through `operations`."""
    real = {name: getattr(os, name) for name in (
        "open", "write", "fsync", "rename", "replace", "symlink", "unlink", "remove", "rmdir",
        "mkdir", "ftruncate", "sendfile", "pread")}  # fmt: skip
    real_open, inside = io.open, operations.inside

    class File(io.FileIO):
        def write(self, data):
            path, data = inside(self.fileno()), bytes(data)
            if path is not None:
                half = lambda: super(File, self).write(data[: len(data) // 2])  # noqa: E731
                operations.before("write", path, half)
                appends = "a" in self.mode
                offset = os.fstat(self.fileno()).st_size if appends else self.tell()
                operations.done("write", path, offset=offset, data=data)
            return super().write(data)

    def open_file(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None,
                  closefd=True, opener=None):  # fmt: skip
        path = None
        if set(mode) & set("wax+") and opener is None:
            path = inside(file)
        if "r" in mode and path is not None and not isinstance(file, int):
            path = path if os.path.lexists(file) else None  # there is nothing to open
        if path is None:
            return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if not isinstance(file, int):
            opening(path, os.path.lexists(file), "w" in mode)
        raw = File(file, mode.replace("b", "").replace("t", ""), closefd)
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        text = io.TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)
        text.mode = mode
        return text

    def opening(path, exists, truncates):
        operations.before("open", path)
        if not exists:
            operations.done("create", path)
        elif truncates:
            operations.done("truncate", path)

    def os_open(path, flags, mode=0o777, *, dir_fd=None):
        found = inside(path, dir_fd)
        if found is not None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            exists = os.path.lexists(os.path.join(operations.folder, found))
            if not (exists and flags & os.O_EXCL):
                opening(found, exists, flags & os.O_TRUNC)
        return real["open"](path, flags, mode, dir_fd=dir_fd)

    def os_write(handle, data):
        path = inside(handle)
        if path is not None:
            operations.before("write", path, lambda: real["write"](handle, data[: len(data) // 2]))
            offset = os.lseek(handle, 0, os.SEEK_CUR)
            operations.done("write", path, offset=offset, data=bytes(data))
        return real["write"](handle, data)

    def sendfile(out, source, offset, count):
        return os_write(out, real["pread"](source, min(count, 1 << 20), offset))

    def ftruncate(handle, length):
        path = inside(handle)
        if path is not None:
            operations.before("write", path)
            operations.done("truncate", path)
        real["ftruncate"](handle, length)

    def fsync(handle):
        path = inside(handle)
        if path is not None:
            operations.before("fsync", path)
        real["fsync"](handle)
        if path is not None:
            operations.done("fsync", path)

    def moving(name):
        def move(source, target, *, src_dir_fd=None, dst_dir_fd=None):
            one, other = inside(source, src_dir_fd), inside(target, dst_dir_fd)
            if one is not None:
                operations.before("rename", other or str(target))
            real[name](source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            if one is not None:
                operations.done("rename", one, other)

        return move

    def making(name, kind):
        def make(path, *arguments, dir_fd=None):
            found = inside(path, dir_fd)
            there = os.path.lexists(os.path.join(operations.folder, found)) if found else False
            if found is not None and not (there and kind == "mkdir"):
                operations.before(kind, found)
            result = real[name](path, *arguments, dir_fd=dir_fd)
            if found is not None:
                operations.done(kind, found)
            return result

        return make

    def symlink(target, path, target_is_directory=False, *, dir_fd=None):
        found = inside(path, dir_fd)
        if found is not None:
            operations.before("symlink", found)
        real["symlink"](target, path, target_is_directory, dir_fd=dir_fd)
        if found is not None:
            operations.done("symlink", found, os.fsdecode(target))

    def removing(name):
        def remove(path, *, dir_fd=None):
            found = inside(path, dir_fd)
            place = os.path.join(operations.folder, found or "")
            if found is not None and os.path.lexists(place):
                operations.before("unlink", found)
            real[name](path, dir_fd=dir_fd)
            if found is not None:
                operations.done("unlink", found)

        return remove

    from nmtcli.runs import atomic

    real_exchange = atomic._exchange

    def exchange(one, other):
        operations.before("rename", inside(other))
        exchanged = real_exchange(one, other)
        if exchanged:
            operations.done("exchange", inside(one), inside(other))
        return exchanged

    builtins.open = io.open = open_file
    os.open, os.write, os.fsync, os.ftruncate = os_open, os_write, fsync, ftruncate
    os.sendfile = sendfile
    os.rename, os.replace = moving("rename"), moving("replace")
    os.mkdir, os.symlink = making("mkdir", "mkdir"), symlink
    os.unlink, os.remove, os.rmdir = map(removing, ("unlink", "remove", "rmdir"))
    atomic._exchange = exchange
