"""Local attention: the windows of source positions that a target position may see.

Letters: B batch, T queries, S source, Q query size, K key size, A units, D half width of a window.
A window holds the positions s, counted from 0, with |s - p| <= D; it ends where the sentence ends.
"""

import keras
from keras import ops

from nmtcli.layers.base import KernelLayer
from nmtcli.layers.checks import check_choice, check_float, check_mask, check_positive, check_shapes
from nmtcli.layers.dense import affine

SCOPES = ("global", "local-m", "local-p")


class Window(KernelLayer):
    """The base class of the windows.

    Args:
        width: D, positive.
        **kwargs: the arguments of `KernelLayer`.

    Call arguments:
        query: (B, T, Q).
        key: (B, S, K), of which only the length matters.
        query_mask: not used.
        key_mask: bool, (B, S), True = real position; None: all are real.
        positions: t, the target positions of the queries from 0, int32, (T,) or (B, T); None: 0 to
            T - 1.

    Returns:
        inside: bool, (B, T, S), True = a real position inside the window.
        scale: float32, (B, T, S), by which the softmax weights inside are multiplied.

    Raises:
        ValueError: `width` is not positive, or shapes do not fit.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        check_positive(width=width)
        self.width = width

    def build(self, query_shape, key_shape):
        check_shapes(self, query=query_shape, key=key_shape)
        self.build_for(query_shape[-1])

    def build_for(self, query_size):
        """Add the weights for queries of this size."""

    def call(self, query, key, query_mask=None, key_mask=None, positions=None):
        check_float(self, query=query, key=key)
        check_mask(self, "key_mask", key_mask, "key", key)
        mask = ops.ones(ops.shape(key)[:2]) if key_mask is None else key_mask
        if positions is None:
            positions = ops.arange(ops.shape(query)[1], dtype="int32")
        inside, scale = self.step(query, ops.cast(mask, "bool"), positions)
        return inside, ops.ones(ops.shape(inside), "float32") if scale is None else scale

    def get_config(self):
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package="nmtcli")
class MonotonicWindow(Window):
    """Window of local-m: the source position is assumed equal to the target position.

        p[t] = t

    If the target is longer than the source, p stays at the last real position, so that a window is
    never empty (the paper leaves this case open). The scale of a call is 1.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.2 (monotonic alignment).

    For arguments and results see `Window`.

    Example:
        >>> import numpy as np
        >>> inside, scale = MonotonicWindow(1)(np.ones((1, 2, 8)), np.ones((1, 4, 8)))
        >>> np.array(inside)[0].astype(int)
        array([[1, 1, 0, 0],
               [1, 1, 1, 0]])
    """

    def compute_weights(self):
        """Return None: this window has no weights."""

    def step(self, query, mask, positions, weights=None):
        """Return `inside`, and None: the softmax weights are not changed."""
        positions = positions if len(positions.shape) == 2 else positions[None]
        last = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True) - 1
        center = ops.cast(ops.minimum(ops.cast(positions, "int32"), last), "float32")
        return _inside(center, mask, self.width)[0], None


@keras.saving.register_keras_serializable(package="nmtcli")
class PredictiveWindow(Window):
    """Window of local-p: the query predicts the source position.

        p[b, t] = L[b] * sigmoid(v . tanh(W q[b, t]))
        a[b, t, s] = align(q[b, t], h[b, s]) * exp(-(s - p[b, t])^2 / (2 sigma^2)),  sigma = D / 2

    L is the number of real source positions; `align` is the softmax inside the window, and the
    scale is the Gaussian.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.2, equations 9 and 10 (predictive
    alignment).

    Args:
        width: D, positive.
        units: A, positive.

    For arguments and results see `Window`.

    Example:
        >>> import numpy as np
        >>> inside, scale = PredictiveWindow(2, units=16)(np.ones((1, 2, 8)), np.ones((1, 4, 8)))
        >>> tuple(inside.shape), tuple(scale.shape)
        ((1, 2, 4), (1, 2, 4))
    """

    def __init__(self, width, units=256, **kwargs):
        super().__init__(width, **kwargs)
        check_positive(units=units)
        self.units = units

    def build_for(self, query_size):
        self.kernel = self.add_kernel("kernel", (query_size, self.units))
        self.vector = self.add_kernel("vector", (self.units, 1))

    def compute_weights(self):
        """Return the kernel and the vector; call it once before a loop of steps."""
        return ops.cast(self.kernel, self.compute_dtype), ops.cast(self.vector, "float32")

    def step(self, query, mask, positions=None, weights=None):
        """Return the result of a call; `weights` of `compute_weights`, None computes them here."""
        kernel, vector = self.compute_weights() if weights is None else weights
        inner = ops.cast(ops.tanh(affine(query, kernel)), "float32")
        share = ops.sigmoid(affine(inner, vector)[..., 0])  # (B, T), of the sentence
        length = ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True)
        inside, distance = _inside(length * share, mask, self.width)
        return inside, ops.exp(-2.0 * ops.square(distance / self.width))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def make_window(scope, width, units, **kwargs):
    """Make the window of a scope in `SCOPES`; None for `global`."""
    check_choice("scope", scope, SCOPES)
    if scope == "global":
        return None
    if scope == "local-m":
        return MonotonicWindow(width, **kwargs)
    return PredictiveWindow(width, units, **kwargs)


def _inside(center, mask, width):
    """Compute from centres (B, T) the bool `inside` and the float32 distance, (B, T, S) each."""
    source = ops.arange(ops.shape(mask)[1], dtype="float32")
    distance = source[None, None, :] - center[:, :, None]
    return mask[:, None, :] & (ops.abs(distance) <= width), distance
