"""A folder that appears whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmtcli.errors import NmtError, UsageError


@contextmanager
def whole_folder(out: Path, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder to fill; when the block ends well it becomes `out`.

    On an error or an interruption the temporary folder is removed and `out` is what it was. The
    temporary folder stands beside `out`, where a rename is atomic.

    Args:
        out: the folder to make; parents are made at the end. It must not exist, or be empty,
            unless `replace`.

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
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=beside))
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
        raise NmtError(f"{out}: cannot be written ({reason}); nothing was kept") from None
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
