"""Checkpoints that are whole or not there at all.

    checkpoints/step-500/{model.npz, optimizer.npz, state.json, manifest.json}
    checkpoints/last -> step-500        checkpoints/best -> step-400
    checkpoints/average/{model.npz, state.json, manifest.json}

A folder is written beside, synced, and renamed; the manifest has the size and SHA-256 of each file.
"""

import hashlib
import json
import logging
import os
import re
import shutil
from pathlib import Path

import numpy as np

from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import PARTIAL, atomic_directory

logger = logging.getLogger(__name__)

STEP = re.compile(r"step-(\d+)$")
AVERAGE = re.compile(r"average(-[\w.-]+)?$")
_REMEDY = (
    "free some space and run the same command: the training goes on from the checkpoint before"
)


def check_checkpoint_name(name: str) -> None:
    """
    Raises:
        UsageError: no checkpoint can have this name.
    """
    if not re.fullmatch(r"best|last|step-[0-9]+|average(-[\w.-]+)?", name):
        raise UsageError(
            f"checkpoint '{name}': give best, last or step-N, for example step-500, or average if"
            " nmt average made one"
        )


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
    final = _save_whole(folder / f"step-{step}", step, arrays, state)
    point(folder, "last", step)
    return final


def save_average(folder, name: str, step: int, arrays: dict, state: dict) -> Path:
    """Write a checkpoint that no training goes on from.

    Args:
        folder: `checkpoints` of the run.
        name: `average` or `average-...`.
        step: the newest update that is in it.
        arrays: as of `save`.
        state: of what it is made.

    Raises:
        NmtError: it could not be written; one that had the name is as before.
    """
    return _save_whole(Path(folder) / name, step, arrays, state)


def _save_whole(final: Path, step: int, arrays: dict, state: dict) -> Path:
    with atomic_directory(final, replace=True, remedy=_REMEDY) as folder:
        for group, named in arrays.items():
            np.savez(folder / f"{group}.npz", **named)
        _write_json(folder / "state.json", state)
        files = {p.name: _describe(p) for p in sorted(folder.iterdir())}
        _write_json(folder / "manifest.json", {"name": final.name, "step": step, "files": files})
    return final


def _write_json(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")


def point(folder, name: str, target: int | str) -> None:
    """Let `name` (`best` or `last`) stand for a step, or for an average by its name."""
    temporary = Path(folder) / f".{name}.part"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target if isinstance(target, str) else f"step-{target}")
    os.replace(temporary, Path(folder) / name)


def prune(folder, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints and the best one."""
    folder = Path(folder)
    best = target(folder, "best")
    for step in sorted(steps(folder))[:-keep]:
        if f"step-{step}" != best:
            shutil.rmtree(folder / f"step-{step}", ignore_errors=True)
    for leftover in folder.glob(f".*{PARTIAL}"):  # of a training that was killed
        shutil.rmtree(leftover, ignore_errors=True)


def steps(folder) -> list[int]:
    """The numbers of the checkpoints in a folder, in order."""
    found = (STEP.match(p.name) for p in Path(folder).glob("step-*"))
    return sorted(int(match[1]) for match in found if match)


def averages(folder) -> list[str]:
    """The names of the averages in a folder."""
    return sorted(p.name for p in Path(folder).glob("average*") if AVERAGE.match(p.name))


def load(folder, name: str = "last", groups=("model",), fall_back: bool = True):
    """Read a checkpoint; when it is damaged, the one before it is used, with a warning.

    Args:
        folder: `checkpoints` of the run.
        name: `last`, `best`, `step-N`, or an average's name; that one has no other before it.
        groups: which arrays to read.
        fall_back: use an earlier checkpoint where this one is damaged.

    Returns:
        (step, arrays, state) as they were saved.

    Raises:
        UsageError: there is no such checkpoint.
        NmtError: neither it nor, with `fall_back`, an earlier one is whole.
    """
    folder = Path(folder)
    damaged = []
    for path in _candidates(folder, name)[: None if fall_back else 1]:
        problem = find_problem(path)
        if problem is None:
            for earlier, what in damaged:
                logger.warning("%s: %s; using %s instead", earlier, what, path.name)
            step = json.loads((path / "manifest.json").read_text(encoding="utf-8"))["step"]
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            return step, {group: _read_arrays(path / f"{group}.npz") for group in groups}, state
        damaged.append((path, problem))
    path, problem = damaged[0]
    if AVERAGE.match(path.name):
        raise NmtError(f"{path}: {problem}; make it again with nmt average")
    if not fall_back:
        raise NmtError(f"{path}: {problem}; name another checkpoint")
    raise NmtError(f"{path}: {problem}, and no whole checkpoint before it; train again")


def target(folder, name: str) -> str | None:
    """The folder that `best` or `last` stands for, also where copying made the link a folder."""
    link = Path(folder) / name
    if link.is_symlink():
        found = os.readlink(link)
        return found if STEP.match(found) or AVERAGE.match(found) else None
    try:
        manifest = json.loads((link / "manifest.json").read_text()) if link.is_dir() else {}
        return manifest.get("name") or f"step-{manifest['step']}"
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _candidates(folder: Path, name: str) -> list[Path]:
    """The checkpoint that is meant, and those before it, newest first."""
    wanted, there = _wanted(folder, name), steps(folder)
    if AVERAGE.match(wanted):
        before = there if name == "best" else []
        return [folder / wanted, *(folder / f"step-{s}" for s in reversed(before))]
    return [folder / f"step-{s}" for s in reversed(there) if s <= int(STEP.match(wanted)[1])]


def _wanted(folder: Path, name: str) -> str:
    """The name of a folder, which may be damaged."""
    wanted = target(folder, name) if name in ("best", "last") else name
    there = steps(folder)
    if wanted is None:
        wanted = (name == "best" and target(folder, "last")) or f"step-{there[-1] if there else 0}"
    match = STEP.match(wanted)
    is_there = (folder / wanted).is_dir() or (name != wanted and there)
    if not is_there or (match and int(match[1]) < there[0]):
        have = ", ".join([*(f"step-{s}" for s in there), *averages(folder)]) or "none"
        raise UsageError(
            f"{folder}: no checkpoint '{name}' (there are: {have}); run nmt train, or wait for its"
            " first checkpoint"
        )
    return wanted


def find_problem(path: Path) -> str | None:
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
