"""Read the files of a folder that may come from a stranger, as a run or prepared data may.

A folder is read only if none of its links leads out of it and all else in it are plain files, so
no command reads, waits for, or writes to something outside. Small files have a limit in bytes,
which is checked before they are read.
"""

import contextlib
import json
import os
import stat
from pathlib import Path

from nmtcli.errors import UsageError

LARGEST_JSON = 4 << 20  # bytes; at worst, values take 27 times as much memory


def check_folder(folder: Path) -> None:
    """Check that nothing in a folder leads out of it.

    Raises:
        UsageError: a link leads out of the folder, or something is a pipe, a socket or a device.
    """
    inside = os.path.realpath(folder)
    pending = [inside]
    while pending:
        # A training that goes on meanwhile removes old checkpoints.
        with contextlib.suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    with contextlib.suppress(FileNotFoundError):
                        _check_entry(entry, inside)


def _check_entry(entry: os.DirEntry, inside: str) -> None:
    if entry.is_symlink():
        _check_link(entry.path, inside)
    elif not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        raise UsageError(
            f"{entry.path}: is a pipe or a device, which belongs to no run and no prepared data;"
            " remove it"
        )


def _check_link(path: str, inside: str) -> None:
    target = os.path.realpath(path)
    if os.path.commonpath([target, inside]) != inside:
        raise UsageError(
            f"{path}: is a link that leads out of its folder, to {target}; put a copy in its place,"
            " or move the whole folder there and link to that"
        )


def read_json(path: Path, largest: int = LARGEST_JSON) -> object:
    """Return the value in a JSON file.

    Args:
        path: the file.
        largest: how many bytes it may have.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: it is too large, not UTF-8 or not JSON.
    """
    if (size := os.path.getsize(path)) > largest:
        raise ValueError(f"it has {size / 1e6:.0f} MB, more than {largest / 1e6:.0f}")
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str) -> object:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not JSON, or is nested hundreds of times.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("values are nested too deeply") from None
