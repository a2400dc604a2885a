"""The hypotheses of a sentence that is decoded: W of them side by side, which share its source.

Letters: B sentences, W hypotheses of each, L slots.

What a hypothesis has read is not moved when hypotheses trade places. Each target position of each
hypothesis has a slot of the sentence's own, and a hypothesis knows which slots it descends from:
`seen`, bool, (B, W, L).
"""

from keras import ops


def follow(x, origins):
    """(B, V, ...) -> (B, W, ...): hypothesis w goes on from what origins[b, w] was; (B, W)."""
    batch, width = ops.shape(origins)
    before, *rest = ops.shape(x)[1:]
    first = ops.arange(batch, dtype="int32")[:, None] * before
    rows = ops.reshape(first + ops.cast(origins, "int32"), (-1,))
    taken = ops.take(ops.reshape(x, (-1, *rest)), rows, axis=0)
    return ops.reshape(taken, (batch, width, *rest))


def add_slots(seen, width, used=None):
    """`seen` with a slot more for each hypothesis, which it sees itself.

    Args:
        seen: bool, (B, W, L).
        width: W.
        used: int32, (B,): how many of the L slots are taken, where there is room for W more; None
            where the slots grow with every position.
    """
    own = ops.arange(width, dtype="int32")
    if used is None:
        new = ops.equal(own[:, None], own)[None]
        new = ops.broadcast_to(new, (ops.shape(seen)[0], width, width))
        return ops.concatenate([seen, new], axis=2)
    return ops.logical_or(seen, ops.equal(_places(seen, used), own[:, None]))


def fill_slots(slots, new, used=None):
    """Write what is new behind what is there.

    Args:
        slots: (B, H, L, P).
        new: (B, H, W, P).
        used: as of `add_slots`.
    """
    if used is None:
        return ops.concatenate([slots, new], axis=2)
    own = ops.arange(ops.shape(new)[2], dtype="int32")
    place = ops.equal(_places(slots, used), own[:, None])[:, None]  # (B, 1, W, L)
    spread = ops.matmul(ops.transpose(ops.cast(place, new.dtype), (0, 1, 3, 2)), new)
    return ops.where(ops.any(place, axis=2)[..., None], spread, slots)


def _places(slots, used):
    """The number of each of the L slots behind those that are taken: (B, 1, L)."""
    return (ops.arange(ops.shape(slots)[2], dtype="int32") - used[:, None])[:, None]
