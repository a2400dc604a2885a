"""Position encodings of a Transformer: added sinusoids, or rotations of queries and keys.

Letters: B batch, T positions, D model size, H heads, P head size (D / H).
"""

import keras
import numpy as np
from keras import ops

from nmtcli.layers.checks import check_float


@keras.saving.register_keras_serializable(package="nmtcli")
class PositionalEncoding(keras.layers.Layer):
    """Add the sinusoidal encoding of its position to each vector; see `sinusoids`.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.5.

    Call arguments:
        inputs: (B, T, D), D even.

    Returns:
        a tensor like the inputs.

    Raises:
        ValueError: D is odd.

    Example:
        >>> import numpy as np
        >>> np.array(PositionalEncoding()(np.zeros((1, 2, 4))))[0, 0].tolist()
        [0.0, 0.0, 1.0, 1.0]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) < 2 or input_shape[-1] is None or input_shape[-1] % 2:
            raise ValueError(
                "PositionalEncoding needs an even size, half for sines and half for cosines."
                f" Received: inputs of shape {tuple(input_shape)}"
            )

    def call(self, inputs):
        check_float(self, inputs=inputs)
        time = ops.arange(ops.shape(inputs)[-2], dtype="int32")
        return inputs + ops.cast(sinusoids(time, inputs.shape[-1]), inputs.dtype)


def sinusoids(positions, size):
    """Compute the sinusoidal encoding of positions.

        p[t, 2i] = sin(t / 10000^(2i / D)),  p[t, 2i + 1] = cos(t / 10000^(2i / D))

    The sines are in the first half and the cosines in the second: this is the paper's encoding with
    its columns in another order.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.5.

    Args:
        positions: counted from 0, int32, (T,) or (B, 1).
        size: D, even.

    Returns:
        float32, (T, D) or (B, 1, D).
    """
    angles = ops.cast(positions, "float32")[..., None] * _frequencies(size)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def rotate(x, positions):
    """Rotate queries or keys by their positions.

        for each pair (x[i], x[i + P/2]):  a = t / 10000^(2i / P)
        x'[i] = x[i] cos a - x[i + P/2] sin a,  x'[i + P/2] = x[i + P/2] cos a + x[i] sin a

    The product of a rotated query and a rotated key depends only on their distance.

    Reference: Su et al. (2021), arXiv:2104.09864, section 3.4.2; any pairing of units will do.

    Args:
        x: (B, H, T, P), P even.
        positions: counted from 0, int32, (T,) or (B, 1).

    Returns:
        a tensor like `x`.
    """
    size = x.shape[-1]
    angles = ops.cast(positions, "float32")[..., None] * _frequencies(size)  # (T, P/2) or (B, 1, .)
    if len(angles.shape) == 3:
        angles = angles[:, None]  # (B, 1, 1, P/2): the same for all heads
    sine, cosine = ops.sin(angles), ops.cos(angles)
    first = ops.cast(x[..., : size // 2], "float32")
    second = ops.cast(x[..., size // 2 :], "float32")
    rotated = [first * cosine - second * sine, second * cosine + first * sine]
    return ops.cast(ops.concatenate(rotated, axis=-1), x.dtype)


def _frequencies(size):
    """Compute 1 / 10000^(2i / size) for i below size / 2."""
    return (10000.0 ** (-np.arange(0, size, 2) / size)).astype("float32")
