"""The key-value cache of self-attention, shared by the W hypotheses of a sentence.

Keys and values of earlier target positions are not moved when a beam search reorders its
hypotheses. Each target position of each hypothesis has a place of its own in the sentence's cache,
and a mask says which places a hypothesis descends from: bool, (B, W, L).

A cache grows with every step, or it has a fixed capacity and `length` says how much of it is taken.

Letters: B sentences, W hypotheses of each, L places of the cache, H heads, P head size.
"""

from keras import ops


def reorder(x, origins):
    """(B, V, ...) -> (B, W, ...): hypothesis w goes on from what origins[b, w] was; (B, W)."""
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
    """Add a place for each hypothesis, which it sees itself.

    Args:
        cache_mask: bool, (B, W, L).
        width: W.
        length: int32, (B,): how many of the L places are taken, where W more are free; None where
            the cache grows with every step.

    Returns:
        bool, (B, W, L), or (B, W, L + W) where the cache grows.
    """
    own = ops.arange(width, dtype="int32")
    if length is None:
        new = ops.equal(own[:, None], own)[None]
        new = ops.broadcast_to(new, (ops.shape(cache_mask)[0], width, width))
        return ops.concatenate([cache_mask, new], axis=2)
    return ops.logical_or(cache_mask, ops.equal(_places(cache_mask, length), own[:, None]))


def append(cache, new, length=None):
    """Write the keys or values of a step behind those in the cache.

    Args:
        cache: (B, H, L, P).
        new: (B, H, W, P).
        length: as of `append_to_mask`.

    Returns:
        (B, H, L, P), or (B, H, L + W, P) where the cache grows.
    """
    if length is None:
        return ops.concatenate([cache, new], axis=2)
    own = ops.arange(ops.shape(new)[2], dtype="int32")
    place = ops.equal(_places(cache, length), own[:, None])[:, None]  # (B, 1, W, L)
    spread = ops.matmul(ops.transpose(ops.cast(place, new.dtype), (0, 1, 3, 2)), new)
    return ops.where(ops.any(place, axis=2)[..., None], spread, cache)


def _places(cache, length):
    """The number of each of the L places behind those that are taken: (B, 1, L)."""
    return (ops.arange(ops.shape(cache)[2], dtype="int32") - length[:, None])[:, None]
