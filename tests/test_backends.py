"""TensorFlow and JAX compute the same, and JAX does so without TensorFlow.

Run as a program, this file is one of the two sides: it writes what a backend computes.
"""

import importlib.util
import json
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

PRESETS = ("none", "bahdanau", "luong-dot")
SIDES = ("tensorflow", "jax")
# Compiling takes longer than all that is computed here.
SETTINGS = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def compute(weights_path, results_path):
    """Write logits, losses, weights after three updates and translations of each mechanism."""
    import keras

    found = {}
    for preset in PRESETS:
        model, given = _model(preset), {}
        with np.load(weights_path) as weights:
            for name in weights.files:
                if name.startswith(f"{preset}:"):
                    given[name.partition(":")[2]] = weights[name]
        for part, array in _computed(model, given).items():
            found[f"{preset}:{part}"] = array
    found["backend"] = np.array(keras.backend.backend())
    found["tensorflow"] = np.array("tensorflow" in sys.modules)
    np.savez(results_path, **found)


def _model(preset):
    from nmtcli.models.recurrent import PRESETS as attentions
    from nmtcli.models.recurrent import RecurrentTranslator, Sizes

    cell, layers = ("lstm", 2) if preset == "luong-dot" else ("gru", 1)
    sizes = Sizes(
        source_vocabulary=13,
        target_vocabulary=13,
        embedding=6,
        encoder=8,
        decoder=8,
        attention=5,
        readout=6,
        encoder_layers=layers,
        decoder_layers=layers,
        cell=cell,
    )
    return RecurrentTranslator(sizes, attentions[preset])


def _computed(model, weights):
    from nmtcli import backend
    from nmtcli.config import TrainingConfig
    from nmtcli.models.weights import arrays_of, set_arrays
    from nmtcli.training.step import TrainStep, make_optimizer

    set_arrays(model, weights)
    arrays = _batch()
    forward = backend.compiled(model, model.variables)
    found = {"logits": np.asarray(forward(arrays.source_ids, arrays.decoder_inputs))}
    found |= _translations(model)
    optimizer = make_optimizer(TrainingConfig())
    step = TrainStep(model, optimizer, smoothing=0.1, clip_norm=0.5, seed=1)
    results = [step(arrays, 0.01, number) for number in (1, 2, 3)]
    found["losses"] = np.array([[r.loss, r.nll, r.tokens, r.gradient_norm] for r in results])
    return found | {f"after:{path}": array for path, array in arrays_of(model).items()}


def _batch():
    """Three pairs and a row of padding, as the plan may fill up a batch."""
    from nmtcli.batches.feed import Arrays, pad, shift_right

    source = pad([[5, 7, 4, 9], [8, 6], [12, 11, 10]], 4, 6)
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
        "attention": np.concatenate([h.attention for h in flat]),
    }


def _weights():
    """The same for whoever asks, whatever the order of a model's parameters."""
    from nmtcli.models.weights import arrays_of

    made = {}
    for preset in PRESETS:
        for path, array in arrays_of(_model(preset)).items():
            random = np.random.default_rng(zlib.crc32(path.encode()))
            made[f"{preset}:{path}"] = random.normal(0, 0.4, array.shape).astype("float32")
    return made


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """What each backend computes, in a process of its own, both at once."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    folder = tmp_path_factory.mktemp("backends")
    np.savez(folder / "weights.npz", **_weights())
    running = {}
    for side in SIDES:
        command = [sys.executable, __file__, folder / "weights.npz", folder / f"{side}.npz"]
        environment = {**os.environ, **SETTINGS, "KERAS_BACKEND": side}
        running[side] = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    for side, process in running.items():
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, f"{side}: {errors.decode()}"
    results = {}
    for side in SIDES:
        with np.load(folder / f"{side}.npz") as arrays:
            results[side] = {name: arrays[name] for name in arrays.files}
    return results


def assert_close(sides, preset, part, tolerance):
    tensorflow, jax = (sides[side][f"{preset}:{part}"] for side in SIDES)
    assert np.isfinite(tensorflow).all()
    np.testing.assert_allclose(tensorflow, jax, atol=tolerance)


def test_each_side_ran_on_its_backend_and_jax_without_tensorflow(sides):
    assert [str(sides[side]["backend"]) for side in SIDES] == list(SIDES)
    assert [bool(sides[side]["tensorflow"]) for side in SIDES] == [True, False]
    assert sides["tensorflow"].keys() == sides["jax"].keys()


@pytest.mark.parametrize("preset", PRESETS)
def test_logits_are_the_same_on_both_backends(sides, preset):
    assert_close(sides, preset, "logits", 1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_three_updates_are_the_same_on_both_backends(sides, preset):
    assert_close(sides, preset, "losses", 1e-4)
    losses = sides["jax"][f"{preset}:losses"]
    assert (np.diff(losses[:, 0]) < 0).all() and (losses[:, 2] == 10).all()
    with_weights = [name for name in sides["jax"] if name.startswith(f"{preset}:after:")]
    assert len(with_weights) > 12
    for name in with_weights:
        assert_close(sides, preset, name.partition(":")[2], 1e-4)


@pytest.mark.parametrize("preset", PRESETS)
def test_beam_search_finds_the_same_on_both_backends(sides, preset):
    ids = [json.loads(str(sides[side][f"{preset}:ids"])) for side in SIDES]
    assert ids[0] == ids[1]
    assert ids[0][6:9] != ids[0][9:]  # each sentence has translations of its own
    assert ids[0][:6] != ids[0][6:]  # and so have other weights
    assert_close(sides, preset, "scores", 1e-4)
    assert_close(sides, preset, "attention", 1e-5)


if __name__ == "__main__":
    compute(*sys.argv[1:])
