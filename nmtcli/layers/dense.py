"""Affine maps over the last axis, computed as one flat matrix product."""

from keras import ops


def affine(x, kernel, bias=None):
    """Compute `x` (..., I) @ `kernel` (I, O) + `bias` (O,) -> (..., O), in the type of `x`.

    Leading axes are flattened first: one large matrix product is faster than a batched one.
    """
    kernel = ops.cast(kernel, x.dtype)
    shape = ops.shape(x)
    flat = ops.reshape(x, (-1, shape[-1])) if len(shape) != 2 else x
    y = ops.matmul(flat, kernel)
    if bias is not None:
        y = ops.add(y, ops.cast(bias, x.dtype))
    return ops.reshape(y, (*shape[:-1], kernel.shape[-1])) if len(shape) != 2 else y
