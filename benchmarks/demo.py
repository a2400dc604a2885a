"""The main job on the embedded Korean-English corpus: attention against one fixed vector.

    python benchmarks/demo.py

Trains both models with equal size, data and number of updates by the command line, then compares
them on the test and, by length, on the long test; at last the one with attention answers a pipe.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

NMT = [sys.executable, "-m", "nmtcli"]
NMT_SCRIPT = Path(sys.executable).parent / "nmt"
SYSTEMS = {"none": "fixed vector", "bahdanau": "attention"}  # the newest run is the better one
EDGES = "10,20,30,40,50"
QUESTION = "제 할머니께서는 어제 그 책을 읽으셨어요."


def main() -> None:
    begun = time.monotonic()
    os.chdir(Path(__file__).resolve().parent.parent)
    rows = {}
    for attention, name in SYSTEMS.items():
        nmt("train", "--attention", attention)
        run = f"runs/sample-{attention}"
        rows[name] = [score(run, "test"), *score_by_length(run)]
    print_table(rows)
    print(f"\n$ echo {QUESTION} | nmt translate --run runs/sample-bahdanau")
    print(nmt("translate", "--run", "runs/sample-bahdanau", text=QUESTION + "\n"), end="")
    minutes = (time.monotonic() - begun) / 60
    script = os.path.relpath(NMT_SCRIPT)
    print(f"\nin {minutes:.1f} minutes; try: {script} translate < in.txt")


def score(run: str, split: str) -> dict:
    hypotheses = translate(run, split)
    return json.loads(nmt("bleu", "--json", f"data/{split}.en", hypotheses))["scores"][0]


def score_by_length(run: str) -> list[dict]:
    report = nmt(
        "bleu", "--json", "--by-length", EDGES, "data/long.en", translate(run, "long")
    )  # fmt: skip
    return json.loads(report)["by_length"]


def translate(run: str, split: str) -> str:
    output = f"{run}/{split}.en"
    nmt("translate", "--run", run, "--input", f"data/{split}.ko", "--output", output)
    return output


def nmt(*arguments: str, text: str | None = None) -> str:
    """Run a command of nmt; returns what it printed."""
    print("$ nmt", shlex.join(arguments), file=sys.stderr, flush=True)
    done = subprocess.run([*NMT, *arguments], input=text, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"nmt {arguments[0]} ended with status {done.returncode}")
    return done.stdout


def print_table(rows: dict[str, list[dict]]) -> None:
    """BLEU on the test, and on the long test by words of the reference."""
    first = next(iter(rows.values()))
    labels = [label(bucket) for bucket in first[1:]]
    print(f"\n{'BLEU':<14}{'test':>8} |" + "".join(f"{label:>8}" for label in labels) + "  words")
    for name, scores in rows.items():
        print(f"{name:<14}{number(scores[0])} |" + "".join(map(number, scores[1:])))
    print(f"{'sentences':<14}{500:>8} |" + "".join(f"{b['count']:>8}" for b in first[1:]))
    print(first[0]["signature"])


def number(score: dict) -> str:
    return f"{score['score']:8.1f}" if score["score"] is not None else f"{'-':>8}"


def label(bucket: dict) -> str:
    """The lengths a bucket holds, both ends included."""
    if bucket["high"] is None:
        return f">{bucket['low'] - 1}"
    return f"{bucket['low']}-{bucket['high']}"


if __name__ == "__main__":
    main()
