"""TensorFlow and JAX compute the same, and JAX does so without TensorFlow.

Run as a program, this file is one of the two sides: it writes what a backend computes.
"""

import importlib.util
import json

import numpy as np
import pytest

from helpers.backend_comparison import (
    COVERED,
    RECIPE,
    SIDES,
    TRANSLATED,
    backend_difference,
    compute_both,
    mechanism_names,
    parts_after_updates,
)
from helpers.covering import others_are_slow

# A recurrent model with a window and coverage, and the Transformer. The layers are the same code in
# all models and JAX compiles each for many seconds, so the others are slow tests.
COVERING = (COVERED, "transformer, rotary and swiglu")


@pytest.fixture(scope="module")
def sides(request):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    here = (item for item in request.session.items if item.path == request.path)
    selected = {item.callspec.params.get("name") for item in here if hasattr(item, "callspec")}
    names = {COVERED, *selected}
    return compute_both([name for name in mechanism_names() if name in names])


@pytest.fixture(params=others_are_slow(mechanism_names(), COVERING))
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
    for part in parts:  # Adam makes a step of a gradient that is nothing but rounding
        assert backend_difference(sides, name, part) < 3e-4


def test_updates_with_every_part_of_a_recipe_are_the_same_on_both_backends(sides):
    parts = [key.partition(":")[2] for key in sides["jax"] if key.startswith(f"{RECIPE}:")]
    assert len(parts) > 40
    for part in parts:
        assert backend_difference(sides, RECIPE, part) < 1e-4, part
    losses = sides["jax"][f"{RECIPE}:losses"]
    assert (losses[1] != losses[2]).any() and (losses[:, 2] == 10).all()


@pytest.mark.parametrize("name", others_are_slow(TRANSLATED, COVERING))
def test_beam_search_finds_the_same_on_both_backends(sides, name):
    ids = [json.loads(str(sides[side][f"{name}:ids"])) for side in SIDES]
    assert ids[0] == ids[1]
    assert ids[0][6:9] != ids[0][9:]  # each sentence has translations of its own
    assert ids[0][:6] != ids[0][6:]  # and so have other weights
    assert backend_difference(sides, name, "scores") < 1e-4
    assert backend_difference(sides, name, "found") < 1e-5
