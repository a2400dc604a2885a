"""What each part of the recipe is worth: the Transformer without it, one part at a time.

    python benchmarks/ablations.py [--parts NAME ...] [--steps N] [--jobs 2]

Multi30k, English to German, tokenised, of which the first quarter is trained on, so that the models
get to where they gain no more; each training has the same number of updates, a third of them for
the warm-up; their minutes are printed. Scores are of the validation text, since the test is for
what was chosen. With --jobs trainings run side by side, each on processors of its own. What is done
already is not done again.
"""

import argparse
import itertools
import sys
from dataclasses import replace
from pathlib import Path

import multi30k
from systems import Text, Training, evaluate, prepare, print_table, train

FULL = multi30k.TRANSFORMER
PARTS = {
    "whole recipe": {},
    "- average of weights": {"training.average_decay": 0.0},
    "- label smoothing": {"training.label_smoothing": 0.0},
    "- dropout": {"model.dropout": 0.0},
    "- cosine (inverse-sqrt)": {"training.schedule": "inverse-sqrt"},
    "- shared embeddings": {"model.tied_embeddings": "none"},
    "- bfloat16 (float32)": {"training.precision": "float32"},
    "twice as wide": {
        "model.embedding_size": 256,
        "model.feed_forward_size": 512,
        "training.learning_rate": 0.003,
    },
    "+ BPE-dropout": {"training.subword_sampling": 0.1},
    "+ R-Drop": {"training.r_drop": 3.0},
    "+ word dropout": {
        "training.source_word_dropout": 0.1,
        "training.target_word_dropout": 0.1,
    },
}


def main() -> None:
    options = parse()
    text = beginning(options, multi30k.corpus(options))
    prepare(text)
    steps = {
        "training.max_steps": options.steps,
        "training.warmup_steps": options.steps // 3,
        "training.batch_tokens": options.batch_tokens,
        "validation.every": max(1, options.steps // 6),
    }
    trainings = {
        name: Training(run_of(options, name), {**FULL, **steps, **PARTS[name]}, seed=1, minutes=0)
        for name in options.parts
    }
    train(text, list(trainings.values()), options.jobs)
    results = {
        name: [evaluate(text, [training.run], "valid")] for name, training in trainings.items()
    }
    corpus = f"first {options.pairs:,} pairs of " if options.pairs else ""
    title = f"{corpus}Multi30k en-de, validation, beam 5, {options.steps} updates"
    print_table(f"{title} of {options.batch_tokens}", results)


def beginning(options, text: Text) -> Text:
    """The text, or the first --pairs of its training text, with half as many pieces."""
    if not options.pairs:
        return text
    options.out.mkdir(parents=True, exist_ok=True)
    first = tuple(options.out / f"first-{options.pairs}.{side}" for side in ("en", "de"))
    for whole, path in zip(text.splits["train"], first):
        with open(whole, "rb") as lines:
            path.write_bytes(b"".join(itertools.islice(lines, options.pairs)))
    return replace(
        text,
        prepared=text.prepared.with_name(f"{text.prepared.name}-first-{options.pairs}"),
        splits={**text.splits, "train": tuple(map(str, first))},
        preprocess={**text.preprocess, "subwords.vocabulary_size": 4000},
    )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--out", type=Path, default=Path("runs/multi30k"))
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS, metavar="PART")
    parser.add_argument("--pairs", type=int, default=7250, help="first of the text; 0: all")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--jobs", type=int, default=1)
    parser.set_defaults(target="de", raw=False)
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the Multi30k folder with --data")
    return options


def run_of(options, name: str) -> Path:
    words = "".join(c if c.isalnum() else " " for c in name).split()
    sign = {"-": "without-", "+": "with-"}.get(name[0], "")
    of = f"{options.pairs}-{options.steps}-{options.batch_tokens}"
    return options.out / f"ablation-{of}-{sign}{'-'.join(words)}"


if __name__ == "__main__":
    main()
