"""Label-smoothed cross-entropy and the coverage loss, summed over real target tokens.

Letters: B batch, T target, S source, N positions (B times T), V vocabulary.
"""

from keras import ops


def smoothed_cross_entropy(logits, targets, weights, smoothing):
    """Cross-entropy against a target mixed with the uniform distribution, and the plain one.

        q(v) = (1 - e) [v = target] + e / V
        loss = sum over n of w(n) * (log sum over v of exp z(n, v) - sum over v of q(v) z(n, v))

    The gradient, softmax(z) - q, is written out: it needs the probabilities that the value has
    already computed, and so passes over the (N, V) array, the largest of a step, as rarely as
    can be.

    Reference: Szegedy et al. (2016), arXiv:1512.00567, section 7.

    Args:
        logits: (B, T, V), any float type; computed with in float32.
        targets: (B, T), int.
        weights: (B, T), float32; 1 at real tokens and 0 at padding.
        smoothing: e, at least 0 and under 1.

    Returns:
        loss: float32 scalar, the smoothed sum; only this one has a gradient.
        nll: float32 scalar, the sum of -log p(target), whose mean's exponential is the perplexity.
    """
    size = logits.shape[-1]
    flat = ops.reshape(logits, (-1, size))
    loss, nll = _flat_cross_entropy(
        flat, ops.reshape(targets, (-1,)), ops.reshape(weights, (-1,)), smoothing
    )
    return loss, ops.stop_gradient(nll)


def _flat_cross_entropy(logits, targets, weights, smoothing):
    size = logits.shape[-1]

    @ops.custom_gradient
    def cross_entropy(z):
        precise = ops.cast(z, "float32")
        probabilities = ops.softmax(precise)
        log_total = log_total_of(precise, probabilities)
        at_target = ops.take_along_axis(precise, targets[:, None], axis=-1)[:, 0]
        nll = log_total - at_target
        uniform = log_total - ops.mean(precise, axis=-1)
        smoothed = (1.0 - smoothing) * nll + smoothing * uniform

        def gradient(*args, upstream=None):
            scale = first_upstream(args if upstream is None else upstream) * weights
            dense = (probabilities - smoothing / size) * scale[:, None]
            return without_targets(ops.cast(dense, z.dtype), targets, (1.0 - smoothing) * scale)

        return (ops.sum(weights * smoothed), ops.sum(weights * nll)), gradient

    return cross_entropy(logits)


def log_total_of(logits, probabilities):
    """log sum exp of each row of (N, V) logits whose softmax is known: (N,).

    The largest probability is never tiny, so this is as exact as the usual way.
    """
    return ops.max(logits, axis=-1) - ops.log(ops.max(probabilities, axis=-1))


def without_targets(dense, targets, share):
    """(N, V) less `share` (N,) at each row's target, without a pass over the whole array."""
    rows = ops.arange(ops.shape(targets)[0], dtype="int32")
    places = ops.stack([rows, ops.cast(targets, "int32")], axis=-1)
    current = ops.take_along_axis(dense, targets[:, None], axis=-1)[:, 0]
    return ops.scatter_update(dense, places, current - ops.cast(share, dense.dtype))


def first_upstream(upstream):
    """The gradient of the first result: TensorFlow gives a list, JAX a tuple inside one."""
    while isinstance(upstream, (tuple, list)):
        upstream = upstream[0]
    return upstream


def coverage_loss(weights, real):
    """How much is attended to again, summed over real target tokens.

        c[b, t, s] = sum over t' < t of a[b, t', s]
        loss = sum over real (b, t) of sum over s of min(a[b, t, s], c[b, t, s])

    Reference: See et al. (2017), arXiv:1704.04368, section 2.3, equations 10 and 12.

    Args:
        weights: a, float32, (B, T, S).
        real: (B, T), float32; 1 at real tokens and 0 at padding.

    Returns:
        float32 scalar.
    """
    before = ops.cumsum(weights, axis=1) - weights
    repeated = ops.sum(ops.minimum(weights, before), axis=-1)  # (B, T)
    return ops.sum(repeated * real)
