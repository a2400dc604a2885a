"""Attention layers filled with known weights, and what they are compared with."""

import functools

import numpy as np
from keras import ops

from helpers.gradients import normal
from helpers.mechanism_cases import every_composition
from helpers.reference_model import Weights, attend
from nmtcli.layers.attention import Attention, MultiHeadAttention

B, T, S, Q, M, A, D, P = 3, 2, 5, 4, 6, 8, 1, 4


MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]], dtype=bool)


TIMES = np.array([1, 3])  # the second is beyond the end of the second sentence


# What is attended with; where it stands and what it feeds is no matter of the layer.
KINDS = {
    f"{m.score} {m.scope}{' heads' * (m.heads > 1)}{' coverage' * m.coverage}": m
    for m in every_composition()
    if m.score and m.placement == "after" and not m.input_feeding
}


def fill(layer):
    """The layer with weights, biases included, that are all of some size."""
    for n, variable in enumerate(layer.trainable_variables):
        variable.assign(normal(*variable.shape, seed=n))
    return layer


def arrays_of(layer):
    """The numbers of a layer called `layer`, by their paths."""
    return {variable.path: np.asarray(variable.value) for variable in layer.trainable_variables}


def make(kind, **options):
    mechanism = KINDS[kind]
    if mechanism.heads > 1:
        layer = MultiHeadAttention(mechanism.heads, A, name="layer", **options)
    else:
        layer = Attention(
            mechanism.score, mechanism.scope, D, A, P, mechanism.coverage, name="layer", **options
        )
    layer.build((None, None, query_size(kind)), (None, None, M))
    return fill(layer)


def query_size(kind):
    mechanism = KINDS[kind]
    return M if mechanism.score in ("dot", "scaled-dot") and mechanism.heads == 1 else Q


@functools.cache
def shared(kind):
    return make(kind)


def inputs_of(kind, seed=10):
    """Queries, memory and coverage."""
    coverage = np.random.default_rng(seed).random((B, T, S)).astype("float32")
    return normal(B, T, query_size(kind), seed=seed), normal(B, S, M, seed=seed + 1), coverage


def attended(layer, query, memory, mask, coverage):
    """Context and weights, as arrays."""
    return [np.asarray(part) for part in call(layer, query, memory, mask, coverage)]


def call(layer, query, memory, mask, coverage):
    """Context and weights for the target positions TIMES."""
    return layer(
        query,
        memory,
        value_mask=mask,
        positions=ops.convert_to_tensor(TIMES, "int32"),
        coverage=coverage,
        return_attention_scores=True,
    )


def loop(kind, arrays, query, memory, coverage, mask=MASK):
    """The papers' contexts (B, T, M) and weights (B, T, S), sentence by sentence."""
    contexts, weights = np.zeros((B, T, M)), np.zeros((B, T, S))
    for b in range(B):
        length = mask[b].sum()
        for n, t in enumerate(TIMES):
            contexts[b, n], weights[b, n, :length] = attend(
                KINDS[kind], Weights(arrays, "layer"), query[b, n], memory[b, :length], t,
                coverage[b, n],
            )  # fmt: skip
    return contexts, weights
