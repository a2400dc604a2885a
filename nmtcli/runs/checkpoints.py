"""Checkpoints, which are written atomically and verified when they are read.

    checkpoints/step-500/{model.npz, optimizer.npz, state.json, manifest.json}
    checkpoints/last -> step-500        checkpoints/best -> step-400
    checkpoints/average/{model.npz, state.json, manifest.json}

The manifest has the size and the SHA-256 of each file.
"""

import hashlib
import json
import logging
import os
import re
from pathlib import Path

import numpy as np

from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import reading
from nmtcli.runs.arrays import read_arrays
from nmtcli.runs.atomic import (
    atomic_directory,
    link_atomically,
    remove_folder,
    remove_partial,
    restore,
)

logger = logging.getLogger(__name__)

STEP = re.compile(r"step-([0-9]{1,18})\Z")
AVERAGE = re.compile(r"average(-[\w.-]+)?\Z")
FILE = re.compile(r"[\w-]+\.(npz|json)\Z")  # of a checkpoint; a name leads to no other folder
_REMEDY = "the same command resumes from the checkpoint before"


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


def save(folder: Path, step: int, arrays: dict, state: dict) -> Path:
    """Write the checkpoint of an update, point `last` to it, and return its folder.

    Args:
        folder: the folder `checkpoints` of the run.
        step: the number of the update.
        arrays: {"model": {name: array}, "optimizer": {name: array}}.
        state: the state of the training from which it resumes, as JSON values.

    Raises:
        NmtError: the checkpoint could not be written; no partial files are left and `last` is
            unchanged.
    """
    final = save_as(folder, f"step-{step}", step, arrays, state)
    point(folder, "last", step)
    return final


def save_as(folder: Path, name: str, step: int, arrays: dict, state: dict) -> Path:
    """Write a checkpoint, or an average from which no training resumes, and return its folder.

    Args:
        folder: the folder `checkpoints` of the run.
        name: `step-N`, `average` or `average-...`.
        step: the number of the update; of an average, its newest one.
        arrays: the arrays, as for `save`.
        state: the state of the training, or the description of the average, as JSON values.

    Raises:
        NmtError: the checkpoint could not be written; an older one of this name is unchanged.
    """
    final = folder / name
    with atomic_directory(final, replace=True, remedy=_REMEDY) as folder:
        for group, named in arrays.items():
            np.savez(folder / f"{group}.npz", **named)
        _write_json(folder / "state.json", state)
        files = {p.name: _describe(p) for p in sorted(folder.iterdir())}
        _write_json(folder / "manifest.json", {"name": final.name, "step": step, "files": files})
    return final


def _write_json(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")


def read_json(path: Path) -> dict:
    """Return the JSON object in a file; an empty one if the file is missing or damaged."""
    try:
        values = reading.read_json(path)
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def point(folder: Path, name: str, target: int | str) -> None:
    """Point `name` (`best` or `last`) to the checkpoint of a step, or to an average by its name."""
    link_atomically(folder / name, target if isinstance(target, str) else f"step-{target}")


def prune(folder: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints and the best one."""
    best = target(folder, "best")
    for step in steps(folder)[:-keep]:
        if f"step-{step}" != best:
            remove_folder(folder / f"step-{step}")
    remove_partial(folder)  # from a killed training


def steps(folder: Path) -> list[int]:
    """Return the steps of the checkpoints in a folder, in ascending order."""
    matches = (STEP.match(p.name) for p in folder.glob("step-*"))
    return sorted(int(match[1]) for match in matches if match)


def averages(folder: Path) -> list[str]:
    """Return the names of the averages in a folder, sorted."""
    return sorted(p.name for p in folder.glob("average*") if AVERAGE.match(p.name))


def is_average(name: str | None) -> bool:
    """Return whether this is the name of an average."""
    return name is not None and AVERAGE.match(name) is not None


def load(folder: Path, name: str = "last", groups=("model",), fall_back: bool = True):
    """Read a checkpoint; if it is damaged or missing, read the one before it and log a warning.

    Args:
        folder: the folder `checkpoints` of the run.
        name: `last`, `best`, `step-N`, or the name of an average, which has no earlier checkpoint.
        groups: the names of the arrays to read.
        fall_back: whether to use an earlier checkpoint if this one is damaged.

    Returns:
        (step, arrays, state) as they were saved.

    Raises:
        UsageError: there is no such checkpoint.
        NmtError: the checkpoint is damaged or missing, and so are all earlier ones that may be
            used.
    """
    damaged = []
    for path in _candidates(folder, name)[: None if fall_back else 1]:
        try:
            found = _read(path, groups)
        except ValueError as error:
            damaged.append((path, str(error)))
            continue
        for earlier, what in damaged:
            logger.warning("%s is %s; %s is used instead", earlier, what, path.name)
        return found
    (path, problem), tried = damaged[0], {path for path, _ in damaged}
    if AVERAGE.match(path.name):
        raise NmtError(f"{path} is {problem}; make it again with nmt average")
    if not fall_back:
        raise NmtError(f"{path} is {problem}; name another checkpoint")
    later = [f"step-{step}" for step in steps(folder) if folder / f"step-{step}" not in tried]
    remedy = f"name another checkpoint ({', '.join(later)})" if later else "train again"
    raise NmtError(f"{path} is {problem}, and there is no intact checkpoint before it; {remedy}")


def target(folder: Path, name: str) -> str | None:
    """Return the name of the checkpoint to which `best` or `last` points, or None.

    Copying a run may have turned the link into a folder.
    """
    link = folder / name
    if link.is_symlink():
        linked = os.readlink(link)
        return linked if STEP.match(linked) or AVERAGE.match(linked) else None
    manifest = read_json(link / "manifest.json")
    named = str(manifest.get("name") or f"step-{manifest.get('step')}")
    return named if STEP.match(named) or AVERAGE.match(named) else None


def _candidates(folder: Path, name: str) -> list[Path]:
    """Return the folders of the named checkpoint and of those before it, newest first."""
    chosen, saved = _resolve(folder, name), steps(folder)
    if AVERAGE.match(chosen):
        before = saved if name == "best" else []
        return [folder / chosen, *(folder / f"step-{s}" for s in reversed(before))]
    earlier = [s for s in reversed(saved) if s < int(STEP.match(chosen)[1])]
    return [folder / chosen, *(folder / f"step-{s}" for s in earlier)]


def _resolve(folder: Path, name: str) -> str:
    """Return the name of the checkpoint's folder, which may be damaged or missing if it is linked.

    Raises:
        UsageError: there is no such checkpoint.
    """
    is_link = name in ("best", "last")
    linked = target(folder, name) if is_link else None
    chosen = linked or (_unlinked(folder, name) if is_link else name)
    if chosen is not None:
        restore(folder / chosen)
        if linked or (folder / chosen).is_dir():
            return chosen
    available = ", ".join([*(f"step-{s}" for s in steps(folder)), *averages(folder)]) or "none"
    raise UsageError(
        f"{folder}: there is no checkpoint '{name}' (available: {available}); run nmt train, or"
        " wait for its first checkpoint"
    )


def _unlinked(folder: Path, name: str) -> str | None:
    """Return the checkpoint that the missing link `best` or `last` would name, or None."""
    saved = steps(folder)
    if not saved:
        return None
    newest = (name == "best" and target(folder, "last")) or f"step-{saved[-1]}"
    best = read_json(folder / newest / "state.json").get("best_step")
    if name == "last" or not best:  # until there was a validation, the newest one is the best
        return newest
    logger.warning("%s is missing; step-%s, the best one, is used", folder / name, best)
    return f"step-{best}"


def find_problem(path: Path) -> str | None:
    """Return what is wrong with the files of a checkpoint, or None."""
    if not path.is_dir():
        return "missing"
    try:
        manifest = read_json(path / "manifest.json")
        if type(manifest["step"]) is not int or "state.json" not in manifest["files"]:
            return "damaged (no readable manifest.json)"
        for name, facts in manifest["files"].items():
            if not FILE.match(name):
                return "damaged (manifest.json names other files than those of a checkpoint)"
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


def _read(path: Path, groups) -> tuple[int, dict, dict]:
    """Return (step, arrays, state) of a checkpoint; raise ValueError with what is wrong."""
    if problem := find_problem(path):
        raise ValueError(problem)
    step, arrays = read_json(path / "manifest.json")["step"], {}
    for group in groups:
        try:
            arrays[group] = read_arrays(path / f"{group}.npz")
        except (OSError, ValueError) as error:
            raise ValueError(f"damaged ({group}.npz cannot be read: {error})") from None
    return step, arrays, read_json(path / "state.json")
