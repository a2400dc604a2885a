"""Checkpoints that are whole or not there at all.

    checkpoints/step-500/{model.npz, optimizer.npz, state.json, manifest.json}
    checkpoints/last -> step-500        checkpoints/best -> step-400

A folder is written beside, synced, and renamed; the manifest has the size and SHA-256 of each file.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np

from nmtcli.errors import NmtError, UsageError

STEP = re.compile(r"step-(\d+)$")


def save(folder, step: int, arrays: dict, state: dict) -> Path:
    """Write checkpoint `step` and point `last` to it.

    Args:
        folder: `checkpoints` of the run.
        step: number of the last update.
        arrays: {"model": {name: array}, "optimizer": {name: array}}.
        state: what the training goes on from, as JSON.

    Raises:
        NmtError: it could not be written; nothing half-written stays and `last` is as before.
    """
    folder = Path(folder)
    final, temporary = folder / f"step-{step}", folder / f".step-{step}.part"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for group, named in arrays.items():
            _write(temporary / f"{group}.npz", lambda stream, n=named: np.savez(stream, **n))
        text = json.dumps(state, indent=1, ensure_ascii=False).encode()
        _write(temporary / "state.json", lambda stream: stream.write(text))
        files = {p.name: _describe(p) for p in sorted(temporary.iterdir())}
        listing = json.dumps({"step": step, "files": files}, indent=1).encode()
        _write(temporary / "manifest.json", lambda stream: stream.write(listing))
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
        _sync(folder)
        point(folder, "last", step)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        reason = error.strerror or error
        raise NmtError(
            f"{final}: checkpoint not written ({reason}); free some space and run the same command:"
            " the training goes on from the checkpoint before"
        ) from None
    return final


def point(folder, name: str, step: int) -> None:
    """Let `name` (`best` or `last`) stand for checkpoint `step`, in one move."""
    temporary = Path(folder) / f".{name}.part"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(f"step-{step}")
    os.replace(temporary, Path(folder) / name)


def prune(folder, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints and the best one."""
    folder = Path(folder)
    best = _target(folder / "best")
    for step in sorted(steps(folder))[:-keep]:
        if step != best:
            shutil.rmtree(folder / f"step-{step}", ignore_errors=True)
    for leftover in folder.glob(".*.part"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)


def steps(folder) -> list[int]:
    """The numbers of the checkpoints in a folder, in order."""
    found = (STEP.match(p.name) for p in Path(folder).glob("step-*"))
    return sorted(int(match[1]) for match in found if match)


def load(folder, name: str = "last", groups=("model",), on_warning=lambda message: None):
    """Read a checkpoint; when it is damaged, the one before it is used and named.

    Args:
        folder: `checkpoints` of the run.
        name: `last`, `best` or `step-N`.
        groups: which arrays to read.
        on_warning: called with one line about each damaged checkpoint.

    Returns:
        (step, arrays, state) as they were saved.

    Raises:
        UsageError: there is no such checkpoint.
        NmtError: neither it nor an earlier one is whole.
    """
    folder = Path(folder)
    wanted = _wanted(folder, name)
    damaged = []
    for step in [s for s in reversed(steps(folder)) if s <= wanted]:
        path = folder / f"step-{step}"
        problem = _problem(path)
        if problem is None:
            for earlier, what in damaged:
                on_warning(f"{earlier}: {what}; using {path.name} instead")
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            return step, {group: _read_arrays(path / f"{group}.npz") for group in groups}, state
        damaged.append((path, problem))
    path, problem = damaged[0]
    raise NmtError(f"{path}: {problem}, and no whole checkpoint before it; train again")


def _wanted(folder: Path, name: str) -> int:
    target = _target(folder / name)
    if target is None and name == "best":
        target = _target(folder / "last")
    if target is None and STEP.match(name) and (folder / name).is_dir():
        target = int(STEP.match(name)[1])
    there = steps(folder)
    if target is None and name in ("best", "last") and there:
        target = there[-1]
    if target is None or not there or target < there[0]:
        have = ", ".join(f"step-{s}" for s in there) or "none"
        raise UsageError(
            f"{folder}: no checkpoint '{name}' (there are: {have}); run nmt train, or wait for its"
            " first checkpoint"
        )
    return target


def _target(link: Path) -> int | None:
    """The step a `best` or `last` link stands for, also where copying made it a folder."""
    if link.is_symlink():
        match = STEP.match(os.readlink(link))
        return int(match[1]) if match else None
    try:
        return json.loads((link / "manifest.json").read_text())["step"] if link.is_dir() else None
    except (OSError, ValueError, KeyError):
        return None


def _problem(path: Path) -> str | None:
    """What is wrong with a checkpoint's files, or None."""
    try:
        files = json.loads((path / "manifest.json").read_text(encoding="utf-8"))["files"]
        for name, facts in files.items():
            file = path / name
            if not file.is_file():
                return f"damaged ({name} is missing)"
            if file.stat().st_size != facts["bytes"]:
                return f"damaged ({name} has {file.stat().st_size} of {facts['bytes']} bytes)"
            if _describe(file)["sha256"] != facts["sha256"]:
                return f"damaged ({name} does not have its checksum)"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "damaged (no readable manifest.json)"
    return None


def _describe(path: Path) -> dict:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}


def _read_arrays(path: Path) -> dict:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _write(path: Path, fill) -> None:
    with path.open("wb") as stream:
        fill(stream)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
