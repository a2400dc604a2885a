"""Guided alignment: attention is drawn to word alignments that something else has found."""

from keras import ops

SMALLEST = 1e-9  # under it a weight counts as this, and is not drawn up any more


def guided_alignment_loss(attention, alignment, weights):
    """Cross-entropy between given alignments and attention, summed over target positions.

        loss = - sum over b, t of w[b, t] * sum over s of g[b, t, s] log a[b, t, s]

    Divided by the number of real target positions this is the papers' loss, of which a target
    piece without a link has no part.

    Reference: Chen et al. (2016), arXiv:1607.01628;
    Garg et al. (2019), arXiv:1909.02074.

    Args:
        attention: a, float32, (B, T, S).
        alignment: g, float32, (B, T, S); a row sums to one, or is zero for a piece without links.
        weights: (B, T), float32; 1 at real tokens and 0 at padding.

    Returns:
        float32 scalar.
    """
    logs = ops.log(ops.maximum(attention, SMALLEST))
    return -ops.sum(weights * ops.sum(alignment * logs, axis=-1))
