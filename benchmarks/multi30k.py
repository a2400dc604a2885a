"""Multi30k, from English, by the command line alone: trainings, ensembles, and their scores.

    python benchmarks/multi30k.py [--systems NAME ...] [--target de|fr] [--seeds N ...] [--raw]

Each system is trained on the tokenised, lower-cased text (`tok/` of the data), or with --raw on
raw cased text, at most --minutes; it translates test2016 (or --split) with a beam of 5, and is
scored with BLEU and chrF of its own text, and BLEU by source length. With several seeds the mean
and the standard deviation are printed, and with --ensemble all runs together. What is done already
is not done again. Settings are chosen on the validation text (--split val); the test is read once
for each setting.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

NMT = [sys.executable, "-m", "nmtcli"]
TOKENISED = "tok/{split}.lc.norm.tok.{side}", "none"
RAW = "{split}.{side}", "13a"

PLAIN = {
    "model.dropout": 0.3,
    "training.batch_tokens": 3000,
    "training.learning_rate": 0.002,
    "training.warmup_steps": 400,
    "training.schedule": "cosine",
    "training.max_steps": 3600,
    "validation.every": 400,
}
RNN = {
    **PLAIN,
    "model.dropout": 0.4,
    "training.average_decay": 0.999,
    "training.subword_sampling": 0.3,
    "training.max_steps": 5200,
}
TRANSFORMER = {
    "model.architecture": "transformer",
    "model.embedding_size": 128,
    "model.feed_forward_size": 256,
    "model.attention_heads": 4,
    "model.encoder_layers": 4,
    "model.decoder_layers": 4,
    "model.dropout": 0.3,
    "training.batch_tokens": 4096,
    "training.learning_rate": 0.005,
    "training.warmup_steps": 1000,
    "training.schedule": "cosine",
    "training.max_steps": 6000,
    "training.average_decay": 0.999,
    "training.subword_sampling": 0.3,
    "validation.every": 500,
}
SYSTEMS = {
    "bahdanau": PLAIN,
    "none": {**PLAIN, "model.attention": "none"},
    "rnn": RNN,
    "transformer": TRANSFORMER,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--out", type=Path, default=Path("runs/multi30k"))
    parser.add_argument("--systems", nargs="+", default=["bahdanau", "none"], choices=SYSTEMS)
    parser.add_argument("--target", default="de", choices=("de", "fr"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, help="updates, else the system's")
    parser.add_argument("--raw", action="store_true", help="train on raw, cased text")
    parser.add_argument("--split", default="test_2016_flickr", help="what is translated")
    parser.add_argument("--ensemble", action="store_true", help="all trained runs together, too")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the Multi30k folder with --data")
    results = []
    for name in options.systems:
        runs = [train(options, name, seed) for seed in options.seeds]
        results.append((name, [evaluate(options, [run]) for run in runs]))
    if options.ensemble:
        everything = [found["runs"][0] for _, several in results for found in several]
        results.append(("ensemble", [evaluate(options, everything)]))
    print_table(results, options)


def paths(options, split: str) -> list[str]:
    pattern = (RAW if options.raw else TOKENISED)[0]
    return [str(options.data / pattern.format(split=split, side=s)) for s in ("en", options.target)]


def train(options, name: str, seed: int) -> Path:
    """Prepare the text and train one model; its folder."""
    kind = f"{'raw' if options.raw else 'tok'}-en-{options.target}"
    prepared, run = options.out / kind, options.out / f"{kind}-{name}-{seed}"
    options.out.mkdir(parents=True, exist_ok=True)
    nmt(
        "preprocess", "--train", *paths(options, "train"), "--valid", *paths(options, "val"),
        "--out", prepared, "--set", "subwords.vocabulary_size=8000",
    )  # fmt: skip
    settings = dict(SYSTEMS[name])
    if options.steps:
        settings["training.max_steps"] = options.steps
    settings |= {
        "validation.tokenize": (RAW if options.raw else TOKENISED)[1],
        "validation.patience": 100,
    }
    sets = [text for key, value in settings.items() for text in ("--set", f"{key}={value}")]
    nmt(
        "train", "--data", prepared, "--run", run, "--seed", seed, "--epochs", 0,
        "--minutes", options.minutes, *sets,
    )  # fmt: skip
    return run


def evaluate(options, runs: list[Path]) -> dict:
    """Translate a text with a run, or with several together, and score it."""
    source, reference = paths(options, options.split)
    hypotheses = runs[0] / f"{options.split}-{len(runs)}.txt"
    chosen = [text for run in runs for text in ("--run", run)]
    nmt("translate", *chosen, "--beam", 5, "--input", source, "--output", hypotheses)
    tokenize = (RAW if options.raw else TOKENISED)[1]
    report = nmt(
        "bleu", reference, hypotheses, "--tokenize", tokenize, "--json",
        "--by-length", "10,15,20", "--source", source,
    )  # fmt: skip
    chrf = json.loads(nmt("bleu", reference, hypotheses, "--metrics", "chrf", "--json"))
    seconds = [json.loads((run / "metrics.jsonl").read_text().splitlines()[-1]) for run in runs]
    return {
        "runs": runs,
        "minutes": sum(line["seconds"] for line in seconds) / 60,
        "facts": json.loads((runs[0] / "run.json").read_text()),
        "chrf": chrf["scores"][0],
        **json.loads(report),
    }


def nmt(*arguments) -> str:
    command = [*NMT, *map(str, arguments)]
    print("$ nmt", shlex.join(command[3:]), file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"nmt {arguments[0]} failed with status {done.returncode}")
    return done.stdout


def print_table(results, options) -> None:
    first = results[0][1][0]
    labels = [label(bucket) for bucket in first["by_length"]]
    device = first["facts"]["device"]
    print(f"{options.split} en-{options.target}, beam 5, seeds {options.seeds}, {device}")
    heads = "".join(f"{text:>8}" for text in ("BLEU", "sd", "chrF", *labels, "minutes"))
    print(f"{'system':<14}{heads}")
    for name, several in results:
        bleu = [found["scores"][0]["score"] for found in several]
        spread = statistics.stdev(bleu) if len(bleu) > 1 else 0.0
        columns = [statistics.mean(bleu), spread, mean(several, lambda f: f["chrf"]["score"])]
        for n in range(len(labels)):
            columns.append(mean(several, lambda f, n=n: f["by_length"][n]["score"] or 0.0))
        columns.append(mean(several, lambda f: f["minutes"]))
        print(f"{name:<14}" + "".join(f"{column:8.2f}" for column in columns))
    print(first["scores"][0]["signature"])
    print(first["chrf"]["signature"])


def mean(several, value) -> float:
    return statistics.mean(value(found) for found in several)


def label(bucket: dict) -> str:
    """The lengths a bucket holds, both ends included."""
    if bucket["high"] is None:
        return f">{bucket['low'] - 1}"
    return f"{bucket['low']}-{bucket['high']}"


if __name__ == "__main__":
    main()
