"""R-Drop: two passes with different dropout shall predict the same.

Letters: B batch, T target, N positions (B times T), V vocabulary. The second pass is the second
half of the rows.
"""

from keras import ops

from nmtcli.training.loss import first_upstream, log_total_of, without_targets


def paired_cross_entropy(logits, targets, weights, smoothing, alpha):
    """Smoothed cross-entropy of both passes, and the divergence between them.

        loss = sum over both passes p, q of the smoothed cross-entropy
               + alpha * sum over n of w(n) * (KL(p(n) || q(n)) + KL(q(n) || p(n))) / 2

    The gradient is written out, as in `smoothed_cross_entropy`, so that one softmax serves all
    three terms: with d = log p - log q, that of the divergence by the logits of p is
    (p * (d - KL(p || q)) + p - q) / 2.

    Reference: Liang et al. (2021), arXiv:2106.14448, section 2.1, equations 1 to 4.

    Args:
        logits: (2 B, T, V), any float type; computed with in float32.
        targets: (2 B, T), int; the second half is the first one.
        weights: (2 B, T), float32; w, the same in both halves, 0 at padding.
        smoothing: of the labels.
        alpha: weight of the divergence.

    Returns:
        loss and nll, as `smoothed_cross_entropy`, summed over both passes.
    """
    size = logits.shape[-1]
    flat = ops.reshape(logits, (-1, size))
    loss, nll = _flat(
        flat, ops.reshape(targets, (-1,)), ops.reshape(weights, (-1,)), smoothing, alpha
    )
    return loss, ops.stop_gradient(nll)


def _flat(logits, targets, weights, smoothing, alpha):
    half = ops.shape(targets)[0] // 2

    @ops.custom_gradient
    def cross_entropy(z):
        precise = ops.cast(z, "float32")
        probabilities = ops.softmax(precise)  # (2 N, V)
        log_total = log_total_of(precise, probabilities)
        p, q = probabilities[:half], probabilities[half:]
        apart = precise[:half] - precise[half:]
        apart = apart - (log_total[:half] - log_total[half:])[:, None]  # log p - log q
        forth, back = ops.sum(p * apart, axis=-1), -ops.sum(q * apart, axis=-1)
        nll = log_total - ops.take_along_axis(precise, targets[:, None], axis=-1)[:, 0]
        uniform = log_total - ops.mean(precise, axis=-1)
        smoothed = (1.0 - smoothing) * nll + smoothing * uniform
        divergence = 0.5 * alpha * ops.sum(weights[:half] * (forth + back))

        def gradient(*args, upstream=None):
            scale = first_upstream(args if upstream is None else upstream) * weights
            pull = 0.5 * alpha * scale[:half, None]
            by_p = pull * (p * (apart - forth[:, None]) + p - q)
            by_q = pull * (q * (-apart - back[:, None]) + q - p)
            dense = ops.concatenate([by_p, by_q], axis=0)
            dense = dense + (probabilities - smoothing / logits.shape[-1]) * scale[:, None]
            return without_targets(ops.cast(dense, z.dtype), targets, (1.0 - smoothing) * scale)

        return (ops.sum(weights * smoothed) + divergence, ops.sum(weights * nll)), gradient

    return cross_entropy(logits)
