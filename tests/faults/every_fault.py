"""Break every file operation of the commands that write, and show what the next command finds.

    python tests/faults/every_fault.py                 every operation, minutes
    python tests/faults/every_fault.py --of 40 train   40 operations, only of the case train

For each operation, it fails (EIO), it fails for lack of space as all later ones do (ENOSPC), or the
process ends at it. And after each operation, the power is lost in four ways (`helpers.power_loss`).
Then what a reader finds must be the old or the new state, the same command must succeed, and all
files must be those of a command that nothing disturbed.
"""

import argparse
import contextlib
import importlib
import multiprocessing
import os
import pickle
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from helpers import fault_cases, power_loss  # noqa: E402
from helpers.fault_cases import CASES, Case  # noqa: E402
from helpers.file_operations import DIED, KINDS, Event, Operations, install  # noqa: E402

FAULTS = ("EIO", "ENOSPC", "die")
PLACE = re.compile(r"(?:^nmt: |[ /])(?:p|r|out\.txt)[:/]")  # of the case's folders and files


class Trial(NamedTuple):
    """One fault: its kind, the kind of the operation, where, and what was wrong afterwards."""

    fault: str
    kind: str
    number: int
    problem: str | None


class Reference(NamedTuple):
    """A command that nothing disturbed: its operations, their events, and its result."""

    kinds: list[str]
    events: list[Event]
    result: dict


def in_child(folder: Path, work: Callable[[], object], log: str = "log") -> tuple[int, object]:
    """Do something in a forked process, in a folder; return its status and its result."""
    answer, said = folder.parent / "answer", folder.parent / log
    answer.unlink(missing_ok=True)
    pid = os.fork()
    if pid:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status, pickle.loads(answer.read_bytes()) if answer.exists() else None
    try:
        os.chdir(folder)
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        result = work()
        answer.write_bytes(pickle.dumps(result))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(99)


def undisturbed(case: Case, place: Path) -> Reference:
    """Make the folder that the case starts from, and do its command in a copy."""
    start = place / "start"
    start.mkdir(parents=True)
    status, _ = in_child(start, case.prepare)
    if status != 0:
        sys.exit((place / "log").read_text())
    whole = place / "whole"
    shutil.copytree(start, whole, symlinks=True)

    def work():
        operations = Operations(Path())
        install(operations)
        status = case.command()
        found = operations.kinds, operations.events, fault_cases.everything()
        return status, found, list(sys.modules)

    _, found = in_child(whole, work)
    if found is None or found[0] != 0:
        sys.exit((place / "log").read_text())
    if (output := whole / fault_cases.OUTPUT).exists():
        shutil.copyfile(output, place / "expected.txt")
    for module in found[2]:  # so that not every child imports them again
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    return Reference(*found[1])


def broken(case: Case, folder: Path, number: int, fault: str) -> str | None:
    """Do the command with one fault; return what is wrong with how it ended."""

    def work():
        install(Operations(Path(), number, fault))
        return case.command()

    status, answer = in_child(folder, work)
    said = (folder.parent / "log").read_text()
    if fault == "die":
        return None if status == DIED else f"status {status}, {answer}"
    if answer not in (0, 1, 2) or "internal error" in said or "Traceback" in said:
        return f"status {status}, {answer}: {said[-500:]}"
    lines = [line for line in said.splitlines() if line.startswith("nmt: ")]
    if answer and not (len(lines) == 1 and PLACE.search(lines[0])):
        return f"status {answer} without one line that names the place: {said[-500:]}"
    return None


def recovered(case: Case, folder: Path, reference: Reference, synced: bool) -> str | None:
    """Return what a reader, or the same command, finds wrong after a fault."""

    def work():
        if synced and (problem := case.problem()):
            return f"a reader: {problem}"
        if status := case.command():
            return f"the same command: status {status}"
        if problem := case.problem():
            return f"after the same command: {problem}"
        if left := fault_cases.leftovers():
            return f"left: {left}"
        return fault_cases.difference(fault_cases.everything(), reference.result)

    status, problem = in_child(folder, work, "log2")
    if status or problem:
        said = (folder.parent / "log2").read_text()
        return f"{problem or f'status {status}'} {said[-700:]}"
    return None


def trials(name: str, case: Case, place: Path, of: int | None) -> Iterator[Trial]:
    """Yield a trial for each operation of a case and each fault; of some operations only if `of`
    says how many."""
    reference = undisturbed(case, place)
    folder = place / "work"
    chance = random.Random(name)

    def some(count: int) -> list[int]:
        numbers = range(1, count + 1)
        return list(numbers if of is None else sorted(chance.sample(numbers, min(of, count))))

    for fault in FAULTS:
        for number in some(len(reference.kinds)):
            kind = reference.kinds[number - 1]
            if fault == "ENOSPC" and kind == "unlink":  # which needs no space
                continue
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(place / "start", folder, symlinks=True)
            problem = broken(case, folder, number, fault)
            problem = problem or recovered(case, folder, reference, synced=True)
            yield Trial(fault, kind, number, problem)
    is_synced = name != "translate -o"  # a stream of lines is not synced
    for variant in power_loss.VARIANTS:
        disk, wanted = power_loss.Disk(place / "start"), set(some(len(reference.events)))
        for number, event in enumerate(reference.events, 1):
            disk.apply(event)
            if number in wanted:
                shutil.rmtree(folder, ignore_errors=True)
                disk.write_crashed(folder, variant, chance)
                problem = recovered(case, folder, reference, is_synced)
                yield Trial(f"power: {variant}", event.kind, number, problem)


class Outcome(NamedTuple):
    """The trials of a case: how many were tried and right, by fault and operation; the problems."""

    name: str
    tried: Counter
    right: Counter
    problems: list[str]
    seconds: float


def outcome_of(name: str, of: int | None) -> Outcome:
    """Try the faults of a case."""
    tried, right, problems, begun = Counter(), Counter(), [], time.monotonic()
    same = {"create": "open", "truncate": "write", "exchange": "rename"}
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        for trial in trials(name, CASES[name], Path(place), of):
            key = trial.fault, same.get(trial.kind, trial.kind)
            tried[key] += 1
            right[key] += trial.problem is None
            if trial.problem:
                where = f"{trial.fault} at {trial.number} ({trial.kind})"
                problems.append(f"  {name}: {where}: {trial.problem}")
    return Outcome(name, tried, right, problems, time.monotonic() - begun)


def print_outcome(outcome: Outcome) -> None:
    for problem in outcome.problems:
        print(problem)
    tried, right = outcome.tried, outcome.right
    for fault in dict.fromkeys(fault for fault, _ in tried):
        cells = [
            f"{right[fault, kind]}/{tried[fault, kind]}" if tried[fault, kind] else "-"
            for kind in KINDS
        ]
        print(f"{outcome.name:20} {fault:16} " + " ".join(f"{cell:>9}" for cell in cells))
    counts = f"{right.total()}/{tried.total()}"
    print(f"{outcome.name:20} {counts} in {outcome.seconds:.0f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; default: all")
    parser.add_argument("--of", type=int, help="try so many operations of each case and fault")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="cases at once")
    chosen = parser.parse_args()
    fault_cases.install()
    sys.argv = ["nmt"]  # which a run records
    names = [name for name in CASES if name in chosen.cases or not chosen.cases]
    names.sort(key=lambda name: not name.startswith("train"))  # they take longest
    print(f"{'command':20} {'fault':16} " + " ".join(f"{kind:>9}" for kind in KINDS), flush=True)
    failures = count = 0
    with ProcessPoolExecutor(chosen.jobs, multiprocessing.get_context("fork")) as pool:
        running = [pool.submit(outcome_of, name, chosen.of) for name in names]
        for outcome in map(Future.result, as_completed(running)):
            print_outcome(outcome)
            failures += len(outcome.problems)
            count += outcome.tried.total()
    print(f"{count} faults, {count - failures} found old or new and went on")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
