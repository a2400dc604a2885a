"""Kill trainings with SIGKILL at random moments, and compare what they come to.

    python tests/faults/kills.py                 100 kills: 20 while the run is made, 20 in the
                                                 export, and the others at any moment
    python tests/faults/kills.py --kills 10

A training has updates, validations, an average and an export at its end. After a kill, the same
command goes on; what it comes to must be, bit for bit, what a training comes to that nothing
disturbed. Trainings are copies of a process that has imported TensorFlow but not used it, so a kill
costs seconds.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import keras  # noqa: E402, F401
import tensorflow  # noqa: E402

from helpers.training_case import MODEL, write_corpus  # noqa: E402
from nmtcli.cli.main import run as nmt  # noqa: E402
from nmtcli.runs import checkpoints  # noqa: E402
from nmtcli.runs.directory import RunDirectory  # noqa: E402

OPTIONS = {"training.max_steps": 12, "training.save_every": 2, "training.average_last": 2,
           "training.keep_checkpoints": 2, "training.batch_tokens": 200, "training.log_every": 2,
           "training.max_epochs": 0, "training.precision": "float32", "validation.every": 4,
           "validation.max_lines": 6, "validation.patience": 99, "search.beam": 2,
           **{f"model.{name}": value for name, value in MODEL.items()}}  # fmt: skip
PREPARE = "preprocess --train train.ko train.en --valid valid.ko valid.en --out p --vocab-size 70"


def train(folder: str) -> int:
    settings = [word for name, value in OPTIONS.items() for word in ("--set", f"{name}={value}")]
    return nmt(["train", "--data", "p", "--run", folder, *settings])


def translate(folder: str, *more: str) -> int:
    return nmt(["translate", "--run", folder, "-i", "valid.ko", "-o", "out.txt", *more])


def start(work: Callable[[], int], log: str) -> int:
    """Do something in a copy of this process; return its pid."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        # Optimising a tiny graph takes longer than running it.
        tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
        status = work()
        sys.stderr.flush()
        os._exit(status)
    finally:
        os._exit(99)


def finish(work: Callable[[], int], log: str) -> None:
    """Do something in a copy of this process that nothing disturbs; it must succeed."""
    pid = start(work, log)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status != 0:
        raise SystemExit(f"status {status}: {Path(log).read_text()[-2000:]}")


def kill(work: Callable[[], int], log: str, moment: Callable[[], bool]) -> bool:
    """Start something and kill it at a moment; return False if it had ended before."""
    pid = start(work, log)
    while not moment():
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            if os.waitstatus_to_exitcode(status) != 0:
                raise SystemExit(f"refused: {Path(log).read_text()[-2000:]}")
            return False
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def result(folder: str) -> dict[str, str]:
    """Return what a training came to: weights, states, names, and translations by two engines."""
    run, found = RunDirectory(folder), {}
    for name in (*(f"step-{step}" for step in checkpoints.steps(run.checkpoints)), "average"):
        groups = ("model",) if name == "average" else ("model", "optimizer")
        _, arrays, state = checkpoints.load(run.checkpoints, name, groups, fall_back=False)
        for group, named in arrays.items():
            content = b"".join(key.encode() + array.tobytes() for key, array in named.items())
            found[f"{name} {group}"] = hashlib.sha256(content).hexdigest()
        times = ("seconds", "rate_seconds")
        found[f"{name} state"] = str({k: v for k, v in state.items() if k not in times})
    for name in ("best", "last"):
        found[name] = str(checkpoints.target(run.checkpoints, name))
    for engine in ("onnx", "keras"):
        finish(lambda engine=engine: translate(folder, "--engine", engine), "log-translate")
        found[engine] = Path("out.txt").read_text()
    found["samples"] = str([path.read_bytes() for path in sorted(run.samples.iterdir())])
    hidden = [p.name for p in run.path.rglob(".*") if p.name.endswith((".partial", ".old"))]
    found["left"] = str(hidden)
    return found


def exporting(folder: str) -> bool:
    """Return whether an export is being written; its folder begins in the run, then in `export`."""
    places = Path(folder), Path(folder, "export")
    return any(path for place in places for path in place.glob(".onnx.*.partial"))


def locked_at(folder: str) -> int:
    """Return when the run was locked last; 0 if it never was."""
    lock = Path(folder, ".lock")
    return lock.stat().st_mtime_ns if lock.exists() else 0


def after(seconds: float, begins: Callable[[], bool] = lambda: True) -> Callable[[], bool]:
    """Return the moment so many seconds after something begins."""
    begun: list[float] = []

    def moment() -> bool:
        if not begun and begins():
            begun.append(time.monotonic())
        return bool(begun) and time.monotonic() - begun[0] >= seconds

    return moment


class Kills:
    """The kills of trainings in one folder at a time, and the differences that were found."""

    def __init__(self, expected: dict, seconds: float, export_seconds: float):
        self.expected, self.seconds, self.export_seconds = expected, seconds, export_seconds
        self.killed, self.ended, self.differences = 0, 0, []
        self.chance = random.Random(1)

    def while_made(self, wanted: int) -> None:
        """Kill while the folder of the run is made: from its lock to its `run.json`, and a little
        after."""
        killed = 0
        while killed < wanted:
            while killed < wanted and not Path("r/run.json").exists():
                before = locked_at("r")
                begins = lambda before=before: locked_at("r") > before  # noqa: E731
                killed += self._kill(after(self.chance.uniform(0, 0.04), begins))
            self.check()

    def in_export(self, wanted: int) -> None:
        """Kill while the export is written at the end of a training."""
        killed = 0
        while killed < wanted:
            seconds = self.chance.uniform(0, self.export_seconds)
            was_killed = self._kill(after(seconds, lambda: exporting("r")))
            killed += was_killed
            if not was_killed:
                shutil.rmtree("r/export")
        self.check()

    def anywhere(self, wanted: int) -> None:
        """Kill at any moment."""
        killed = 0
        while killed < wanted:
            if self._kill(after(self.chance.uniform(0.1, 1.1) * self.seconds)):
                killed += 1
            else:
                self.check()
        self.check()

    def _kill(self, moment: Callable[[], bool]) -> bool:
        killed = kill(lambda: train("r"), "log", moment)
        self.killed += killed
        return killed

    def check(self) -> None:
        """Let the training go on to its end, and compare."""
        finish(lambda: train("r"), "log")
        found = result("r")
        self.ended += 1
        wrong = [key for key in self.expected.keys() | found.keys()
                 if self.expected.get(key) != found.get(key)]  # fmt: skip
        self.differences += wrong
        print(f"{self.killed} kills, {self.ended} trainings ended, differences: {wrong or 0}",
              flush=True)  # fmt: skip
        shutil.rmtree("r")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        write_corpus(Path())
        finish(lambda: nmt(PREPARE.split()), "log")
        begun = time.monotonic()
        finish(lambda: train("r"), "log")
        seconds = time.monotonic() - begun
        pid, begun, export = start(lambda: train("twice"), "log"), 0.0, 0.0
        while not os.waitpid(pid, os.WNOHANG)[0]:
            if not begun and exporting("twice"):
                begun = time.monotonic()
            if begun and not export and Path("twice/export/onnx").exists():
                export = time.monotonic() - begun
            time.sleep(0.002)
        expected = result("r")
        same = expected == result("twice")
        print(f"a training takes {seconds:.1f} s, its export {export:.1f} s", flush=True)
        print(f"twice the same: {same}", flush=True)
        shutil.rmtree("r")
        kills = Kills(expected, seconds, export)
        part = chosen.kills // 5
        kills.while_made(part)
        kills.in_export(part)
        kills.anywhere(chosen.kills - 2 * part)
        print(f"{kills.killed} kills, {kills.ended} trainings ended,"
              f" {len(kills.differences)} differences, 0 refusals")  # fmt: skip
        os.chdir("/")
    return 1 if kills.differences or not same else 0


if __name__ == "__main__":
    sys.exit(main())
