"""What a folder may look like after a loss of power, from the operations that were done in it.

The model knows POSIX's promises and no more. The content of a file is safe when the file was
synced, and a name is safe when its folder was synced. Everything else may be there or not, each
thing by itself: a folder has its old names or its new ones, a file has its old content, its new
content, or half of it.
"""

import os
import random
from pathlib import Path

from helpers.file_operations import Event

# `lost`: nothing that was not synced is there. `names`: new names, with the content that was
# synced. `contents`: old names, with new content. `mixed`: by chance.
VARIANTS = ("lost", "names", "contents", "mixed")


class Node:
    """A file (`now` is bytes), a folder (a dict of nodes by name) or a symbolic link (a str)."""

    def __init__(self, now, synced):
        self.now, self.synced = now, synced


class Disk:
    """A folder, as it is now and as it is safe.

    Args:
        folder: what is in it at first is safe.
    """

    def __init__(self, folder: Path):
        self.root = _read(Path(folder))

    def apply(self, event: Event) -> None:
        """Do what an operation did."""
        parent, name = self._parent(event.path)
        match event.kind:
            case "create":
                parent.now[name] = Node(b"", None)
            case "truncate":
                parent.now[name].now = b""
            case "write":
                node = self._at(event.path)
                before = node.now.ljust(event.offset, b"\0")
                after = before[event.offset + len(event.data) :]
                node.now = before[: event.offset] + event.data + after
            case "fsync":
                node = self._at(event.path)
                node.synced = dict(node.now) if isinstance(node.now, dict) else node.now
            case "mkdir":
                parent.now[name] = Node({}, {})
            case "symlink":
                parent.now[name] = Node(event.other, event.other)
            case "unlink":
                del parent.now[name]
            case "rename":
                target, new = self._parent(event.other)
                target.now[new] = parent.now.pop(name)
            case "exchange":
                target, new = self._parent(event.other)
                pair = parent.now[name], target.now[new]
                target.now[new], parent.now[name] = pair
            case _:
                raise ValueError(event.kind)

    def write_crashed(self, folder: Path, variant: str, chance: random.Random) -> None:
        """Write the folder as a loss of power may leave it now."""
        folder.mkdir()
        self._write(self.root, folder, variant, chance)

    def _write(self, node: Node, folder: Path, variant: str, chance: random.Random) -> None:
        is_new = {"lost": False, "contents": False, "names": True}
        names = node.now if is_new.get(variant, chance.random() < 0.5) else node.synced
        for name, child in names.items():
            path = folder / name
            if isinstance(child.now, dict):
                path.mkdir()
                self._write(child, path, variant, chance)
            elif isinstance(child.now, str):
                path.symlink_to(child.now)
            else:
                safe = child.synced or b""
                kept = len(safe) if child.now.startswith(safe) else 0  # appending destroys nothing
                half = child.now[: kept + (len(child.now) - kept) // 2]
                options = {"lost": safe, "names": safe, "contents": child.now}
                path.write_bytes(options.get(variant, chance.choice((safe, child.now, half))))

    def _parent(self, path: str) -> tuple[Node, str]:
        *folders, name = Path(path).parts or ("",)
        node = self.root
        for folder in folders:
            node = node.now[folder]
        return node, name

    def _at(self, path: str) -> Node:
        node = self.root
        for part in Path(path).parts:
            node = node.now[part]
        return node


def _read(path: Path) -> Node:
    if path.is_symlink():
        return Node(os.readlink(path), os.readlink(path))
    if path.is_dir():
        children = {child.name: _read(child) for child in path.iterdir()}
        return Node(children, dict(children))
    return Node(path.read_bytes(), path.read_bytes())
