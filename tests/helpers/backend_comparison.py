"""The same computations on TensorFlow and on JAX, side by side."""

import json
import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

SIDES = ("tensorflow", "jax")


# Compiling takes longer than all that is computed here.
SETTINGS = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


DROPOUT = "dropout of each kind"


RATES = ("dropout", "attention_dropout", "recurrent_dropout")


DEEP = ("luong-dot", "input feeding, local-m")  # of LSTMs, two on each side


def mechanism_names():
    from helpers.mechanism_cases import MECHANISMS
    from helpers.transformer_cases import MEASURED

    return [*MECHANISMS, *MEASURED, DROPOUT]


def _model(name):
    from helpers import transformer_cases
    from helpers.mechanism_cases import tiny_model

    if name in transformer_cases.TRANSFORMERS:
        return transformer_cases.tiny_model(name)
    if name == DROPOUT:
        rates = dict.fromkeys(RATES, 0.4)
        return tiny_model("input feeding", encoder_layers=2, decoder_layers=2, **rates)
    cell, layers = ("lstm", 2) if name in DEEP else ("gru", 1)
    return tiny_model(name, cell=cell, encoder_layers=layers, decoder_layers=layers)


def _known_dropout(x, rate, seed):
    """Factors that are the same on both sides, whose generators are not."""
    from keras import ops

    hidden = ops.arange(ops.size(x), dtype="int32") * 7 % 5 < 2
    return x * ops.reshape(ops.where(hidden, 0.0, 1 / (1 - rate)), ops.shape(x))


def _weights(names):
    """The same for whoever asks, whatever the order of a model's parameters."""
    from nmtcli.models.weights import arrays_of

    made = {}
    for name in names:
        for path, array in arrays_of(_model(name)).items():
            random = np.random.default_rng(zlib.crc32(path.encode()))
            made[f"{name}:{path}"] = random.normal(0, 0.4, array.shape).astype("float32")
    return made


def compute_both(names) -> dict[str, dict[str, np.ndarray]]:
    """What each backend computes of some models, in a process of its own, both at once."""
    with tempfile.TemporaryDirectory() as name:
        folder, running = Path(name), {}
        np.savez(folder / "weights.npz", **_weights(names))
        for side in SIDES:
            files = folder / "weights.npz", folder / f"{side}.npz"
            command = [sys.executable, "-m", "helpers.backend_comparison", *files, *names]
            environment = {**os.environ, **SETTINGS, "KERAS_BACKEND": side}
            running[side] = subprocess.Popen(
                command, env=environment, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1]
            )
        for side, process in running.items():
            _, errors = process.communicate(timeout=600)
            assert process.returncode == 0, f"{side}: {errors.decode()}"
        results = {}
        for side in SIDES:
            with np.load(folder / f"{side}.npz") as arrays:
                results[side] = {name: arrays[name] for name in arrays.files}
    return results


def backend_difference(sides, name, part):
    """How far the sides are from each other in a part of a mechanism's results, at most."""
    tensorflow, jax = (sides[side][f"{name}:{part}"] for side in SIDES)
    assert np.isfinite(tensorflow).all() and np.isfinite(jax).all()
    return np.abs(tensorflow - jax).max()


def parts_after_updates(sides, name):
    """The names of the weights among the parts of a mechanism's results."""
    keys = (key.partition(":") for key in sides["jax"])
    return [part for of, _, part in keys if of == name and part.startswith("after:")]


RECIPE = "recipe"
COVERED = "coverage, local-p"  # the model that the recipe trains

TRANSLATED = (
    *("none", "input feeding, local-m", "input feeding, local-p", COVERED),
    *("transformer", "transformer, rotary and swiglu"),
)


def compute(weights_path, results_path, *names):
    """Write logits, attention, losses, weights after three updates and some translations."""
    import keras

    keras.random.dropout, found = _known_dropout, {}
    for name in names:
        model, given = _model(name), {}
        with np.load(weights_path) as weights:
            for key in weights.files:
                if key.startswith(f"{name}:"):
                    given[key.partition(":")[2]] = weights[key]
        for part, array in _computed(name, model, given).items():
            found[f"{name}:{part}"] = array
    if COVERED in names:
        for part, array in _recipe_results(weights_path).items():
            found[f"{RECIPE}:{part}"] = array
    found["backend"] = np.array(keras.backend.backend())
    found["tensorflow"] = np.array("tensorflow" in sys.modules)
    np.savez(results_path, **found)


def _computed(name, model, weights):
    from nmtcli import backend
    from nmtcli.config import TrainingConfig
    from nmtcli.models.weights import arrays_of, set_arrays
    from nmtcli.training.train_step import TrainStep

    set_arrays(model, weights)
    arrays = _batch()
    forward = backend.compiled(lambda *ids: model(ids, with_weights=True), model.variables)
    logits, attention = forward(arrays.source_ids, arrays.decoder_inputs)
    found = {"logits": np.asarray(logits), "attention": np.asarray(attention)}
    if name in TRANSLATED:
        found |= _translations(model)
    step = TrainStep(model, TrainingConfig(clip_norm=0.5))
    results = [step(arrays, 0.01, number) for number in (1, 2, 3)]
    found["losses"] = np.array([[r.loss, r.nll, r.tokens, r.gradient_norm] for r in results])
    after = arrays_of(model)
    _forget_biases_of_keys(after, model)
    return found | {f"after:{path}": array for path, array in after.items()}


def _forget_biases_of_keys(arrays, model):
    """They add the same to the scores of all positions, unless keys are rotated: their gradient is
    what rounding leaves of zero, and Adam makes a step of it that says nothing."""
    for path, array in arrays.items():
        if path.endswith("cross_attention/key/bias"):
            arrays[path] = np.zeros_like(array)
        elif path.endswith("self_attention/projection/bias") and model.config.positions != "rotary":
            queries, keys, values = np.split(array, 3)
            arrays[path] = np.concatenate([queries, 0 * keys, values])


def _recipe_results(weights_path):
    """Losses and weights after updates with all that a recipe can have, but for dropout's draws."""
    from nmtcli.config import TrainingConfig
    from nmtcli.models.weights import set_arrays
    from nmtcli.training.fine_tuning import freeze
    from nmtcli.training.train_step import TrainStep

    model = _model(COVERED)
    with np.load(weights_path) as weights:
        keys = [key for key in weights.files if key.startswith(f"{COVERED}:")]
        set_arrays(model, {key.partition(":")[2]: weights[key] for key in keys})
    freeze(model, ("encoder/encoder_forward/*",))
    options = TrainingConfig(
        r_drop=2.0, source_word_dropout=0.2, target_word_dropout=0.2, guided_alignment=0.5,
        average_decay=0.5, weight_decay=0.1, guided_until=3,
    )  # fmt: skip
    step, arrays = TrainStep(model, options), _batch()
    alignment = np.zeros((*arrays.targets.shape, arrays.source_ids.shape[1]), "float32")
    alignment[:, :2, :2] = np.eye(2)
    arrays = arrays._replace(alignment=alignment)
    halves = [type(arrays)(*(array[rows] for array in arrays)) for rows in ([0, 3], [1, 2])]
    results = [step(given, 0.01, n) for n, given in enumerate((arrays, halves, halves, arrays), 1)]
    found = {"losses": np.array([[r.loss, r.nll, r.tokens, r.gradient_norm] for r in results])}
    for group in ("model", "training"):
        found |= {f"{group}:{path}": array for path, array in step.arrays()[group].items()}
    return found


def _batch():
    """Three pairs and a row of padding, as the plan may fill up a batch."""
    from nmtcli.data.batching import Arrays, pad, shift_right

    source = pad([[5, 7, 4, 9], [8, 6], [4, 8, 10]], 4, 6)
    targets = pad([[6, 4], [9, 5, 7, 8], [10]], 4, 5)
    return Arrays(source, shift_right(targets), targets)


def _translations(model):
    """By the given weights, and by larger ones that the same engine must see."""
    from nmtcli.data.batching import pad
    from nmtcli.decoding.beam import beam_search
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.models.weights import arrays_of, set_arrays

    engine, source = KerasEngine(model), pad([[5, 7, 4, 9], [8, 6]], 2, 5)
    weights, flat = arrays_of(model), []
    for scale in (1.0, 2.5):
        set_arrays(model, {path: scale * array for path, array in weights.items()})
        for hypotheses in beam_search(engine, source, 3, 0.7, np.array([6, 6]), nbest=3):
            flat += hypotheses
    set_arrays(model, weights)
    return {
        "ids": np.array(json.dumps([hypothesis.ids for hypothesis in flat])),
        "scores": np.array([[h.log_prob, h.score] for h in flat]),
        "found": np.concatenate([h.attention for h in flat]),
    }


if __name__ == "__main__":
    compute(*sys.argv[1:])
