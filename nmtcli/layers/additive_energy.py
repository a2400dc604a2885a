"""The additive energy, sum over A of v * tanh(...), with its gradient written out.

The (B, T, S, A) tanh is computed twice and never stored: otherwise a decoder loop would store a
(B, S, A) array for every target position.

Letters: B batch, T queries, S source, A size of the alignment space.
"""

from keras import ops

from nmtcli.layers.dense import affine


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
