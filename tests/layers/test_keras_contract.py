"""Each public layer is what a user of Keras expects, on both backends; see the helper's checks."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from helpers.keras_contract import CASES, CHECKS
from nmtcli import layers

BACKENDS = ("tensorflow", "jax")
# Attention, a cell, and layers within a layer. Each takes seconds, so the others
# are slow tests.
COVERING = {
    "tensorflow": (
        "Attention, in Keras's order",
        "DecoderLayer",
        "GRUCell",
    ),
    "jax": ("GRUCell",),
}
PAIRS = [
    pytest.param(backend, name, marks=() if name in COVERING[backend] else pytest.mark.slow)
    for backend in BACKENDS
    for name in CASES
]


@pytest.fixture(scope="module")
def results(request):
    """The results of a backend, computed when first asked for by a program of its own."""
    found = {}
    chosen = {
        tuple(item.callspec.params[key] for key in ("backend", "name"))
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    }

    def of_backend(backend):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        if backend not in found:
            names = [name for name in CASES if (backend, name) in chosen]
            program = [sys.executable, "-m", "helpers.keras_contract", *names]
            environment = {**os.environ, "KERAS_BACKEND": backend}
            done = subprocess.run(program, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-3000:]
            found[backend] = json.loads(done.stdout)
        return found[backend]

    return of_backend


def test_every_public_layer_has_a_case():
    named = {name.partition(",")[0] for name in CASES}
    assert named == set(layers.__all__)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("backend", "name"), PAIRS)
def test_the_layer_does_what_keras_promises(results, backend, name, check):
    error = results(backend)[name][check]
    if error is None:
        assert (check == "training=") == (not CASES[name].has_dropout) or len(CASES[name].times) > 1
        return
    assert error == "", error
