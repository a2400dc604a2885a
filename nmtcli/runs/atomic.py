"""Files and folders that appear whole or not at all, whatever interrupts the writing."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmtcli.errors import NmtError, UsageError

PARTIAL = ".partial"  # how the name of a folder ends that is not whole yet


def write_atomically(path, content) -> None:
    """Write text or bytes so that the file holds either the old or the whole new content.

    Raises:
        NmtError: the disk is full or the folder may not be written to.
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise NmtError(f"{path}: cannot be written ({error.strerror})") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def atomic_directory(
    out: Path, replace: bool = False, remedy: str = "nothing was kept"
) -> Iterator[Path]:
    """Give a temporary folder to fill; when the block ends well it becomes `out`.

    On an error or an interruption the temporary folder is removed and `out` is what it was. The
    temporary folder stands beside `out`, where a rename is atomic.

    Args:
        out: the folder to make; parents are made at the end. It must not exist, or be empty,
            unless `replace`.
        replace: put it in the place of what is there.
        remedy: the end of the message when the system fails.

    Raises:
        UsageError: no permission, or a file in the way.
        NmtError: the disk is full, or another failure of the system.
    """
    out = Path(out).resolve()
    beside = out.parent
    while not beside.exists():
        beside = beside.parent
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PARTIAL, dir=beside))
        folder.chmod(beside.stat().st_mode & 0o777)  # mkdtemp's is closed to the group
        yield folder
        _flush(folder)
        out.parent.mkdir(parents=True, exist_ok=True)
        _put_in_place(folder, out, replace)
    except PermissionError:
        raise UsageError(f"{out}: no permission to write; choose another folder") from None
    except (NotADirectoryError, FileExistsError):
        raise UsageError(f"{out}: a file is in the way; choose another folder") from None
    except OSError as error:
        reason = error.strerror or error
        raise NmtError(f"{out}: cannot be written ({reason}); {remedy}") from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(folder: Path, out: Path, replace: bool) -> None:
    if not (replace and out.exists()):
        os.rename(folder, out)
    else:
        old = folder.with_suffix(".old")
        os.rename(out, old)
        try:
            os.rename(folder, out)
        except BaseException:
            os.rename(old, out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    _sync(out.parent)


def _flush(folder: Path) -> None:
    """Have the disk hold all of it before its name says that it is whole."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
