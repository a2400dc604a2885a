"""A model and batches for single updates."""

import numpy as np

from helpers.mechanism_cases import tiny_model
from helpers.transformer_cases import TRANSFORMERS, transformer_of
from nmtcli.config import TrainingConfig
from nmtcli.data.batching import Arrays, pad, shift_right
from nmtcli.models.weights import arrays_of, optimizer_arrays, set_arrays, set_optimizer_arrays
from nmtcli.training.train_step import TrainStep

SOURCES = [[5, 7, 4, 9], [8, 6], [10, 10, 4]]


TARGETS = [[6, 4], [9, 5, 7, 8], [10]]


def batch(rows=3, source_length=5, target_length=5):
    targets = pad(TARGETS, rows, target_length)
    return Arrays(pad(SOURCES, rows, source_length), shift_right(targets), targets)


class Bench:
    """A compiled step that can be taken again and again from one state.

    options: further ones of `TrainingConfig`. model: options of the model.
    """

    def __init__(self, optimizer, clip_norm, dropout=0.0, options=None, **model):
        self.model, self.optimizer = _model(dropout, **model), optimizer
        options = TrainingConfig(clip_norm=clip_norm, seed=7, **(options or {}))
        self.run = TrainStep(self.model, options, optimizer)
        self.weights, self.slots = arrays_of(self.model), optimizer_arrays(optimizer)

    def reset(self):
        set_arrays(self.model, self.weights)
        set_optimizer_arrays(self.optimizer, self.slots)

    def step(self, arrays=None, learning_rate=0.01, number=1):
        """From the first state: the result, and how each weight changed."""
        self.reset()
        result = self.run(batch() if arrays is None else arrays, learning_rate, number)
        after = arrays_of(self.model)
        return result, {path: after[path] - before for path, before in self.weights.items()}


def _model(dropout, name="bahdanau", **options):
    if name in TRANSFORMERS:
        kinds = ("dropout", "attention_dropout", "feed_forward_dropout")
        rates = dict.fromkeys(kinds, dropout)
        return transformer_of(**TRANSFORMERS[name], **rates, **options)
    return tiny_model(name, dropout=dropout, **options)


def norm(changes):
    return np.sqrt(sum(np.square(change, dtype=np.float64).sum() for change in changes.values()))


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name, array in left.items():
        np.testing.assert_array_equal(array, right[name])
