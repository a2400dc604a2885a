"""How far a recurrent model is from the papers' loops, and single steps from all at once."""

import numpy as np

from helpers.mechanism_cases import (
    MECHANISMS,
    SOURCE,
    TARGET,
    forced,
    model_of,
    shared_results,
)
from helpers.reference_model import translate
from nmtcli.models.weights import arrays_of
from nmtcli.text.special_tokens import PAD_ID

KINDS = [(name, cell, layers) for name in MECHANISMS for cell, layers in (("gru", 1), ("lstm", 2))]


def reference_difference(mechanism, model=None):
    """How far logits and attention are from the papers' loops, at most; for one layer of GRU."""
    model = model or model_of(mechanism)
    logits, attention = forced(model, SOURCE, TARGET)
    found = []
    for b, words in enumerate(SOURCE):
        words = words[words != PAD_ID]
        expected = translate(mechanism, arrays_of(model), words, TARGET[b])
        own = logits[b], attention[b, :, : len(words)]
        found.append([np.abs(part - other).max() for part, other in zip(own, expected)])
    return np.max(found, axis=0)


def stepwise_difference(name, cell="gru", layers=1):
    """How far logits and attention of single steps are from those of all positions at once."""
    together, stepped = shared_results(name, cell, layers)
    return np.array([np.abs(one - other).max() for one, other in zip(stepped, together)])
