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


@pytest.fixture(scope="module")
def results():
    """The results of a backend, computed when first asked for by a program of its own."""
    found = {}

    def of_backend(backend):
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"{backend} is not installed")
        if backend not in found:
            program = [sys.executable, "-m", "helpers.keras_contract"]
            environment = {**os.environ, "KERAS_BACKEND": backend}
            output = subprocess.run(program, env=environment, capture_output=True, check=True)
            found[backend] = json.loads(output.stdout)
        return found[backend]

    return of_backend


def test_every_public_layer_has_a_case():
    named = {name.partition(",")[0] for name in CASES}
    assert named == set(layers.__all__)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_layer_does_what_keras_promises(results, backend, name, check):
    error = results(backend)[name][check]
    if error is None:
        assert (check == "training=") == (not CASES[name].has_dropout) or len(CASES[name].times) > 1
        return
    assert error == "", error
