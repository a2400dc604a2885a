"""Training speed in real target tokens per second, float32 beside bfloat16, and where time goes.

    python benchmarks/training_speed.py [--data DIR] [--models NAME ...] [--updates N]

Data is the Multi30k folder (English-German, `tok/`), a joint vocabulary of 8,000, batches of
3,000 target positions. The models are those that toolkits are compared by:

    rnn          bidirectional GRU encoder of 512, GRU decoder of 512, embedding of 256, additive
                 attention of 512, an output layer of its own on 512, dropout 0.2
    transformer  3 + 3 layers of 256, 4 heads, feed-forward of 1,024, dropout 0.2

Precisions take turns, update by update, so that both meet the same machine.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = {
    "rnn": {
        "readout_size": 512,
        "tied_embeddings": "none",
        "attention_size": 512,
        "dropout": 0.2,
    },
    "transformer": {
        "architecture": "transformer",
        "embedding_size": 256,
        "feed_forward_size": 1024,
        "attention_heads": 4,
        "encoder_layers": 3,
        "decoder_layers": 3,
        "dropout": 0.2,
    },
}
WARM_UP = 8  # updates that also trace graphs and choose kernels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/multi30k"))
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--updates", type=int, default=40)
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"{options.data}: no such folder; give the Multi30k folder with --data")
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared"
        prepare(options.data, prepared)
        for name in options.models:
            measure(prepared, name, options.updates)


def prepare(data: Path, prepared: Path) -> None:
    sides = [str(data / f"tok/train.lc.norm.tok.{side}") for side in ("en", "de")]
    command = [sys.executable, "-m", "nmtcli", "preprocess", "--train", *sides]
    subprocess.run([*command, "--out", str(prepared)], check=True, stderr=subprocess.DEVNULL)


def measure(prepared: Path, name: str, updates: int) -> None:
    from nmtcli import backend

    backend.choose()
    backend.make_deterministic()
    from nmtcli.data.batching import make_arrays, plan_epoch
    from nmtcli.data.prepared import PreparedData
    from nmtcli.models.factory import count_parameters

    pairs = PreparedData(prepared).train
    plan = plan_epoch(pairs.source_lengths, pairs.target_lengths, 3000, 1, 0)
    batches = [make_arrays(pairs, batch) for batch in plan[: WARM_UP + updates]]
    steps = {precision: build(name, precision) for precision in ("float32", "bfloat16")}
    seconds = {precision: [] for precision in steps}
    tokens = 0
    for number, arrays in enumerate(batches, start=1):
        for precision, step in steps.items():
            begun = time.perf_counter()
            result = step(arrays, 1e-3, number)
            seconds[precision].append(time.perf_counter() - begun)
        tokens += result.tokens if number > WARM_UP else 0
    model = steps["float32"].model
    print(f"{name}: {count_parameters(model):,} parameters, {backend.version()},", end=" ")
    print(f"{backend.device()}, {len(batches) - WARM_UP} updates of each, in turn")
    for precision, times in seconds.items():
        times = times[WARM_UP:]
        print(
            f"  {precision:<9}{tokens / sum(times):8,.0f} target tokens/s"
            f"   update {1000 * statistics.median(times):6.0f} ms (median)"
        )
    ratio = sum(seconds["float32"][WARM_UP:]) / sum(seconds["bfloat16"][WARM_UP:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  bfloat16 is {ratio:.2f} times as fast; peak memory of both together {peak:.2f} GB")
    for precision, step in steps.items():
        profile(precision, step, batches[WARM_UP])


def build(name: str, precision: str):
    from nmtcli import backend
    from nmtcli.config import from_dict
    from nmtcli.models.factory import build_model
    from nmtcli.training.train_step import TrainStep

    config = from_dict({"model": MODELS[name]})
    model = build_model(config.model, 8000, 8000, dtype=backend.keras_policy(precision))
    return TrainStep(model, config.training)


def profile(name: str, step, arrays) -> None:
    """Where an update's time goes: parts of it timed alone, forward and backward together."""
    from keras import ops, tree

    from nmtcli.training.losses import smoothed_cross_entropy

    model = step.model
    source_ids, inputs, targets = (ops.convert_to_tensor(x) for x in arrays[:3])
    rows, length = inputs.shape
    real = ops.cast(targets != 0, "float32")

    def encoder():  # without its dropout
        return [x for x in tree.flatten(model.encode(source_ids)) if x.dtype != "bool"]

    def decode():
        return [model.decode(source_ids, inputs, training=True)[0]]

    def with_loss():
        layer = decode()[0], *model.output_layer()
        return [smoothed_cross_entropy(*layer, targets, real, 0.1)[0]]

    whole = clock(lambda: step(arrays, 1e-3, 1))
    read, decoded, lost = (gradient_clock(f, model) for f in (encoder, decode, with_loss))
    parts = {
        "encoder": read,
        "decoder": decoded - read,
        "output layer and loss": lost - decoded,
        "clipping and Adam": whole - lost,
    }
    shares = ", ".join(f"{part} {100 * t / whole:.0f} %" for part, t in parts.items())
    print(f"  {name}, a batch of {rows} x {length}: {1000 * whole:.0f} ms: {shares}")


def gradient_clock(function, model) -> float:
    """Seconds of a function's value and gradient, as a compiled graph (TensorFlow)."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def run():
        with tf.GradientTape() as tape:
            total = sum(tf.reduce_sum(tf.cast(x, tf.float32)) for x in function())
        variables = [v.value for v in model.trainable_variables]
        gradients = tape.gradient(total, variables)
        return [tf.reduce_sum(tf.convert_to_tensor(g)) for g in gradients if g is not None]

    return clock(run)


def clock(function) -> float:
    """Median seconds of a call, after two that are not counted."""
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[2:])


if __name__ == "__main__":
    main()
