"""Time of one decoding step at target positions 10 and 100, with and without caches.

    python benchmarks/decoding_step.py [--rows N] [--size D]

A Transformer of random weights, 6 + 6 layers, translates made-up sentences of 30 pieces. With its
caches a step costs one position and attention to those before; without them, as a model that is
called anew on the whole beginning, it costs all positions. Both take turns within one run.
"""

import argparse
import statistics
import time

import numpy as np

POSITIONS, VOCABULARY, SOURCE, AROUND = (10, 100), 8000, 30, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=40, help="hypotheses in flight")
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    from nmtcli import backend

    backend.choose()
    from nmtcli.config import from_dict
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.models.factory import build_model

    layers = {"encoder_layers": 6, "decoder_layers": 6}
    model = {"architecture": "transformer", "embedding_size": options.size, **layers}
    config = from_dict({"model": model})
    engine = KerasEngine(build_model(config.model, VOCABULARY, VOCABULARY, dtype="float32"))
    random = np.random.default_rng(1)
    source = random.integers(4, VOCABULARY, (options.rows, SOURCE)).astype("int32")
    target = random.integers(4, VOCABULARY, (options.rows, POSITIONS[-1] + AROUND)).astype("int32")
    for _ in range(2):  # the first time compiles
        cached = steps(engine, source, target)
        anew = {position: recomputed(engine, source, target, position) for position in POSITIONS}
    print(f"{backend.version()}, {backend.device()}, {options.rows} rows, 6 + 6 layers of", end=" ")
    print(f"{options.size}; milliseconds of a step")
    print(f"{'target position':<18}{'with caches':>12}{'anew':>8}")
    for position in POSITIONS:
        around = cached[position - AROUND : position + AROUND]
        print(f"{position:<18}{1000 * statistics.median(around):>12.1f}", end="")
        print(f"{1000 * anew[position]:>8.1f}")


def steps(engine, source, target) -> list[float]:
    """Seconds of each step; hypotheses trade places in each, as in a beam."""
    rows = np.arange(len(source))
    state, seconds = engine.start(source), []
    for previous_ids in target.T:
        begun = time.perf_counter()
        state = engine.step(state, rows[::-1], previous_ids, 6).state
        seconds.append(time.perf_counter() - begun)
    return seconds


def recomputed(engine, source, target, position: int) -> float:
    """Seconds of a step that reads the source's memory and all earlier target pieces anew."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        engine.score(source, target[:, :position])
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
