"""sum over A of v * tanh(...), the heart of the additive scores, with its gradient written out.

So the (B, T, S, A) tanh is computed twice and never kept: a decoder loop would else store a
(B, S, A) array for every target position.

Letters: B batch, T queries, S source, A alignment.
"""

from keras import ops

from nmtcli.layers.dense import affine


def tanh_energy(query, keys, vector):
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


def covered_tanh_energy(query, keys, vector, coverage, slope):
    """As `tanh_energy`, of tanh(query + keys + coverage * slope): (B, T, S) and (A,) besides."""

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
