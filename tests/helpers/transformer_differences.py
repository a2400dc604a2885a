"""How far a Transformer is from the papers' loops, and single steps from all at once."""

import numpy as np

from helpers.mechanism_cases import SOURCE, TARGET, forced
from helpers.reference_transformer import translate
from helpers.transformer_cases import (
    design_of,
    shared_results,
)
from nmtcli.models.weights import arrays_of
from nmtcli.text.special_tokens import PAD_ID


def chosen_of(weights, layer, head):
    """Of each layer's (T, H, S), the weights that a model returns: (T, S)."""
    chosen = weights[layer - 1] if layer else weights[max(0, len(weights) - 2)]
    return chosen[:, head - 1] if head else chosen.mean(axis=1)


def reference_difference(model):
    """How far logits and attention are from the papers' loops, at most."""
    logits, attention = forced(model, SOURCE, TARGET)
    found = []
    for b, words in enumerate(SOURCE):
        words = words[words != PAD_ID]
        expected, weights = translate(design_of(model), arrays_of(model), words, TARGET[b])
        own = logits[b], attention[b, :, : len(words)]
        chosen = model.config.alignment_layer, model.config.alignment_head
        pair = expected, chosen_of(weights, *chosen)
        found.append([np.abs(part - other).max() for part, other in zip(own, pair)])
    return np.max(found, axis=0)


def stepwise_difference(name):
    """How far logits and attention of single steps are from those of all positions at once."""
    together, stepped = shared_results(name)
    return np.array([np.abs(one - other).max() for one, other in zip(stepped, together)])
