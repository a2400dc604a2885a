"""Score functions (alignment models): they measure how well each source position fits a query.

Each is a layer with the same two steps. What depends only on the source is computed once for a
sentence, not at every target step:

    keys = score.project(memory)                # (B, S, M) -> (B, S, A)
    weights = score.compute_weights()           # once before a loop over target positions
    scores = score.step(query, keys, weights=weights)     # (B, T, Q), (B, S, A) -> (B, T, S)

Letters: B batch, T queries (1 when decoding), S source, Q query size, M memory size, A alignment.
Scores are float32 values before the softmax; their products are computed in the compute type.
"""

import functools
from typing import Any, NamedTuple

import keras
from keras import ops

from nmtcli.layers.dense import affine

NOTHING = -1e30  # the score of a masked position


class Score(keras.layers.Layer):
    """The base class of the score functions.

    A score defines `build` and `step`. It defines `project` if the keys are not the memory itself,
    and `compute_weights` if it has weights.

    Call arguments:
        query: decoder states, (B, T, Q).
        keys: `project(memory)`, (B, S, A).
        coverage: float32, (B, T, S), for scores with coverage.

    Returns:
        scores before the softmax, float32, (B, T, S).
    """

    def project(self, memory):
        """Compute the key of each source position: (B, S, M) -> (B, S, A)."""
        return memory

    def compute_weights(self):
        """Return the weights for `step` in the compute type. Call it once before a loop:
        TensorFlow would otherwise cast the weights in every turn."""

    def step(self, query, keys, coverage=None, weights=None):
        """Return the result of a call; `weights` of `compute_weights`, None computes them here."""

    def call(self, query, keys, coverage=None):
        return self.step(query, keys, coverage)


class _AdditiveWeights(NamedTuple):
    """The query's kernel (Q, A) and the vectors (A,); the vector of the coverage may be None."""

    query_kernel: Any
    vector: Any
    coverage_vector: Any


class _Additive(Score):
    """The base class of the additive and the concat score, v . tanh(W q + U h)."""

    def __init__(self, units, coverage=False, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be positive. Received: units={units}")
        self.units, self.coverage = units, coverage

    def _add_vectors(self):
        self.vector = self.add_weight(
            name="vector", shape=(self.units, 1), initializer="glorot_uniform"
        )
        if self.coverage:
            self.coverage_vector = self.add_weight(
                name="coverage_vector", shape=(self.units,), initializer="zeros"
            )

    def _query_kernel(self):
        """Return the matrix that multiplies the query, (Q, A)."""

    def compute_weights(self):
        cast = functools.partial(ops.cast, dtype=self.compute_dtype)
        of_coverage = cast(self.coverage_vector) if self.coverage else None
        return _AdditiveWeights(cast(self._query_kernel()), cast(self.vector)[:, 0], of_coverage)

    def step(self, query, keys, coverage=None, weights=None):
        weights = self.compute_weights() if weights is None else weights
        projected = ops.expand_dims(affine(query, weights.query_kernel), 2)  # (B, T, 1, A)
        keys = ops.expand_dims(keys, 1)  # (B, 1, S, A)
        if not self.coverage:
            return additive_energy(projected, keys, weights.vector)
        coverage = ops.cast(coverage, self.compute_dtype)
        return covered_additive_energy(
            projected, keys, weights.vector, coverage, weights.coverage_vector
        )

    def get_config(self):
        return {**super().get_config(), "units": self.units, "coverage": self.coverage}


@keras.saving.register_keras_serializable(package="nmtcli")
class AdditiveScore(_Additive):
    """Bahdanau's additive score, with optional coverage.

        e[b, t, s] = v . tanh(W q[b, t] + U h[b, s] + a)

    With coverage c[b, t, s], the sum of the earlier weights of s, the tanh also adds w c[b, t, s].

    The gradient computes the hyperbolic tangent again and does not store it: otherwise a decoder
    loop would store a (B, S, A) array for every target position.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, section 3.1 and A.1.2 (without bias a);
    See et al. (2017), arXiv:1704.04368, section 2.3, equation 11 (coverage).

    Args:
        units: A, the size of the alignment space; positive.
        coverage: whether the score uses the coverage.

    Raises:
        ValueError: `units` is not positive.
    """

    def build(self, query_shape, memory_shape):
        self.query_kernel = self.add_weight(
            name="query_kernel", shape=(query_shape[-1], self.units), initializer="glorot_uniform"
        )
        self.memory_kernel = self.add_weight(
            name="memory_kernel", shape=(memory_shape[-1], self.units), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self._add_vectors()
        self.built = True

    def project(self, memory):
        """Compute U h + a for all source positions: (B, S, M) -> (B, S, A)."""
        return affine(memory, self.memory_kernel, self.bias)

    def _query_kernel(self):
        return self.query_kernel


@keras.saving.register_keras_serializable(package="nmtcli")
class ConcatScore(_Additive):
    """Luong's concat score: one matrix multiplies query and memory side by side.

        e[b, t, s] = v . tanh(W [q[b, t]; h[b, s]])

    W is split into the columns of the query and the columns of the memory; the product with the
    memory is computed once. Coverage and gradient work as in `AdditiveScore`.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (concat; the tanh and v are
    from the published version).

    Args:
        units: A, the size of the alignment space; positive.
        coverage: whether the score uses the coverage.

    Raises:
        ValueError: `units` is not positive.
    """

    def build(self, query_shape, memory_shape):
        self.query_size = query_shape[-1]
        rows = query_shape[-1] + memory_shape[-1]
        self.kernel = self.add_weight(
            name="kernel", shape=(rows, self.units), initializer="glorot_uniform"
        )
        self._add_vectors()
        self.built = True

    def project(self, memory):
        """Compute the memory's part of W [q; h]: (B, S, M) -> (B, S, A)."""
        return affine(memory, self.kernel[self.query_size :])

    def _query_kernel(self):
        return self.kernel[: self.query_size]


@keras.saving.register_keras_serializable(package="nmtcli")
class DotScore(Score):
    """Luong's dot score: the dot product of query and memory.

        e[b, t, s] = q[b, t] . h[b, s]          (scaled: divided by sqrt(Q))

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (dot);
    Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1, equation 1 (scaled).

    Args:
        scaled: whether the product is divided by the square root of the size, so that the softmax
            does not saturate for large vectors.

    Raises:
        ValueError: queries and memory differ in size (`general` has a learnt matrix between them).
    """

    def __init__(self, scaled=False, **kwargs):
        super().__init__(**kwargs)
        self.scaled = scaled

    def build(self, query_shape, memory_shape):
        if query_shape[-1] != memory_shape[-1]:
            raise ValueError(
                "The dot score needs queries and memory of one size. Received: "
                f"query size {query_shape[-1]}, memory size {memory_shape[-1]}"
            )
        self.built = True

    def step(self, query, keys, coverage=None, weights=None):
        scores = _products(query, keys)
        return scores * float(keys.shape[-1]) ** -0.5 if self.scaled else scores

    def get_config(self):
        return {**super().get_config(), "scaled": self.scaled}


@keras.saving.register_keras_serializable(package="nmtcli")
class GeneralScore(Score):
    """Luong's general score: the dot product through a learnt matrix.

        e[b, t, s] = q[b, t] . (W h[b, s])

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (general).
    """

    def build(self, query_shape, memory_shape):
        # This is the transpose of the paper's matrix, because it multiplies rows here.
        self.kernel = self.add_weight(
            name="kernel", shape=(memory_shape[-1], query_shape[-1]), initializer="glorot_uniform"
        )
        self.built = True

    def project(self, memory):
        """Compute W h for all source positions: (B, S, M) -> (B, S, Q)."""
        return affine(memory, self.kernel)

    def step(self, query, keys, coverage=None, weights=None):
        return _products(query, keys)


@keras.saving.register_keras_serializable(package="nmtcli")
class LocationScore(Score):
    """Luong's location score: it depends on the query and the position, not on the memory.

        e[b, t, s] = (W q[b, t])[s]

    Short sentences use the first rows of W; attention cannot reach source positions from P on.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1, equation 8 (location).

    Args:
        positions: P, the number of source positions that have a row; positive.

    Raises:
        ValueError: `positions` is not positive.
    """

    def __init__(self, positions, **kwargs):
        super().__init__(**kwargs)
        if positions < 1:
            raise ValueError(f"positions must be positive. Received: positions={positions}")
        self.positions = positions

    def build(self, query_shape, memory_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(query_shape[-1], self.positions), initializer="glorot_uniform"
        )
        self.built = True

    def project(self, memory):
        """Keep only the length of the memory: (B, S, 1)."""
        return memory[:, :, :1]

    def compute_weights(self):
        return ops.cast(self.kernel, self.compute_dtype)

    def step(self, query, keys, coverage=None, weights=None):
        kernel = self.compute_weights() if weights is None else weights
        source = ops.arange(ops.shape(keys)[1], dtype="int32")
        row = ops.minimum(source, self.positions - 1)
        scores = ops.matmul(query, ops.take(kernel, row, axis=1))  # (B, T, S)
        return ops.where(source < self.positions, ops.cast(scores, "float32"), NOTHING)

    def get_config(self):
        return {**super().get_config(), "positions": self.positions}


def make_score(kind, units=256, positions=256, coverage=False, **kwargs):
    """Make the score function for a name in `nmtcli.config.attention.SCORES`."""
    if kind == "additive":
        return AdditiveScore(units, coverage, **kwargs)
    if kind == "concat":
        return ConcatScore(units, coverage, **kwargs)
    if kind in ("dot", "scaled-dot"):
        return DotScore(scaled=kind == "scaled-dot", **kwargs)
    if kind == "general":
        return GeneralScore(**kwargs)
    if kind == "location":
        return LocationScore(positions, **kwargs)
    raise ValueError(f"there is no score of this name. Received: {kind!r}")


def _products(query, keys):
    """Compute q . k: (B, T, A), (B, S, A) -> float32 (B, T, S)."""
    return ops.cast(ops.matmul(query, ops.transpose(keys, (0, 2, 1))), "float32")


# -- the additive energy, sum over A of v * tanh(...), with its gradient written out ---------------
#
# The (B, T, S, A) tanh is computed twice and never stored: otherwise a decoder loop would store
# a (B, S, A) array for every target position.


def additive_energy(query, keys, vector):
    """Sum vector * tanh(query + keys) over A: (B, T, 1, A), (B, 1, S, A), (A,) -> (B, T, S)."""

    @ops.custom_gradient
    def energy(query, keys, vector):
        scores = _weighted_sum(ops.tanh(query + keys), vector)

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream  # (B, T, S)
            inner, of_vector = _back(ops.tanh(query + keys), vector, upstream)
            return _of_query(inner), _of_keys(inner), of_vector

        return scores, gradient

    return energy(query, keys, vector)


def covered_additive_energy(query, keys, vector, coverage, slope):
    """Compute `additive_energy` with coverage (B, T, S) * slope (A,) inside the tanh."""

    def activation(query, keys, coverage, slope):
        return ops.tanh(query + keys + coverage[..., None] * slope)

    @ops.custom_gradient
    def energy(query, keys, vector, coverage, slope):
        scores = _weighted_sum(activation(query, keys, coverage, slope), vector)

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream  # (B, T, S)
            again = activation(query, keys, coverage, slope)
            inner, of_vector = _back(again, vector, upstream)
            of_coverage = affine(inner, slope[:, None])[..., 0]
            of_slope = _row_times_rows(coverage, inner)
            return _of_query(inner), _of_keys(inner), of_vector, of_coverage, of_slope

        return scores, gradient

    return energy(query, keys, vector, coverage, slope)


def _weighted_sum(activation, vector):
    return ops.cast(affine(activation, vector[:, None])[..., 0], "float32")


def _back(activation, vector, upstream):
    """Return the gradients with respect to the tanh's argument, (B, T, S, A), and vector, (A,)."""
    upstream = ops.cast(upstream, activation.dtype)
    inner = upstream[..., None] * (vector * (1 - activation * activation))
    return inner, _row_times_rows(upstream, activation)


def _row_times_rows(row, rows):
    """Sum row (B, T, S) * rows (B, T, S, A) over B, T and S in one product: (A,)."""
    size = ops.shape(rows)[-1]
    return ops.matmul(ops.reshape(row, (1, -1)), ops.reshape(rows, (-1, size)))[0]


def _of_query(inner):
    return ops.sum(inner, axis=2, keepdims=True)


def _of_keys(inner):
    return ops.sum(inner, axis=1, keepdims=True)
