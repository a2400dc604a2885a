"""Average checkpoints of a run: the mean of the weights often translates better than each one.

Reference: Junczys-Dowmunt et al. (2016), arXiv:1605.04809, section 4.1; the last checkpoints, as in
Vaswani et al. (2017), arXiv:1706.03762, section 6.1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.metrics_log import read_metrics
from nmtcli.runs.monitored_metric import monitored_metric

NAME = "average"
USUAL = 5  # checkpoints, or fewer if there are fewer


class Average(NamedTuple):
    """An average: its `name`, and the names of the checkpoints that it is `made_of`."""

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
        last: how many of the newest checkpoints.
        best: how many of the checkpoints with the best validations.
        named: names of checkpoints, such as `step-500`. Without any of the three: the last five,
            or all if there are fewer.
        output: the name of the average, `average` or `average-...`; an older one is replaced.

    Raises:
        UsageError: a checkpoint does not exist, there are fewer than two, the name is invalid, or
            another process is working in the run.
        NmtError: a checkpoint is damaged, or its shapes differ from the others.
    """
    if not checkpoints.AVERAGE.match(output):
        raise UsageError(f"--output {output}: an average is named average or average-SOMETHING")
    with run.locked():
        names = choose(run, last, best, named)
        write_average(run, names, output)
    return Average(output, names)


def write_average(run: RunDirectory, names: Sequence[str], output: str) -> None:
    """Write the average of the named checkpoints; the caller holds the lock of the run."""
    newest = max(int(checkpoints.STEP.match(name)[1]) for name in names)
    arrays, state = {"model": mean_of(run, names)}, {"average_of": list(names)}
    checkpoints.save_as(run.checkpoints, output, newest, arrays, state)


def choose(
    run: RunDirectory, last: int | None = None, best: int | None = None, named: Sequence[str] = ()
) -> list[str]:
    """Return the names of the chosen checkpoints, oldest first; see `average`."""
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


def mean_of(run: RunDirectory, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Compute the mean weights of checkpoints by name; sums are float64, results keep their type.

    Raises:
        NmtError: a checkpoint is damaged, or its shapes differ from the first.
    """
    totals: dict[str, np.ndarray] = {}
    shapes = None
    for name in names:
        arrays = checkpoints.load(run.checkpoints, name, fall_back=False)[1]["model"]
        found = {key: array.shape for key, array in arrays.items()}
        shapes = shapes or found
        if found != shapes:
            raise NmtError(
                f"{run.checkpoints / name}: other weights than {names[0]} has, so they have no mean"
            )
        for key, array in arrays.items():
            totals[key] = totals.get(key, 0.0) + array.astype(np.float64)
    return {key: (total / len(names)).astype(arrays[key].dtype) for key, total in totals.items()}


def made_of(run: RunDirectory, name: str = NAME) -> list[str]:
    """Return the names of the checkpoints of an average; none if there is no such average."""
    names = checkpoints.read_json(run.checkpoints / name / "state.json").get("average_of")
    return list(names) if isinstance(names, list) else []


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
    """Return the steps with the best validations among the checkpoints that still exist."""
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
