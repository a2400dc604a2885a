"""The softmax under a mask, heads, and the weighted sum, which all attention layers share.

Letters: B batch, T queries, S source, M value size, A size of all heads, H heads, P head size.
"""

from keras import ops

from nmtcli.layers.scores import NOTHING


def split_heads(x, heads):
    """Split the last axis into heads: (B, T, A) -> (B, H, T, A/H)."""
    batch, time, size = ops.shape(x)
    x = ops.reshape(x, (batch, time, heads, size // heads))
    return ops.transpose(x, (0, 2, 1, 3))


def align_heads(queries, keys, mask):
    """Compute the weights of scaled dot-product attention in each head.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1, equation 1.

    Args:
        queries: (B, H, T, P); keys: (B, H, S, P).
        mask: bool; its shape broadcasts to (B, H, T, S). None: every position is real.

    Returns:
        weights, float32, (B, H, T, S).
    """
    size = queries.shape[-1]
    products = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))  # (B, H, T, S)
    return masked_softmax(ops.cast(products, "float32") * float(size) ** -0.5, mask)


def join_heads(x):
    """Put the heads side by side: (B, H, T, P) -> (B, T, H P)."""
    batch, heads, time, size = ops.shape(x)
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (batch, time, heads * size))


def masked_softmax(scores, mask):
    """Compute a softmax over the positions of the last axis that `mask` keeps.

    Args:
        scores: float32, (B, T, S), or with further axes.
        mask: bool, (B, S), or a shape that broadcasts to the scores; True = real position. None:
            every position is real.

    Returns:
        weights, float32, shaped like the scores. They sum to 1; a row without a real position is
        all zero.
    """
    if mask is None:
        return ops.softmax(scores)
    mask = mask[:, None, :] if len(mask.shape) == 2 else mask
    if scores.shape[-1] == 1:  # Keras would warn otherwise
        return ops.where(mask, ops.ones_like(scores), 0.0)
    return ops.where(mask, ops.softmax(ops.where(mask, scores, NOTHING)), 0.0)


def weighted_sum(weights, values):
    """Compute the context: (B, T, S), (B, S, M) -> (B, T, M) in the type of `values`."""
    return ops.matmul(ops.cast(weights, values.dtype), values)
