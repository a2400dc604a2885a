"""Attention(Q, K, V): a weighted sum of the values, weighted by how well each key fits the query.

Mechanisms differ by their score function; each is a layer here with the same two steps, so that
what depends on the source alone is computed once for a sentence and not once for a target step:

    keys = score.project(memory)        # (B, S, M) -> (B, S, A)
    scores = score(query, keys)         # (B, T, Q), (B, S, A) -> (B, T, S)

Letters: B batch, T queries (1 when decoding), S source, Q query size, M memory size, A alignment.
Masks are bool and True keeps. Scores and weights are float32.
"""

import keras
from keras import ops

from nmtcli.layers.dense import affine


@keras.saving.register_keras_serializable(package="nmtcli")
class AdditiveScore(keras.layers.Layer):
    """Bahdanau's alignment model: how well source position s fits the query.

        e[b, t, s] = v . tanh(W q[b, t] + U h[b, s])

    The gradient computes the hyperbolic tangent again instead of keeping it: a decoder loop would
    else store a (B, S, A) array for every target position.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, section 3.1 and A.1.2.

    Args:
        units: A, size of the alignment space; positive.

    Call arguments:
        query: decoder states, (B, T, Q).
        keys: `project(memory)`, (B, S, A).

    Returns:
        scores before the softmax, float32, (B, T, S).

    Raises:
        ValueError: `units` is not positive.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be positive. Received: units={units}")
        self.units = units

    def build(self, query_shape, memory_shape):
        self.query_kernel = self.add_weight(
            name="query_kernel", shape=(query_shape[-1], self.units), initializer="glorot_uniform"
        )
        self.memory_kernel = self.add_weight(
            name="memory_kernel", shape=(memory_shape[-1], self.units), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.vector = self.add_weight(
            name="vector", shape=(self.units, 1), initializer="glorot_uniform"
        )
        self.built = True

    def project(self, memory):
        """U h for all source positions: (B, S, M) -> (B, S, A)."""
        return affine(memory, self.memory_kernel, self.bias)

    def scorer(self):
        """A function (query, keys) -> scores with the weights read once, for use inside loops."""
        query_kernel = ops.cast(self.query_kernel, self.compute_dtype)
        vector = ops.cast(self.vector, self.compute_dtype)[:, 0]

        def score(query, keys):
            projected = affine(query, query_kernel)  # (B, T, A)
            return _additive_energy(projected[:, :, None, :], keys[:, None, :, :], vector)

        return score

    def call(self, query, keys):
        return self.scorer()(query, keys)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def _additive_energy(query, keys, vector):
    """sum over A of vector * tanh(query + keys): (B, T, 1, A), (B, 1, S, A), (A,) -> (B, T, S).

    With its gradient written out, so that the (B, T, S, A) tanh is computed twice and never kept.
    """

    @ops.custom_gradient
    def energy(query, keys, vector):
        activation = ops.tanh(query + keys)
        scores = ops.cast(affine(activation, vector[:, None])[..., 0], "float32")

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream  # (B, T, S)
            again = ops.tanh(query + keys)
            upstream = ops.cast(upstream, again.dtype)
            size = ops.shape(again)[-1]
            vector_gradient = ops.matmul(
                ops.reshape(upstream, (1, -1)), ops.reshape(again, (-1, size))
            )[0]
            inner = upstream[..., None] * (vector * (1 - again * again))
            return (
                ops.sum(inner, axis=2, keepdims=True),
                ops.sum(inner, axis=1, keepdims=True),
                vector_gradient,
            )

        return scores, gradient

    return energy(query, keys, vector)


@keras.saving.register_keras_serializable(package="nmtcli")
class DotScore(keras.layers.Layer):
    """Luong's simplest score: the query and the memory share one space.

        e[b, t, s] = q[b, t] . h[b, s]

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1, equation 8 (dot).

    Call arguments:
        query: decoder states, (B, T, D).
        keys: `project(memory)`, which is the memory itself, (B, S, D).

    Returns:
        scores before the softmax, float32, (B, T, S).

    Raises:
        ValueError: queries and memory differ in size (a learnt matrix between them is `general`).
    """

    def build(self, query_shape, memory_shape):
        if query_shape[-1] != memory_shape[-1]:
            raise ValueError(
                "The dot score needs queries and memory of one size. Received: "
                f"query size {query_shape[-1]}, memory size {memory_shape[-1]}"
            )
        self.built = True

    def project(self, memory):
        return memory

    def scorer(self):
        return lambda query, keys: ops.cast(
            ops.matmul(query, ops.transpose(keys, (0, 2, 1))), "float32"
        )

    def call(self, query, keys):
        return self.scorer()(query, keys)


def masked_softmax(scores, mask):
    """Softmax over the last axis among the positions that `mask` keeps.

    Args:
        scores: float32, (B, T, S).
        mask: bool, (B, S) or (B, T, S), True = real position.

    Returns:
        weights, float32, (B, T, S): they sum to 1, and a row without a real position is all zero.
    """
    mask = mask[:, None, :] if len(mask.shape) == 2 else mask
    masked = ops.where(mask, scores, -1e30)
    exponentials = ops.exp(masked - ops.max(masked, axis=-1, keepdims=True))
    exponentials = ops.where(mask, exponentials, 0.0)
    total = ops.sum(exponentials, axis=-1, keepdims=True)
    return exponentials / ops.maximum(total, 1e-30)


def attend(score, query, keys, values, mask):
    """Attention(Q, K, V) with a score function.

    Args:
        score: function (query, keys) -> scores (B, T, S), such as `AdditiveScore.scorer()`.
        query: (B, T, Q).
        keys: (B, S, A).
        values: (B, S, M).
        mask: bool, (B, S), True = real position.

    Returns:
        context: (B, T, M) in the type of `values`.
        weights: float32, (B, T, S).
    """
    weights = masked_softmax(score(query, keys), mask)
    return ops.matmul(ops.cast(weights, values.dtype), values), weights
