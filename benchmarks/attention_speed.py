"""Speed of training of every mechanism, in turn within one run, in target tokens a second.

    python benchmarks/attention_speed.py [--updates N] [--out FILE]

Models of the sizes of the attention study on batches of made-up ids: 60 pairs of 40 pieces a side.
The mechanisms take turns update by update, so that all meet the same machine.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from attention_study import MECHANISMS

ROWS, LENGTH, VOCABULARY, WARM_UP = 60, 40, 6000, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("runs/study/speed.json"))
    options = parser.parse_args()
    from nmtcli import backend

    backend.choose()
    backend.make_deterministic()
    arrays = batch()
    steps = {name: build(name, arguments) for name, arguments in MECHANISMS.items()}
    seconds = {name: [] for name in steps}
    for number in range(1, WARM_UP + options.updates + 1):
        for name, step in steps.items():
            begun = time.perf_counter()
            step(arrays, 1e-3, number)
            if number > WARM_UP:
                seconds[name].append(time.perf_counter() - begun)
    tokens = ROWS * LENGTH
    speeds = {name: tokens / statistics.median(times) for name, times in seconds.items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(speeds, indent=1) + "\n")
    print(f"{backend.version()}, {backend.device()}, {backend.resolve_precision('auto')}")
    for name, speed in speeds.items():
        print(f"{name:<16}{speed:8,.0f} tokens/s  {speed / speeds['none']:.2f} x none")


def batch():
    from nmtcli.data.batching import Arrays, pad, shift_right

    random = np.random.default_rng(1)
    sides = [random.integers(4, VOCABULARY, (ROWS, LENGTH - 1)).tolist() for _ in range(2)]
    source, targets = (pad(side, ROWS, LENGTH) for side in sides)
    return Arrays(source, shift_right(targets), targets)


def build(name: str, arguments: list[str]):
    """A training step of the study's sizes with the options that `nmt train` is given."""
    from study_corpora import SIZES, options_for

    from nmtcli import backend, config
    from nmtcli.models.factory import build_model
    from nmtcli.training.train_step import TrainStep

    assignments = [text for text in (*options_for(name, SIZES), *arguments) if "=" in text]
    preset = arguments[1] if arguments[0] == "--attention" else None
    merged = config.load(None, assignments, {"model": {"attention": preset}})
    policy = backend.keras_policy(backend.resolve_precision("auto"))
    model = build_model(merged.model, VOCABULARY, VOCABULARY, dtype=policy)
    return TrainStep(model, merged.training)


if __name__ == "__main__":
    main()
