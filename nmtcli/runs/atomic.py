"""Atomic writing of files and folders: they appear complete or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmtcli.errors import NmtError, UsageError

PARTIAL = ".partial"  # the suffix of a folder that is still being written


def write_atomically(path, content) -> None:
    """Write text or bytes so that the file has either the old or the complete new content.

    Raises:
        NmtError: the disk is full, or there is no permission to write.
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
        raise NmtError(
            f"{path}: the file cannot be written ({error.strerror}); free some space"
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def atomic_directory(
    out: Path, replace: bool = False, remedy: str = "nothing was kept"
) -> Iterator[Path]:
    """Yield a temporary folder to fill, which becomes `out` when the block ends without an error.

    After an error or an interruption the temporary folder is removed and `out` is unchanged. The
    temporary folder is made beside `out`, where a rename is atomic.

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
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PARTIAL, dir=beside))
        folder.chmod(beside.stat().st_mode & 0o777)  # mkdtemp gives no rights to the group
        yield folder
        _flush(folder)
        out.parent.mkdir(parents=True, exist_ok=True)
        _put_in_place(folder, out, replace)
    except PermissionError:
        raise UsageError(
            f"{out}: you have no permission to write there; choose another folder"
        ) from None
    except (NotADirectoryError, FileExistsError):
        raise UsageError(f"{out}: a file is in the way; choose another folder") from None
    except OSError as error:
        reason = error.strerror or error
        raise NmtError(f"{out}: the folder cannot be written ({reason}); {remedy}") from None
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
    """Flush the contents to the disk before the rename says that they are complete."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
