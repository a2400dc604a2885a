"""TensorFlow and JAX compute the same, and JAX does so without TensorFlow.

Run as a program, this file is one of the two sides: it writes what a backend computes.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest

SIDES = ("tensorflow", "jax")
# Compiling takes longer than all that is computed here.
SETTINGS = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
DEEP = ("luong-dot", "input feeding, local-m")  # of LSTMs, two on each side
# Each kind of state that a search carries from step to step.
TRANSLATED = ("none", "bahdanau", "multi-head", *DEEP, "local-p, before the cell", "coverage")


def mechanism_names():
    from mechanism_cases import MECHANISMS

    return list(MECHANISMS)


def compute(weights_path, results_path):
    """Write logits, attention, losses, weights after three updates and some translations."""
    import keras

    found = {}
    for name in mechanism_names():
        model, given = _model(name), {}
        with np.load(weights_path) as weights:
            for key in weights.files:
                if key.startswith(f"{name}:"):
                    given[key.partition(":")[2]] = weights[key]
        for part, array in _computed(name, model, given).items():
            found[f"{name}:{part}"] = array
    found["backend"] = np.array(keras.backend.backend())
    found["tensorflow"] = np.array("tensorflow" in sys.modules)
    np.savez(results_path, **found)


def _model(name):
    from mechanism_cases import tiny_model

    cell, layers = ("lstm", 2) if name in DEEP else ("gru", 1)
    return tiny_model(name, cell=cell, encoder_layers=layers, decoder_layers=layers)


def _computed(name, model, weights):
    from nmtcli import backend
    from nmtcli.config import TrainingConfig
    from nmtcli.models.weights import arrays_of, set_arrays
    from nmtcli.training.step import TrainStep, make_optimizer

    set_arrays(model, weights)
    arrays = _batch()
    forward = backend.compiled(lambda *ids: model(*ids, with_weights=True), model.variables)
    logits, attention = forward(arrays.source_ids, arrays.decoder_inputs)
    found = {"logits": np.asarray(logits), "attention": np.asarray(attention)}
    if name in TRANSLATED:
        found |= _translations(model)
    step = TrainStep(
        model, make_optimizer(TrainingConfig()),
        smoothing=0.1, clip_norm=0.5, seed=1, coverage_weight=1.0,
    )  # fmt: skip
    results = [step(arrays, 0.01, number) for number in (1, 2, 3)]
    found["losses"] = np.array([[r.loss, r.nll, r.tokens, r.gradient_norm] for r in results])
    return found | {f"after:{path}": array for path, array in arrays_of(model).items()}


def _batch():
    """Three pairs and a row of padding, as the plan may fill up a batch."""
    from nmtcli.batches.feed import Arrays, pad, shift_right

    source = pad([[5, 7, 4, 9], [8, 6], [4, 8, 10]], 4, 6)
    targets = pad([[6, 4], [9, 5, 7, 8], [10]], 4, 5)
    return Arrays(source, shift_right(targets), targets)


def _translations(model):
    """By the given weights, and by larger ones that the same engine must see."""
    from nmtcli.batches.feed import pad
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.models.weights import arrays_of, set_arrays
    from nmtcli.search.beam import beam_search

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


def _weights():
    """The same for whoever asks, whatever the order of a model's parameters."""
    from nmtcli.models.weights import arrays_of

    made = {}
    for name in mechanism_names():
        for path, array in arrays_of(_model(name)).items():
            random = np.random.default_rng(zlib.crc32(path.encode()))
            made[f"{name}:{path}"] = random.normal(0, 0.4, array.shape).astype("float32")
    return made


def compute_both() -> dict[str, dict[str, np.ndarray]]:
    """What each backend computes, in a process of its own, both at once."""
    with tempfile.TemporaryDirectory() as name:
        folder, running = Path(name), {}
        np.savez(folder / "weights.npz", **_weights())
        for side in SIDES:
            command = [sys.executable, __file__, folder / "weights.npz", folder / f"{side}.npz"]
            environment = {**os.environ, **SETTINGS, "KERAS_BACKEND": side}
            running[side] = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
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


@pytest.fixture(scope="module")
def sides():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    return compute_both()


@pytest.fixture(params=mechanism_names())
def name(request):
    return request.param


def test_each_side_ran_on_its_backend_and_jax_without_tensorflow(sides):
    assert [str(sides[side]["backend"]) for side in SIDES] == list(SIDES)
    assert [bool(sides[side]["tensorflow"]) for side in SIDES] == [True, False]
    assert sides["tensorflow"].keys() == sides["jax"].keys()


def test_logits_and_attention_are_the_same_on_both_backends(sides, name):
    assert backend_difference(sides, name, "logits") < 1e-5
    assert backend_difference(sides, name, "attention") < 1e-6
    assert sides["jax"][f"{name}:attention"].any() == (name != "none")


def test_three_updates_are_the_same_on_both_backends(sides, name):
    assert backend_difference(sides, name, "losses") < 1e-4
    losses = sides["jax"][f"{name}:losses"]
    assert (np.diff(losses[:, 0]) < 0).all() and (losses[:, 2] == 10).all()
    parts = parts_after_updates(sides, name)
    assert len(parts) > 12
    for part in parts:
        assert backend_difference(sides, name, part) < 1e-4


@pytest.mark.parametrize("name", TRANSLATED)
def test_beam_search_finds_the_same_on_both_backends(sides, name):
    ids = [json.loads(str(sides[side][f"{name}:ids"])) for side in SIDES]
    assert ids[0] == ids[1]
    assert ids[0][6:9] != ids[0][9:]  # each sentence has translations of its own
    assert ids[0][:6] != ids[0][6:]  # and so have other weights
    assert backend_difference(sides, name, "scores") < 1e-4
    assert backend_difference(sides, name, "found") < 1e-5


if __name__ == "__main__":
    compute(*sys.argv[1:])
