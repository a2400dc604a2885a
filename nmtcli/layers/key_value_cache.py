"""The key-value cache of self-attention, which the W hypotheses of a sentence share.

When a beam search reorders its hypotheses, the cached keys and values are not moved. Each target
position of each hypothesis has its own place in the sentence's cache, and a mask, bool (B, W, L),
says which places belong to the history of a hypothesis.

A cache grows with every step, or it has a fixed capacity and `length` counts the used places.

Letters: B sentences, W hypotheses of each, L places of the cache, H heads, P head size.
"""

from keras import ops


def reorder(x, origins):
    """Reorder (B, V, ...) to (B, W, ...): hypothesis w continues hypothesis origins[b, w]."""
    batch, width = ops.shape(origins)
    before, *rest = ops.shape(x)[1:]
    first = ops.arange(batch, dtype="int32")[:, None] * before
    rows = ops.reshape(first + ops.cast(origins, "int32"), (-1,))
    taken = ops.take(ops.reshape(x, (-1, *rest)), rows, axis=0)
    return ops.reshape(taken, (batch, width, *rest))


def grow(x):
    """Double the capacity of a cache, (B, H, L, P), or of its mask, (B, W, L)."""
    return ops.concatenate([x, ops.zeros_like(x)], axis=2)


def append_to_mask(cache_mask, width, length=None):
    """Add one place for each hypothesis; only that hypothesis sees it.

    Args:
        cache_mask: bool, (B, W, L).
        width: W.
        length: int32, (B,): how many of the L places are used; at least W more are free. None if
            the cache grows with every step.

    Returns:
        bool, (B, W, L), or (B, W, L + W) if the cache grows.
    """
    own = ops.arange(width, dtype="int32")
    if length is None:
        new = ops.equal(own[:, None], own)[None]
        new = ops.broadcast_to(new, (ops.shape(cache_mask)[0], width, width))
        return ops.concatenate([cache_mask, new], axis=2)
    return ops.logical_or(cache_mask, ops.equal(_places(cache_mask, length), own[:, None]))


def append(cache, new, length=None):
    """Append the keys or values of a step to the cache.

    Args:
        cache: (B, H, L, P).
        new: (B, H, W, P).
        length: see `append_to_mask`.

    Returns:
        (B, H, L, P), or (B, H, L + W, P) if the cache grows.
    """
    if length is None:
        return ops.concatenate([cache, new], axis=2)
    own = ops.arange(ops.shape(new)[2], dtype="int32")
    place = ops.equal(_places(cache, length), own[:, None])[:, None]  # (B, 1, W, L)
    spread = ops.matmul(ops.transpose(ops.cast(place, new.dtype), (0, 1, 3, 2)), new)
    return ops.where(ops.any(place, axis=2)[..., None], spread, cache)


def _places(cache, length):
    """Number the L places from the first free one: (B, 1, L)."""
    return (ops.arange(ops.shape(cache)[2], dtype="int32") - length[:, None])[:, None]
