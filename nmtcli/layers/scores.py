"""Score functions (alignment models): how well each source position fits a query.

Each is a layer with the same two steps, so that what depends on the source alone is computed once
for a sentence and not once for a target step:

    keys = score.project(memory)                # (B, S, M) -> (B, S, A)
    weights = score.compute_weights()           # once before a loop over target positions
    scores = score.step(query, keys, weights=weights)     # (B, T, Q), (B, S, A) -> (B, T, S)

Letters: B batch, T queries (1 when decoding), S source, Q query size, M memory size, A alignment.
Scores are float32, before the softmax; the products under them are of the compute type.
"""

import functools
from typing import Any, NamedTuple

import keras
from keras import ops

from nmtcli.layers.dense import affine

NOTHING = -1e30  # the score of a position that may not be attended to


class Score(keras.layers.Layer):
    """The base of the scores.

    A score has `build` and `step`; `project` where the keys are not the memory itself; and
    `compute_weights` where it has weights.

    Call arguments:
        query: decoder states, (B, T, Q).
        keys: `project(memory)`, (B, S, A).
        coverage: float32, (B, T, S), for scores made with coverage.

    Returns:
        scores before the softmax, float32, (B, T, S).
    """

    def project(self, memory):
        """What the score needs of each source position: (B, S, M) -> (B, S, A)."""
        return memory

    def compute_weights(self):
        """What `step` reads, in the compute type. A loop reads it once before its first turn:
        TensorFlow would else cast the weights in every turn."""

    def step(self, query, keys, coverage=None, weights=None):
        """As a call, with the weights of `compute_weights`; None reads them here."""

    def call(self, query, keys, coverage=None):
        return self.step(query, keys, coverage)


class _AdditiveWeights(NamedTuple):
    """The query's kernel (Q, A), and vectors (A,), of which the coverage's may be None."""

    query_kernel: Any
    vector: Any
    coverage_vector: Any


class _Additive(Score):
    """The base of the additive and the concat score, v . tanh(W q + U h), whose kernels differ."""

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
        """The matrix that multiplies the query, (Q, A)."""

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
    """Bahdanau's alignment model: how well source position s fits the query.

        e[b, t, s] = v . tanh(W q[b, t] + U h[b, s] + a)

    and with coverage c[b, t, s], the sum of earlier weights of s, plus w c[b, t, s] in the tanh.

    The gradient computes the hyperbolic tangent again instead of keeping it: a decoder loop would
    else store a (B, S, A) array for every target position.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, section 3.1 and A.1.2 (the bias a is ours);
    See et al. (2017), arXiv:1704.04368, section 2.3, equation 11 (coverage).

    Args:
        units: A, size of the alignment space; positive.
        coverage: whether the score sees the coverage.

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
        """U h + a for all source positions: (B, S, M) -> (B, S, A)."""
        return affine(memory, self.memory_kernel, self.bias)

    def _query_kernel(self):
        return self.query_kernel


@keras.saving.register_keras_serializable(package="nmtcli")
class ConcatScore(_Additive):
    """Luong's third score: one matrix reads query and memory side by side.

        e[b, t, s] = v . tanh(W [q[b, t]; h[b, s]])

    W is cut into the columns of the query and those of the memory, whose product is computed once.
    Coverage and the gradient are as in `AdditiveScore`.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (concat; the tanh and v are
    those of its published version).

    Args:
        units: A, size of the alignment space; positive.
        coverage: whether the score sees the coverage.

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
        """The memory's share of W [q; h]: (B, S, M) -> (B, S, A)."""
        return affine(memory, self.kernel[self.query_size :])

    def _query_kernel(self):
        return self.kernel[: self.query_size]


@keras.saving.register_keras_serializable(package="nmtcli")
class DotScore(Score):
    """Luong's simplest score: the query and the memory share one space.

        e[b, t, s] = q[b, t] . h[b, s]          (scaled: divided by sqrt(Q))

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (dot);
    Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1, equation 1 (scaled).

    Args:
        scaled: whether the product is divided by the square root of the size, which keeps the
            softmax of large vectors from saturating.

    Raises:
        ValueError: queries and memory differ in size (a learnt matrix between them is `general`).
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
    """Luong's second score: a learnt matrix between the query's space and the memory's.

        e[b, t, s] = q[b, t] . (W h[b, s])

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (general).
    """

    def build(self, query_shape, memory_shape):
        # The transpose of the paper's matrix: what it maps are rows here.
        self.kernel = self.add_weight(
            name="kernel", shape=(memory_shape[-1], query_shape[-1]), initializer="glorot_uniform"
        )
        self.built = True

    def project(self, memory):
        """W h for all source positions: (B, S, M) -> (B, S, Q)."""
        return affine(memory, self.kernel)

    def step(self, query, keys, coverage=None, weights=None):
        return _products(query, keys)


@keras.saving.register_keras_serializable(package="nmtcli")
class LocationScore(Score):
    """Luong's first model: the query alone says where to look, whatever stands there.

        e[b, t, s] = (W q[b, t])[s]

    Short sentences use the first rows of W; source positions from P on cannot be attended to.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1, equation 8 (location).

    Args:
        positions: P, how many source positions have a row; positive.

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
        """Nothing of the memory but its length: (B, S, 1)."""
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
    """The score function of a name in `mechanisms.SCORES`."""
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
    """q . k, (B, T, A), (B, S, A) -> float32 (B, T, S)."""
    return ops.cast(ops.matmul(query, ops.transpose(keys, (0, 2, 1))), "float32")


# -- the additive energy, sum over A of v * tanh(...), with its gradient written out ---------------
#
# The (B, T, S, A) tanh is computed twice and never kept: a decoder loop would else store a
# (B, S, A) array for every target position.


def additive_energy(query, keys, vector):
    """sum over A of vector * tanh(query + keys): (B, T, 1, A), (B, 1, S, A), (A,) -> (B, T, S)."""

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
    """`additive_energy` of tanh(query + keys + coverage * slope); also (B, T, S) and (A,)."""

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
    """Gradients by what is inside the tanh, (B, T, S, A), and by the vector, (A,)."""
    upstream = ops.cast(upstream, activation.dtype)
    inner = upstream[..., None] * (vector * (1 - activation * activation))
    return inner, _row_times_rows(upstream, activation)


def _row_times_rows(row, rows):
    """sum over B, T, S of row (B, T, S) * rows (B, T, S, A): (A,), as one product."""
    size = ops.shape(rows)[-1]
    return ops.matmul(ops.reshape(row, (1, -1)), ops.reshape(rows, (-1, size)))[0]


def _of_query(inner):
    return ops.sum(inner, axis=2, keepdims=True)


def _of_keys(inner):
    return ops.sum(inner, axis=1, keepdims=True)
