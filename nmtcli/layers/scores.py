"""Score functions (alignment models): they measure how well each source position fits a query.

A call compares queries with keys. A decoder calls its steps instead, so that what depends only on
the source is computed once for a sentence, not at every target step:

    projected = score.project(key)              # (B, S, K) -> (B, S, A)
    weights = score.compute_weights()           # once before a loop over target positions
    scores = score.step(query, projected, weights=weights)     # (B, T, Q) -> (B, T, S)

Letters: B batch, T queries (1 when decoding), S source, Q query size, K key size, A alignment.
Scores are float32 values before the softmax; their products are computed in the compute type.
"""

import functools
from typing import Any, NamedTuple

import keras
from keras import ops

from nmtcli.layers.additive_energy import additive_energy, covered_additive_energy
from nmtcli.layers.base import KernelLayer
from nmtcli.layers.checks import check_choice, check_float, check_positive, check_shapes
from nmtcli.layers.dense import affine

SCORES = ("additive", "dot", "scaled-dot", "general", "concat", "location")
NOTHING = -1e30  # the score of a masked position


class Score(KernelLayer):
    """The base class of the score functions.

    A score defines `build_for` and `step`. It defines `project` if the keys have a projection, and
    `compute_weights` if it has weights.

    Call arguments:
        query: decoder states, (B, T, Q).
        key: encoder states, (B, S, K).
        coverage: float32, (B, T, S), for scores with coverage.

    Returns:
        scores before the softmax, float32, (B, T, S). Masks do not change them.
    """

    coverage = False

    def build(self, query_shape, key_shape):
        check_shapes(self, query=query_shape, key=key_shape)
        self.build_for(query_shape[-1], key_shape[-1])

    def build_for(self, query_size, key_size):
        """Add the weights for queries and keys of these sizes."""

    def project(self, key):
        """Project the key of each source position: (B, S, K) -> (B, S, A)."""
        return key

    def compute_weights(self):
        """Return the weights for `step` in the compute type. Call it once before a loop:
        TensorFlow would otherwise cast the weights in every turn."""

    def step(self, query, projected, coverage=None, weights=None):
        """Compute the scores from the result of `project`; `weights` of `compute_weights`, None
        computes them here."""

    def call(self, query, key, coverage=None):
        check_float(self, query=query, key=key)
        if self.coverage and coverage is None:
            raise ValueError(
                "A score with coverage needs `coverage`, the sum of the earlier weights, float32"
                " (batch, queries, source). Received: coverage=None"
            )
        return self.step(query, self.project(key), coverage)


class _AdditiveWeights(NamedTuple):
    """The query's kernel (Q, A) and the vectors (A,); the vector of the coverage may be None."""

    query_kernel: Any
    vector: Any
    coverage_vector: Any


class _Additive(Score):
    """The base class of the additive and the concat score, v . tanh(W q + U h)."""

    def __init__(self, units, coverage=False, **kwargs):
        super().__init__(**kwargs)
        check_positive(units=units)
        self.units, self.coverage = units, coverage

    def _add_vectors(self):
        self.vector = self.add_kernel("vector", (self.units, 1))
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

    def step(self, query, projected, coverage=None, weights=None):
        weights = self.compute_weights() if weights is None else weights
        query = ops.expand_dims(affine(query, weights.query_kernel), 2)  # (B, T, 1, A)
        keys = ops.expand_dims(projected, 1)  # (B, 1, S, A)
        if not self.coverage:
            return additive_energy(query, keys, weights.vector)
        coverage = ops.cast(coverage, self.compute_dtype)
        return covered_additive_energy(
            query, keys, weights.vector, coverage, weights.coverage_vector
        )

    def get_config(self):
        return {**super().get_config(), "units": self.units, "coverage": self.coverage}


@keras.saving.register_keras_serializable(package="nmtcli")
class AdditiveScore(_Additive):
    """Bahdanau's additive score, with optional coverage.

        e[b, t, s] = v . tanh(W q[b, t] + U h[b, s] + a)          with h the key

    With coverage c[b, t, s], the sum of the earlier weights of s, the tanh also adds w c[b, t, s].

    The gradient computes the hyperbolic tangent again and does not store it: otherwise a decoder
    loop would store a (B, S, A) array for every target position.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, section 3.1 and A.1.2 (without bias a);
    See et al. (2017), arXiv:1704.04368, section 2.3, equation 11 (coverage).

    Args:
        units: A, the size of the alignment space; positive.
        coverage: whether the score uses the coverage.
        **kwargs: the arguments of `KernelLayer`.

    For arguments and results of a call see `Score`.

    Raises:
        ValueError: `units` is not positive.

    Example:
        >>> import numpy as np
        >>> tuple(AdditiveScore(units=16)(np.ones((2, 3, 8)), np.ones((2, 5, 6))).shape)
        (2, 3, 5)
    """

    def build_for(self, query_size, key_size):
        self.query_kernel = self.add_kernel("query_kernel", (query_size, self.units))
        self.memory_kernel = self.add_kernel("memory_kernel", (key_size, self.units))
        self.bias = self.add_bias("bias", self.units)
        self._add_vectors()

    def project(self, key):
        """Compute U h + a for all source positions: (B, S, K) -> (B, S, A)."""
        return affine(key, self.memory_kernel, self.bias)

    def _query_kernel(self):
        return self.query_kernel


@keras.saving.register_keras_serializable(package="nmtcli")
class ConcatScore(_Additive):
    """Luong's concat score: one matrix multiplies query and key side by side.

        e[b, t, s] = v . tanh(W [q[b, t]; h[b, s]])

    W is split into the columns of the query and the columns of the key; the product with the key
    is computed once. Coverage and gradient work as in `AdditiveScore`.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (concat; the tanh and v are
    from the published version).

    Args:
        units: A, the size of the alignment space; positive.
        coverage: whether the score uses the coverage.
        **kwargs: the arguments of `KernelLayer`.

    For arguments and results of a call see `Score`.

    Raises:
        ValueError: `units` is not positive.

    Example:
        >>> import numpy as np
        >>> tuple(ConcatScore(units=16)(np.ones((2, 3, 8)), np.ones((2, 5, 6))).shape)
        (2, 3, 5)
    """

    def build_for(self, query_size, key_size):
        self.query_size = query_size
        self.kernel = self.add_kernel("kernel", (query_size + key_size, self.units))
        self._add_vectors()

    def project(self, key):
        """Compute the key's part of W [q; h]: (B, S, K) -> (B, S, A)."""
        return affine(key, self.kernel[self.query_size :])

    def _query_kernel(self):
        return self.kernel[: self.query_size]


@keras.saving.register_keras_serializable(package="nmtcli")
class DotScore(Score):
    """Luong's dot score: the dot product of query and key.

        e[b, t, s] = q[b, t] . h[b, s]          (scaled: divided by sqrt(Q))

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (dot);
    Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1, equation 1 (scaled).

    Args:
        scaled: whether the product is divided by the square root of the size, so that the softmax
            does not saturate for large vectors.
        **kwargs: the arguments of `KernelLayer`.

    For arguments and results of a call see `Score`.

    Raises:
        ValueError: queries and keys differ in size (`general` has a learnt matrix between them).

    Example:
        >>> import numpy as np
        >>> tuple(DotScore()(np.ones((2, 3, 8)), np.ones((2, 5, 8))).shape)
        (2, 3, 5)
    """

    def __init__(self, scaled=False, **kwargs):
        super().__init__(**kwargs)
        self.scaled = scaled

    def build_for(self, query_size, key_size):
        if query_size != key_size:
            raise ValueError(
                "The dot score needs queries and keys of one size. Received: "
                f"query size {query_size}, key size {key_size}"
            )

    def step(self, query, projected, coverage=None, weights=None):
        scores = _products(query, projected)
        return scores * float(projected.shape[-1]) ** -0.5 if self.scaled else scores

    def get_config(self):
        return {**super().get_config(), "scaled": self.scaled}


@keras.saving.register_keras_serializable(package="nmtcli")
class GeneralScore(Score):
    """Luong's general score: the dot product through a learnt matrix.

        e[b, t, s] = q[b, t] . (W h[b, s])

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1 (general).

    Args:
        **kwargs: the arguments of `KernelLayer`.

    For arguments and results of a call see `Score`.

    Example:
        >>> import numpy as np
        >>> tuple(GeneralScore()(np.ones((2, 3, 8)), np.ones((2, 5, 6))).shape)
        (2, 3, 5)
    """

    def build_for(self, query_size, key_size):
        # This is the transpose of the paper's matrix, because it multiplies rows here.
        self.kernel = self.add_kernel("kernel", (key_size, query_size))

    def project(self, key):
        """Compute W h for all source positions: (B, S, K) -> (B, S, Q)."""
        return affine(key, self.kernel)

    def step(self, query, projected, coverage=None, weights=None):
        return _products(query, projected)


@keras.saving.register_keras_serializable(package="nmtcli")
class LocationScore(Score):
    """Luong's location score: it depends on the query and the position, not on the key.

        e[b, t, s] = (W q[b, t])[s]

    Short sentences use the first rows of W; attention cannot reach source positions from P on.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.1, equation 8 (location).

    Args:
        positions: P, the number of source positions that have a row; positive.
        **kwargs: the arguments of `KernelLayer`.

    For arguments and results of a call see `Score`.

    Raises:
        ValueError: `positions` is not positive.

    Example:
        >>> import numpy as np
        >>> tuple(LocationScore(positions=50)(np.ones((2, 3, 8)), np.ones((2, 5, 6))).shape)
        (2, 3, 5)
    """

    def __init__(self, positions, **kwargs):
        super().__init__(**kwargs)
        check_positive(positions=positions)
        self.positions = positions

    def build_for(self, query_size, key_size):
        self.kernel = self.add_kernel("kernel", (query_size, self.positions))

    def project(self, key):
        """Keep only the length of the source: (B, S, 1)."""
        return key[:, :, :1]

    def compute_weights(self):
        return ops.cast(self.kernel, self.compute_dtype)

    def step(self, query, projected, coverage=None, weights=None):
        kernel = self.compute_weights() if weights is None else weights
        source = ops.arange(ops.shape(projected)[1], dtype="int32")
        row = ops.minimum(source, self.positions - 1)
        scores = ops.matmul(query, ops.take(kernel, row, axis=1))  # (B, T, S)
        return ops.where(source < self.positions, ops.cast(scores, "float32"), NOTHING)

    def get_config(self):
        return {**super().get_config(), "positions": self.positions}


def make_score(kind, units=256, positions=256, coverage=False, **kwargs):
    """Make the score function of a name in `SCORES`."""
    check_choice("score", kind, SCORES)
    if coverage and kind not in ("additive", "concat"):
        raise ValueError(
            "`coverage` needs the score additive or concat, which add it inside a tanh. Received:"
            f" coverage={coverage}, score={kind!r}"
        )
    if kind == "additive":
        return AdditiveScore(units, coverage, **kwargs)
    if kind == "concat":
        return ConcatScore(units, coverage, **kwargs)
    if kind in ("dot", "scaled-dot"):
        return DotScore(scaled=kind == "scaled-dot", **kwargs)
    if kind == "general":
        return GeneralScore(**kwargs)
    return LocationScore(positions, **kwargs)


def _products(query, keys):
    """Compute q . k: (B, T, A), (B, S, A) -> float32 (B, T, S)."""
    return ops.cast(ops.matmul(query, ops.transpose(keys, (0, 2, 1))), "float32")
