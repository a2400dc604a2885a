"""Engines of models whose translations differ, for what every engine must do."""

import functools

import numpy as np

from helpers import transformer_cases
from helpers.compiling import uncompiled
from helpers.covering import COVERING
from helpers.mechanism_cases import MECHANISMS, tiny_model
from helpers.transformer_cases import TRANSFORMERS
from nmtcli.data.batching import pad
from nmtcli.engines.keras_engine import KerasEngine
from nmtcli.models.weights import arrays_of, set_arrays

SENTENCES = [[5, 7, 4, 9], [8, 6], [10], [4, 4, 9, 8, 6, 5]]
SOURCE = pad(SENTENCES, 4, 7)
LIMITS = np.array([7, 5, 6, 9])
MODELS = [*MECHANISMS, *TRANSFORMERS]


class UncompiledEngine(KerasEngine):
    """Calls the model as it is: a tiny one has answered before its graph is traced."""

    def __init__(self, *arguments):
        with uncompiled():
            super().__init__(*arguments)

    def step(self, *arguments):
        with uncompiled():
            return super().step(*arguments)


@functools.cache
def engine_of(name):
    """Of `large_model`; compiled for the telling ones.

    That a compiled step of every other model is the same is what the tests of its exports say,
    which are made of compiled steps.
    """
    return (KerasEngine if name in COVERING else UncompiledEngine)(large_model(name))


@functools.cache
def large_model(name):
    """With such large weights that its translations differ."""
    if name in TRANSFORMERS:
        return large_transformer(name)
    cell = "lstm" if name == "none" else "gru"
    model = tiny_model(name, seed=4, cell=cell, decoder_layers=2, tied_embeddings="none")
    # Those of the attention stay as they are: a softmax that is 0 or 1 everywhere hides mistakes.
    scales = {path: 1.0 if "/attention/" in path else 3.0 for path in arrays_of(model)}
    set_arrays(model, {path: scales[path] * array for path, array in arrays_of(model).items()})
    return model


def large_transformer(name):
    """Of one whose norms, which decide how large everything is, have large gains."""
    model = transformer_cases.tiny_model(name, seed=4, tied_embeddings="none")
    scales = {path: 3.0 if "norm" in path else 1.0 for path in arrays_of(model)}
    set_arrays(model, {path: scales[path] * array for path, array in arrays_of(model).items()})
    return model
