"""Average checkpoints of a run: the mean of their weights often translates better than each.

Reference: Junczys-Dowmunt et al. (2016), arXiv:1605.04809, section 4.1; the last checkpoints, as in
Vaswani et al. (2017), arXiv:1706.03762, section 6.1.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.metrics_log import read_metrics
from nmtcli.runs.monitored_metric import monitored_metric

NAME = "average"
USUAL = 5  # checkpoints, if there are so many


class Average(NamedTuple):
    """name: of the checkpoint; made_of: the names of those whose mean it is."""

    name: str
    made_of: list[str]


def average(
    run: RunDirectory,
    last: int | None = None,
    best: int | None = None,
    named: Sequence[str] = (),
    output: str = NAME,
) -> Average:
    """Write the average of some checkpoints into a run.

    Args:
        run: the run.
        last: that many of the newest checkpoints.
        best: that many, those with the best validations.
        named: these ones, such as `step-500`. Without any of the three: the last five, or as many
            as there are.
        output: name of the average, `average` or `average-...`; one of that name is replaced.

    Raises:
        UsageError: no such checkpoints, fewer than two, or a name that an average cannot have.
        NmtError: a checkpoint is damaged, or of another shape than the others.
    """
    if not checkpoints.AVERAGE.match(output):
        raise UsageError(f"--output {output}: an average is named average or average-SOMETHING")
    names = choose(run, last, best, named)
    return save_mean(run, names, output)


def choose(
    run: RunDirectory, last: int | None = None, best: int | None = None, named: Sequence[str] = ()
) -> list[str]:
    """The names of the checkpoints that are meant, oldest first; arguments as of `average`."""
    if sum((last is not None, best is not None, bool(named))) > 1:
        raise UsageError("give one of --last, --best and --checkpoint, not several")
    there = checkpoints.steps(run.checkpoints)
    if named:
        steps = _named(run, there, named)
    elif best is not None:
        steps = _best(run, there, best)
    else:
        wanted = min(USUAL, len(there)) if last is None else last
        if wanted > len(there):
            raise _too_few(run, wanted, there)
        steps = there[len(there) - wanted :]
    if len(steps) < 2:
        raise UsageError(
            f"{run.path}: an average needs at least two checkpoints (available: {_list(there)});"
            " training.keep_checkpoints says how many a training keeps"
        )
    return [f"step-{step}" for step in sorted(steps)]


def save_mean(run: RunDirectory, names: Sequence[str], output: str = NAME) -> Average:
    """Write the mean of checkpoints by their names; arguments as of `average`."""
    arrays = mean_of(run, names)
    state = {"average_of": list(names)}
    newest = max(int(checkpoints.STEP.match(name)[1]) for name in names)
    checkpoints.save_average(run.checkpoints, output, newest, {"model": arrays}, state)
    return Average(output, list(names))


def mean_of(run: RunDirectory, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The mean of the weights of checkpoints, by name; added in float64, in the type they have.

    Raises:
        NmtError: one is damaged, or of another shape than the first.
    """
    totals: dict[str, np.ndarray] = {}
    for name in names:
        arrays = _read(run, name)
        kinds = {key: array.dtype for key, array in arrays.items()}
        if totals and {k: a.shape for k, a in arrays.items()} != {
            k: a.shape for k, a in totals.items()
        }:
            raise NmtError(
                f"{run.checkpoints / name}: other weights than {names[0]} has, so they have no mean"
            )
        for key, array in arrays.items():
            totals[key] = totals.get(key, 0.0) + array.astype(np.float64)
    return {key: (total / len(names)).astype(kinds[key]) for key, total in totals.items()}


def made_of(run: RunDirectory, name: str = NAME) -> list[str]:
    """The names of the checkpoints that an average is of; none if there is no such average."""
    try:
        state = json.loads((run.checkpoints / name / "state.json").read_text(encoding="utf-8"))
        return list(state["average_of"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _read(run: RunDirectory, name: str) -> dict[str, np.ndarray]:
    return checkpoints.load(run.checkpoints, name, fall_back=False)[1]["model"]


def _named(run: RunDirectory, there: list[int], names: Sequence[str]) -> list[int]:
    steps = []
    for name in names:
        wanted = checkpoints.target(run.checkpoints, name) if name in ("best", "last") else name
        match = checkpoints.STEP.match(wanted or "")
        if match is None or int(match[1]) not in there:
            raise UsageError(f"{run.path}: no checkpoint '{name}' (available: {_list(there)})")
        steps.append(int(match[1]))
    if len(set(steps)) < len(steps):
        raise UsageError(f"a checkpoint is named twice: {' '.join(names)}")
    return steps


def _best(run: RunDirectory, there: list[int], count: int) -> list[int]:
    """The steps whose validations were the best, of those that are still there."""
    early_stopping = run.read_config().validation.early_stopping
    monitored = {}
    for line in read_metrics(run.metrics):
        if line.get("kind") == "validation" and line.get("step") in there:
            monitored[line["step"]] = monitored_metric(line, early_stopping)
    if count > len(monitored):
        raise _too_few(run, count, sorted(monitored), " with a validation")
    names = {name for name, _ in monitored.values()}
    if len(names) > 1:
        raise NmtError(f"{run.metrics}: not all validations have the same scores; name checkpoints")
    return sorted(monitored, key=lambda step: monitored[step][1], reverse=True)[:count]


def _too_few(run, wanted: int, there: list[int], kind: str = "") -> UsageError:
    return UsageError(
        f"{run.path}: {wanted} checkpoints wanted, but{kind} there are {len(there)}"
        f" ({_list(there)}); training.keep_checkpoints says how many a training keeps"
    )


def _list(steps: list[int]) -> str:
    return ", ".join(f"step-{step}" for step in steps) or "none"
