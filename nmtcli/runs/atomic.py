"""Atomic writing of files and folders: they appear complete or not at all.

What is written is synced before it gets its name, and the folder is synced after that. So after a
loss of power, too, a name stands for the old content or for the complete new content.

A folder is replaced by exchanging two names in one step, which Linux can do. Elsewhere the old
folder is renamed to `.NAME.old` first. If the process ends before the new folder has the name, then
`restore` gives the old one its name back; whatever writes or reads the folder next calls it.
"""

import ctypes
import errno
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nmtcli.errors import NmtError, UsageError

try:
    import fcntl
except ImportError:  # Windows, which cannot lock folders
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial"  # the suffix of a file or folder that is still being written
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What a system answers that cannot sync a folder, or exchange two names.
UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF)


class WriteError(NmtError):
    """A file could not be written; `error` is the system's."""

    def __init__(self, path: Path, error: OSError):
        super().__init__(f"{path}: the file cannot be written {reason(error)}")
        self.error = error


def reason(error: OSError) -> str:
    """Return the system's reason in brackets, and what helps against a full disk."""
    remedy = "; free some space" if error.errno in FULL else ""
    return f"({error.strerror or error}){remedy}"


def write_atomically(path, content) -> None:
    """Write text or bytes so that the file has either the old or the complete new content.

    Raises:
        WriteError: the disk is full, or there is no permission to write.
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise WriteError(path, error) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def link_atomically(link: Path, target: str) -> None:
    """Make a symbolic link, or point an existing one to another target.

    Raises:
        NmtError: the system fails.
    """
    temporary = link.with_name(f".{link.name}{PARTIAL}")
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, link)
        sync(link.parent)
    except OSError as error:
        raise NmtError(f"{link}: the link cannot be made {reason(error)}") from None


def make_folder(path: Path) -> None:
    """Make a folder with its parents, so that they are still there after a loss of power."""
    path, missing = Path(path), []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder so that it is never found with only some of its files."""
    hidden = path.with_name(f".{path.name}.removed{PARTIAL}")
    shutil.rmtree(hidden, ignore_errors=True)
    try:
        os.rename(path, hidden)
        sync(path.parent)
    except OSError as error:
        raise NmtError(f"{path}: the folder cannot be removed {reason(error)}") from None
    shutil.rmtree(hidden, ignore_errors=True)


def remove_partial(folder: Path) -> None:
    """Remove from a folder what killed processes were writing; no other process may write there."""
    leftovers = list(folder.glob(f".*{PARTIAL}"))
    if leftovers:
        sync(folder)  # a leftover may be the old content of a name that is not synced yet
    for leftover in leftovers:
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            with suppress(OSError):
                leftover.unlink()


def restore(out: Path) -> None:
    """Give a folder its name back if a process ended while it replaced the folder."""
    if not os.path.lexists(out) and (old := _old(out)).is_dir():
        with suppress(OSError):  # who may only read the folder cannot rename it
            os.rename(old, out)
            sync(out.parent)


def _old(out: Path) -> Path:
    return out.with_name(f".{out.name}.old")


@contextmanager
def atomic_directory(
    out: Path, replace: bool = False, remedy: str = "nothing was kept"
) -> Iterator[Path]:
    """Yield a temporary folder to fill, which becomes `out` when the block ends without an error.

    After an error or an interruption the temporary folder is removed and `out` is unchanged. The
    temporary folder is made beside `out`, where a rename is atomic. What a killed process left
    there of the same name is removed.

    Args:
        out: the folder to make, with its parents. It must be missing or empty, unless `replace`.
        replace: whether to replace an existing folder.
        remedy: the end of the message when the system fails.

    Raises:
        UsageError: there is no permission to write, or a file is in the way.
        NmtError: the disk is full, or the system fails in another way.
    """
    out = Path(out).resolve()
    beside = out.parent
    while not beside.exists():
        beside = beside.parent
    folder = lock = None
    try:
        restore(out)
        _remove_abandoned(beside, out.name)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PARTIAL, dir=beside))
        lock = _lock(folder)
        folder.chmod(beside.stat().st_mode & 0o777)  # mkdtemp gives no rights to the group
        yield folder
        _flush(folder)
        make_folder(out.parent)
        old = _put_in_place(folder, out, replace)
        folder = None  # an old folder stays until the new name is safe
        sync(out.parent)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
    except PermissionError:
        raise UsageError(
            f"{out}: you have no permission to write there; choose another folder"
        ) from None
    except (NotADirectoryError, FileExistsError):
        raise UsageError(f"{out}: a file is in the way; choose another folder") from None
    except (OSError, WriteError) as failure:  # the temporary folder says nothing to the user
        error = failure.error if isinstance(failure, WriteError) else failure
        raise NmtError(f"{out}: the folder cannot be written {reason(error)}; {remedy}") from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _put_in_place(folder: Path, out: Path, replace: bool) -> Path | None:
    """Give the new folder its name; return where the folder is that had the name, if any."""
    if not (replace and out.exists()):
        os.rename(folder, out)
        return None
    if _exchange(folder, out):
        return folder
    old = _old(out)
    shutil.rmtree(old, ignore_errors=True)
    os.rename(out, old)
    try:
        os.rename(folder, out)
    except BaseException:
        os.rename(old, out)
        raise
    return old


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; return False where the system cannot do it."""
    if sys.platform != "linux":
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _lock(folder: Path) -> int | None:
    """Lock a temporary folder while it is being filled; None if it is locked or cannot be."""
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove_abandoned(beside: Path, name: str) -> None:
    """Remove the temporary folders of `name` that no living process is filling."""
    pattern = f".{glob.escape(name)}.*{PARTIAL}"
    found = [path for path in beside.glob(pattern) if path.is_dir()]
    if found:
        sync(beside)  # one of them may be the old content of a name that is not synced yet
    for folder in found:
        if (lock := _lock(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _flush(folder: Path) -> None:
    """Flush the contents to the disk before the rename says that they are complete."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return  # Windows cannot open folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (is_folder and error.errno in UNSUPPORTED):
            raise
    finally:
        os.close(handle)
