"""What a short command costs: whole processes, alternating, medians in one table.

    python benchmarks/startup.py [--repetitions 15] [--check]

Run it with the Python of the environment that `nmt` and `sacrebleu` are installed in. The programs
take turns, so that a slow moment of the machine falls on all of them. `--check` exits with 1 if a
ratio is above its bar.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMPORT, SACREBLEU = 'python -c "import typer"', "sacrebleu REF -i HYP"
# command: (the command it is compared with, the highest ratio that is allowed or None)
COMPARISONS = {
    "nmt --help": (IMPORT, 3.0),
    "nmt preprocess --help": (IMPORT, None),
    "nmt bleu REF HYP": (SACREBLEU, 1.5),
}


def main() -> int:
    """Measure, print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description="Whole-process times of short commands.")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--lines", type=int, default=1000, help="lines that BLEU scores")
    parser.add_argument("--check", action="store_true", help="exit with 1 above a bar")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commands = make_commands(Path(folder), arguments.lines)
        times = measure(commands, arguments.repetitions, environment(Path(folder)))
    above = print_table({name: statistics.median(times[name]) for name in commands})
    return 1 if above and arguments.check else 0


def make_commands(folder: Path, lines: int) -> dict[str, list[str]]:
    """Each command's name and its words, with the files that BLEU needs."""
    reference, hypothesis = folder / "ref.txt", folder / "hyp.txt"
    write_texts(reference, hypothesis, lines)
    nmt, sacrebleu = program("nmt"), program("sacrebleu")
    return {
        IMPORT: [sys.executable, "-c", "import typer"],
        "nmt --help": [nmt, "--help"],
        "nmt preprocess --help": [nmt, "preprocess", "--help"],
        SACREBLEU: [sacrebleu, str(reference), "-i", str(hypothesis)],
        "nmt bleu REF HYP": [nmt, "bleu", str(reference), str(hypothesis)],
    }


def program(name: str) -> str:
    """The program of this Python's environment, else of PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not installed: pip install -e . first")
    return found


def write_texts(reference: Path, hypothesis: Path, lines: int) -> None:
    """Sentences of 5 to 30 words, and copies in which about a fifth of the words differ."""
    dice = random.Random(1)
    words = [
        "".join(dice.choices("abcdefghijklmnoprstuvwz", k=length % 9 + 2)) for length in range(3000)
    ]
    ours, theirs = [], []
    for _ in range(lines):
        sentence = dice.choices(words, k=dice.randint(5, 30))
        changed = [dice.choice(words) if dice.random() < 0.2 else word for word in sentence]
        theirs.append(" ".join(sentence) + ".\n")
        ours.append(" ".join(changed) + ".\n")
    reference.write_text("".join(theirs), encoding="utf-8")
    hypothesis.write_text("".join(ours), encoding="utf-8")


def environment(folder: Path) -> dict[str, str]:
    """Ours, with bytecode kept in the folder, so that a checkout is compiled like any package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def measure(
    commands: dict[str, list[str]], repetitions: int, variables: dict[str, str]
) -> dict[str, list[float]]:
    """Seconds of each run of each command, after one run that is not counted (bytecode, caches)."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for repetition in range(repetitions + 1):
        for name, words in commands.items():
            start = time.perf_counter()
            subprocess.run(
                words, env=variables, check=True, capture_output=True, stdin=subprocess.DEVNULL
            )
            if repetition:
                times[name].append(time.perf_counter() - start)
    return times


def print_table(medians: dict[str, float]) -> int:
    """Print medians and ratios; returns how many are above their bar."""
    above = 0
    print(f"{'command':<26} {'median ms':>9} {'ratio':>6} {'bar':>5}  compared with")
    for name, seconds in medians.items():
        line = f"{name:<26} {seconds * 1000:>9.0f}"
        if name in COMPARISONS:
            other, bar = COMPARISONS[name]
            ratio = seconds / medians[other]
            too_slow = bar is not None and ratio > bar
            above += too_slow
            shown = "-" if bar is None else f"{bar:.1f}"
            line += f" {ratio:>6.2f} {shown:>5}  {other}{'  TOO SLOW' if too_slow else ''}"
        print(line)
    return above


if __name__ == "__main__":
    sys.exit(main())
