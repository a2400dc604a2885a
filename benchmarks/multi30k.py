"""Multi30k, from English, by the command line alone: trainings, ensembles, and their scores.

    python benchmarks/multi30k.py [--systems NAME ...] [--target de|fr] [--seeds N ...] [--raw]

Each system is trained on the tokenised, lower-cased text (`tok/` of the data), or with --raw on
raw cased text, at most --minutes; it translates test2016, and is scored with BLEU and chrF of its
own text, and BLEU by source length. With several seeds the mean and the standard deviation are
printed, and with --ensemble all runs together. What is trained already is not trained again. With
--diversify each system, or those that are named, translates the training text in a run of the first
seed, as does a Transformer from the target that is trained for --backward-steps; the systems are
then trained again, on all of it (`diversify.py`). With --again these runs, and the Transformer of
the text alone, together translate it once more, and those of the systems it names go on with that.
Settings are chosen on the validation text (--split valid); the test is read once for each setting.
"""

import argparse
import sys
from itertools import chain
from pathlib import Path

from diversify import diversified, once_more
from systems import Text, Training, evaluate, prepare, print_table, train

TOKENISED = "tok/{split}.lc.norm.tok.{side}", "none"
RAW = "{split}.{side}", "13a"
SPLITS = {"train": "train", "valid": "val", "test": "test_2016_flickr"}

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
    "training.max_steps": 6000,
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
    "training.max_steps": 8400,
    "training.adam_beta_2": 0.98,
    "training.average_decay": 0.999,
    "validation.every": 500,
}
SYSTEMS = {
    "bahdanau": PLAIN,
    "none": {**PLAIN, "model.attention": "none"},
    "rnn": RNN,
    "transformer": TRANSFORMER,
}
# What there is more text for needs less of a restraint.
DIVERSIFIED = {
    "rnn": {"model.dropout": 0.3},
    "transformer": {"model.dropout": 0.2, "training.max_steps": 8000},
}
# A run that goes on has learnt the most of it.
AGAIN = {
    "training.learning_rate": 0.0025,
    "training.warmup_steps": 200,
    "training.max_steps": 2600,
    "validation.every": 400,
}


def main() -> None:
    options = parse()
    text = corpus(options)
    if options.diversify is None:
        runs = trained(options, text, options.systems, options.seeds)
    else:
        first = options.diversify or options.systems
        forward = trained(options, text, first, options.seeds[:1])
        text = diversified(text, list(chain.from_iterable(forward.values())), backward(options))
        runs = trained(options, text, options.systems, options.seeds)
        if options.again:
            runs["transformer"] = runs.get("transformer", []) + forward.get("transformer", [])
            runs = gone_on(options, text, runs)
    how = options.split, options.beam, options.checkpoint, dict(options.search)
    results = {
        name: [evaluate(text, [run], *how) for run in several] for name, several in runs.items()
    }
    if options.ensemble:
        results["ensemble"] = [evaluate(text, list(chain.from_iterable(runs.values())), *how)]
    title = f"Multi30k en-{options.target}, {options.split}, {options.checkpoint}"
    title += f", beam {options.beam}" + "".join(f", {'='.join(pair)}" for pair in options.search)
    title += f", seeds {options.seeds}"
    print_table(title, results)


def trained(options, text: Text, systems: list[str], seeds: list[int]) -> dict[str, list[Path]]:
    """The runs of each system on this text, one for each seed."""
    prepare(text)
    runs = {
        name: [options.out / f"{text.prepared.name}-{name}-{seed}" for seed in seeds]
        for name in systems
    }
    trainings = [
        Training(run, settings(options, name, bool(text.more_training)), seed, options.minutes)
        for name in systems
        for run, seed in zip(runs[name], seeds)
    ]
    train(text, trainings, options.jobs)
    return runs


def gone_on(options, text: Text, runs: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """Each run by its name; of the systems of --again, after more updates on their common
    translation."""
    text = once_more(text, list(chain.from_iterable(runs.values())), options.checkpoint)
    prepare(text)
    again = {
        name: [run.with_name(f"{run.name}-again") for run in runs[name]] for name in options.again
    }
    trainings = []
    for name, several in again.items():
        for begun, run in zip(runs[name], several):
            initial = {"training.init_from": f"{begun}:{options.checkpoint}"}
            changed = {**settings(options, name, True), **AGAIN, **initial}
            trainings.append(Training(run, changed, len(trainings) + 2, options.minutes))
    train(text, trainings, options.jobs)
    return {run.name: [run] for run in chain.from_iterable({**runs, **again}.values())}


def backward(options) -> Training:
    steps = {"training.max_steps": options.backward_steps}
    run = options.out / f"{corpus(options).prepared.name}-backward-transformer"
    return Training(run, {**TRANSFORMER, **steps}, 1, options.minutes)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--out", type=Path, default=Path("runs/multi30k"))
    parser.add_argument("--systems", nargs="+", default=["bahdanau", "none"], choices=SYSTEMS)
    parser.add_argument("--target", default="de", choices=("de", "fr"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, help="updates, else the system's")
    parser.add_argument("--jobs", type=int, default=1, help="models trained at once")
    parser.add_argument("--raw", action="store_true", help="train on raw, cased text")
    parser.add_argument(
        "--diversify", nargs="*", choices=SYSTEMS, help="train on translations of these, too"
    )
    parser.add_argument("--backward-steps", type=int, default=4000)
    parser.add_argument(
        "--again", nargs="+", default=[], choices=SYSTEMS, help="go on with these after --diversify"
    )
    parser.add_argument("--split", default="test", choices=("valid", "test"))
    parser.add_argument("--checkpoint", default="best", choices=("best", "last"))
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--search", nargs="+", type=setting, default=[], metavar="search.KEY=VALUE")
    parser.add_argument("--ensemble", action="store_true", help="all trained runs together, too")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the Multi30k folder with --data")
    if options.again and options.diversify is None:
        parser.error("--again: only with --diversify")
    if strange := set(options.again) - set(options.systems):
        parser.error(f"--again: not among the --systems: {', '.join(sorted(strange))}")
    return options


def setting(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def settings(options, name: str, is_diversified: bool = False) -> dict:
    more = DIVERSIFIED.get(name, {}) if is_diversified else {}
    steps = {"training.max_steps": options.steps} if options.steps else {}
    return {**SYSTEMS[name], **more, **steps}


def corpus(options) -> Text:
    pattern, tokenize = RAW if options.raw else TOKENISED
    splits = {
        split: tuple(
            str(options.data / pattern.format(split=name, side=side))
            for side in ("en", options.target)
        )
        for split, name in SPLITS.items()
    }
    kind = f"{'raw' if options.raw else 'tok'}-en-{options.target}"
    return Text(
        options.out / kind,
        splits,
        tokenize,
        {"subwords.type": "bpe", "subwords.vocabulary_size": 8000},
        buckets="10,15,20",
    )


if __name__ == "__main__":
    main()
