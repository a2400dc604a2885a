"""Multi30k English-German by the command line alone: attention against the fixed vector.

    python benchmarks/multi30k.py [--data DIR] [--out DIR] [--steps N] [--minutes M]

Trains on the tokenised, lower-cased text (`tok/` of the data), at most M minutes for a model,
translates test2016 with a beam of 5, and prints for each model the BLEU of the tokenised
lower-cased output, and the score by source length. With --raw, models of the raw cased text are
trained too, and scored with sacrebleu's default signature. What is done already is not done again.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

NMT = [sys.executable, "-m", "nmtcli"]
TOKENISED = "tok/{split}.lc.norm.tok.{side}", "none"
RAW = "{split}.{side}", "13a"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--out", type=Path, default=Path("runs/multi30k"))
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--attention", nargs="+", default=["bahdanau", "none"])
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--raw", action="store_true", help="train on raw, cased text")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the Multi30k folder with --data")
    print_table([evaluate(options, attention) for attention in options.attention], options)


def evaluate(options, attention: str) -> dict:
    """Prepare, train, translate and score one model."""
    pattern, tokenize = RAW if options.raw else TOKENISED
    kind = "raw" if options.raw else "tok"
    sides = options.source, options.target

    def paths(split):
        return [str(options.data / pattern.format(split=split, side=side)) for side in sides]

    prepared = options.out / f"{kind}-{sides[0]}-{sides[1]}"
    run = options.out / f"{kind}-{sides[0]}-{sides[1]}-{attention}-{options.seed}"
    options.out.mkdir(parents=True, exist_ok=True)
    nmt("preprocess", "--train", *paths("train"), "--valid", *paths("val"), "--out", prepared)
    nmt(
        "train", "--data", prepared, "--run", run, "--attention", attention,
        "--seed", options.seed, "--steps", options.steps, "--epochs", 0,
        "--minutes", options.minutes, "--set", "training.schedule=cosine",
        "--set", f"validation.tokenize={tokenize}", "--set", "validation.early_stopping=bleu",
        "--set", "validation.every=400", "--set", "validation.patience=100",
    )  # fmt: skip
    source, reference = paths("test_2016_flickr")
    hypotheses = run / "test2016.txt"
    nmt("translate", "--run", run, "--beam", 5, "--input", source, "--output", hypotheses)
    report = nmt(
        "bleu", reference, hypotheses, "--tokenize", tokenize, "--json",
        "--by-length", "10,15,20", "--source", source,
    )  # fmt: skip
    training = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    facts = json.loads((run / "run.json").read_text())
    seconds = training[-1]["seconds"]
    return {"attention": attention, "seconds": seconds, "facts": facts, **json.loads(report)}


def nmt(*arguments) -> str:
    command = [*NMT, *map(str, arguments)]
    print("$ nmt", shlex.join(command[3:]), file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"nmt {arguments[0]} failed with status {done.returncode}")
    return done.stdout


def print_table(results, options) -> None:
    buckets = results[0]["by_length"]
    labels = [label(bucket) for bucket in buckets]
    print(f"test2016 {options.source}-{options.target}, beam 5, {options.steps} steps", end="")
    print(f", {results[0]['facts'].get('device')}, {results[0]['facts'].get('precision')}")
    print(f"{'attention':<12}{'BLEU':>7}" + "".join(f"{x:>9}" for x in labels) + "  minutes")
    for result in results:
        scores = [result["scores"][0]["score"], *(b["score"] for b in result["by_length"])]
        row = "".join(f"{s:9.2f}" if s is not None else f"{'-':>9}" for s in scores)
        print(f"{result['attention']:<12}{row[2:]}  {result['seconds'] / 60:.1f}")
    print(f"sentences   {'':>7}" + "".join(f"{b['count']:>9}" for b in buckets))
    print(results[0]["scores"][0]["signature"])


def label(bucket: dict) -> str:
    """The lengths a bucket holds, both ends included."""
    if bucket["high"] is None:
        return f">{bucket['low'] - 1}"
    return f"{bucket['low']}-{bucket['high']}"


if __name__ == "__main__":
    main()
