"""Score functions: how well each source position fits a query.

Each is a layer with the same two steps, so that what depends on the source alone is computed once
for a sentence and not once for a target step:

    keys = score.project(memory)             # (B, S, M) -> (B, S, A)
    scores = score.scorer()(query, keys)     # (B, T, Q), (B, S, A) -> (B, T, S)

Letters: B batch, T queries (1 when decoding), S source, Q query size, M memory size, A alignment.
Scores are float32, before the softmax; the products under them are of the compute type.
"""

import keras
from keras import ops

from nmtcli.layers.dense import affine
from nmtcli.layers.tanh_energy import covered_tanh_energy, tanh_energy

NOTHING = -1e30  # the score of a position that may not be attended to


class Score(keras.layers.Layer):
    """What the scores share.

    A score has `build` and `scorer`, which returns a function of the call arguments with the
    weights read once, for use inside loops; and `project` where the keys are not the memory itself.

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

    def call(self, query, keys, coverage=None):
        return self.scorer()(query, keys, coverage)


class _TanhScore(Score):
    """v . tanh(W q + U h), whose weights the additive and the concat score arrange in their way."""

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

    def _scorer(self, query_kernel):
        query_kernel = ops.cast(query_kernel, self.compute_dtype)
        vector = ops.cast(self.vector, self.compute_dtype)[:, 0]
        slope = ops.cast(self.coverage_vector, self.compute_dtype) if self.coverage else None

        def score(query, keys, coverage=None):
            projected = ops.expand_dims(affine(query, query_kernel), 2)  # (B, T, 1, A)
            if slope is None:
                return tanh_energy(projected, ops.expand_dims(keys, 1), vector)
            coverage = ops.cast(coverage, self.compute_dtype)
            return covered_tanh_energy(projected, ops.expand_dims(keys, 1), vector, coverage, slope)

        return score

    def get_config(self):
        return {**super().get_config(), "units": self.units, "coverage": self.coverage}


@keras.saving.register_keras_serializable(package="nmtcli")
class AdditiveScore(_TanhScore):
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

    def scorer(self):
        return self._scorer(self.query_kernel)


@keras.saving.register_keras_serializable(package="nmtcli")
class ConcatScore(_TanhScore):
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

    def scorer(self):
        return self._scorer(self.kernel[: self.query_size])


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

    def scorer(self):
        return _scaled_products if self.scaled else _products

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

    def scorer(self):
        return _products


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

    def scorer(self):
        kernel = ops.cast(self.kernel, self.compute_dtype)

        def score(query, keys, coverage=None):
            source = ops.arange(ops.shape(keys)[1], dtype="int32")
            row = ops.minimum(source, self.positions - 1)
            scores = ops.matmul(query, ops.take(kernel, row, axis=1))  # (B, T, S)
            return ops.where(source < self.positions, ops.cast(scores, "float32"), NOTHING)

        return score

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


def _products(query, keys, coverage=None):
    """q . k, (B, T, A), (B, S, A) -> float32 (B, T, S)."""
    return ops.cast(ops.matmul(query, ops.transpose(keys, (0, 2, 1))), "float32")


def _scaled_products(query, keys, coverage=None):
    return _products(query, keys) * float(keys.shape[-1]) ** -0.5
