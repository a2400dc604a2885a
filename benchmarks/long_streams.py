"""Memory and speed of `nmt preprocess` and `nmt translate` on long texts.

    python benchmarks/long_streams.py [--pairs 200000 1000000] [--command preprocess translate]
        [--repeat N] [--run RUN] [--scratch DIR]

A corpus of the embedded one's lines, with numbers and invented words mixed in so that pairs differ,
is written to a temporary folder (about 0.4 GB for a million pairs). The commands run as child
processes. Memory is the sum of what the process and its children hold (VmRSS), ten times a second.
For `preprocess` the marks are shares of the time, for `translate` of the lines that have come out.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from nmtcli.cli.preprocess import STAGES

ROOT = Path(__file__).parents[1]
NMT = [sys.executable, "-m", "nmtcli"]
RUN = ROOT / "tests" / "end_to_end" / "runs" / "rnn"
MARKS = (0.1, 0.5, 1.0)
INTERVAL = 0.1  # seconds between two looks at the memory
LETTERS = "abcdefghijklmnoprstuvwy"


def main() -> None:
    """Measure and print one line for each command and size."""
    parser = argparse.ArgumentParser(description="Memory and speed on long texts.")
    parser.add_argument("--pairs", type=int, nargs="+", default=[200_000, 1_000_000])
    commands = ("preprocess", "translate")
    parser.add_argument("--command", nargs="+", choices=commands, default=commands)
    parser.add_argument(
        "--repeat", type=int, default=3, help="lines of the corpus in a generated line"
    )
    parser.add_argument("--run", type=Path, default=RUN, help="the run that translates")
    parser.add_argument("--scratch", help="a folder with room for the texts")
    parser.add_argument("--options", default="", help="further options of nmt preprocess")
    arguments = parser.parse_args()
    for pairs in arguments.pairs:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            texts = write_corpus(Path(folder), pairs, arguments.repeat)
            size = sum(text.stat().st_size for text in texts) / 1e6
            print(f"{pairs:,} pairs, {size:,.0f} MB of text", flush=True)
            if "preprocess" in arguments.command:
                print(measure_preprocess(texts, pairs, arguments.options.split()), flush=True)
            if "translate" in arguments.command:
                print(measure_translate(texts[0], pairs, arguments.run), flush=True)


def write_corpus(folder: Path, pairs: int, repeat: int) -> tuple[Path, Path]:
    """Stream generated pairs to disk; return the files of sources and targets."""
    sides = [
        (ROOT / "data" / f"train.{side}").read_text(encoding="utf-8").splitlines()
        for side in ("ko", "en")
    ]
    draw, paths = random.Random(1), (folder / "source.txt", folder / "target.txt")
    with ExitStack() as stack:
        streams = [stack.enter_context(open(path, "w", encoding="utf-8")) for path in paths]
        for _ in range(pairs):
            words = [str(draw.randrange(10**7)) for _ in range(repeat)]
            words[0] = "".join(draw.choices(LETTERS, k=draw.randint(3, 9)))
            lines = [draw.randrange(len(sides[0])) for _ in range(repeat)]
            for stream, side in zip(streams, sides):
                parts = (f"{side[line]} {word}" for line, word in zip(lines, words))
                stream.write(" ".join(parts) + "\n")
    return paths


def measure_preprocess(texts, pairs: int, options: list[str]) -> str:
    """Prepare the texts; return a line of results, and one for each stage."""
    out = texts[0].parent / "prepared"
    command = [*NMT, "preprocess", "--train", *map(str, texts), "--out", str(out), *options]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment(), text=True)
    memory, stages = Memory(child.pid), {}
    with memory:
        for line in child.stderr:
            stage = next((name for name in STAGES.values() if line.startswith(name)), None)
            if stage is not None:
                stages.setdefault(stage, len(memory.seen))
        child.wait()
    check(child.returncode, command)
    seconds, seen = memory.seconds, memory.seen
    marks = [seen[min(len(seen) - 1, int(len(seen) * mark))] for mark in MARKS]
    ends = [*stages.values(), len(seen)][1:]
    peaks = [
        f"    {name}: {(end - begin) * INTERVAL:,.0f} s, {max(seen[begin:end] or [0]):,.0f} MB"
        for (name, begin), end in zip(stages.items(), ends)
    ]
    title = f"  nmt preprocess: {summary(marks, seen)}; {pairs / seconds:,.0f} pairs/s"
    return "\n".join([f"{title}, {seconds:,.0f} s", *peaks])


def measure_translate(text: Path, lines: int, run: Path) -> str:
    """Translate the text by an export of a copy of the run; return a line of results."""
    copy = text.parent / "run"
    if not copy.exists():
        shutil.copytree(run, copy, symlinks=True)
        subprocess.run([*NMT, "export", "--run", str(copy)], env=environment(), check=True)
    command = [*NMT, "translate", "--run", str(copy), "--engine", "onnx", "--beam", "1"]
    with open(text, "rb") as stream:
        child = subprocess.Popen(
            command, stdin=stream, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(),
        )  # fmt: skip
    places, marks, memory = [max(1, int(lines * mark)) for mark in MARKS], [], Memory(child.pid)
    with memory:
        for number, _ in enumerate(child.stdout, start=1):
            if number in places:
                marks.append(memory.now())
        child.wait()
    check(child.returncode, command)
    if len(marks) < len(MARKS):
        sys.exit(f"nmt translate printed fewer lines than it was given: {number} of {lines}")
    seconds = memory.seconds
    title = f"  nmt translate: {summary(marks, memory.seen)}; {lines / seconds:,.0f} lines/s"
    return f"{title}, {seconds:,.0f} s"


def summary(marks: list[float], seen: list[float]) -> str:
    """Return the memory at each mark, and the highest."""
    shown = ", ".join(f"{mark:.0%} {size:,.0f} MB" for mark, size in zip(MARKS, marks))
    return f"{shown}, peak {max(seen):,.0f} MB"


def check(status: int, command: list[str]) -> None:
    """Exit if a command failed."""
    if status:
        sys.exit(f"{' '.join(command)}: exit status {status}")


def environment() -> dict[str, str]:
    """Return the environment in which the children import this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


class Memory:
    """Watches the memory of a process and its children, in MB, while its block runs.

    Attributes:
        seen: the memory at each look.
        seconds: how long the block ran.
    """

    def __init__(self, pid: int):
        self._pid, self._done = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.seen: list[float] = [0.0]
        self.seconds = 0.0

    def __enter__(self) -> "Memory":
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self.seconds = time.monotonic() - self._started
        self._done.set()
        self._thread.join()

    def now(self) -> float:
        """Return the memory at this moment."""
        return sum(map(resident, family(self._pid))) / 1024

    def _watch(self) -> None:
        while not self._done.wait(INTERVAL):
            if size := self.now():
                self.seen.append(size)


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
        except OSError:
            continue  # it has ended
    return found


def resident(pid: int) -> int:
    """Return the resident memory of a process in kB; 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.split("\n") if "VmRSS" in line), 0)


if __name__ == "__main__":
    main()
