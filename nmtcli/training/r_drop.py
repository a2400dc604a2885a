"""R-Drop: two passes with different dropout shall predict the same.

Letters: B batch, T target, N positions (B times T), R readout, V vocabulary. The second pass is the
second half of the rows.
"""

from keras import ops

from nmtcli.training.losses import Scored, less_labels, look_at_targets, through_output_layer


def paired_cross_entropy(hidden, kernel, bias, targets, weights, smoothing, alpha):
    """Smoothed cross-entropy of both passes, and the divergence between them.

        loss = sum over both passes p, q of the smoothed cross-entropy
               + alpha * sum over n of w(n) * (KL(p(n) || q(n)) + KL(q(n) || p(n))) / 2

    With d = log p - log q, the gradient of the divergence by the logits of p is
    (p * (d - KL(p || q)) + p - q) / 2.

    Reference: Liang et al. (2021), arXiv:2106.14448, section 2.1, equations 1 to 4.

    Args:
        hidden: (2 B, T, R), of any float type, which is that of the products.
        kernel: (R, V). bias: (V,).
        targets: (2 B, T), int; the second half is the first one.
        weights: (2 B, T), float32; w, the same in both halves, 0 at padding.
        smoothing: of the labels.
        alpha: weight of the divergence.

    Returns:
        loss and nll, as `smoothed_cross_entropy`, summed over both passes.
    """
    pull = 0.5 * alpha

    def score(z, targets, weights):
        half = ops.shape(targets)[0] // 2
        precise = ops.cast(z, "float32")
        probabilities = ops.softmax(precise)  # (2 N, V)
        at_target, nll = look_at_targets(precise, probabilities, targets)
        log_total = nll + at_target
        p, q = probabilities[:half], probabilities[half:]
        apart = precise[:half] - precise[half:]
        apart = apart - (log_total[:half] - log_total[half:])[:, None]  # log p - log q
        forth, back = ops.sum(p * apart, axis=-1), -ops.sum(q * apart, axis=-1)
        apart = pull * apart
        by_p = p * (apart + (1.0 + pull * (1.0 - forth))[:, None]) - pull * q
        by_q = q * ((1.0 + pull * (1.0 - back))[:, None] - apart) - pull * p
        dense = ops.cast(ops.concatenate([by_p, by_q], axis=0), z.dtype)
        divergence = pull * ops.sum(weights[:half] * (forth + back))
        return Scored(at_target, nll, less_labels(dense, targets, smoothing), divergence)

    return through_output_layer(score, hidden, kernel, bias, targets, weights, smoothing)
