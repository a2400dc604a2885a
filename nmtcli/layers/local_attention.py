"""Local attention: the windows of source positions that a target position may see.

Letters: B batch, T queries, S source, Q query size, A units, D half width of a window.
A window holds the positions s, counted from 0, with |s - p| <= D; it ends where the sentence ends.
"""

import keras
from keras import ops

from nmtcli.layers.dense import affine


@keras.saving.register_keras_serializable(package="nmtcli")
class MonotonicWindow(keras.layers.Layer):
    """Window of local-m: the source position is assumed equal to the target position.

        p[t] = t

    If the target is longer than the source, p stays at the last real position, so that a window is
    never empty (the paper leaves this case open).

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.2 (monotonic alignment).

    Args:
        width: D, positive.

    Call arguments:
        query: (B, T, Q).
        mask: bool, (B, S), True = real position.
        positions: t, int32, (T,) or (B, T).

    Returns:
        inside: bool, (B, T, S), True = a real position inside the window.
        scale: None; the softmax weights are not changed.

    Raises:
        ValueError: `width` is not positive.
    """

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = _check_width(width)

    def build(self, query_shape):
        self.built = True

    def compute_weights(self):
        """Return None: this window has no weights."""

    def step(self, query, mask, positions, weights=None):
        """Return the result of a call; `weights` are the result of `compute_weights`."""
        positions = positions if len(positions.shape) == 2 else positions[None]
        last = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True) - 1
        center = ops.cast(ops.minimum(ops.cast(positions, "int32"), last), "float32")
        return _inside(center, mask, self.width)[0], None

    def call(self, query, mask, positions):
        return self.step(query, mask, positions)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


@keras.saving.register_keras_serializable(package="nmtcli")
class PredictiveWindow(keras.layers.Layer):
    """Window of local-p: the query predicts the source position.

        p[b, t] = L[b] * sigmoid(v . tanh(W q[b, t]))
        a[b, t, s] = align(q[b, t], h[b, s]) * exp(-(s - p[b, t])^2 / (2 sigma^2)),  sigma = D / 2

    L is the number of real source positions; `align` is the softmax inside the window.

    Reference: Luong et al. (2015), arXiv:1508.04025, section 3.2, equations 9 and 10 (predictive
    alignment).

    Args:
        width: D, positive.
        units: A, positive.

    Call arguments:
        query: (B, T, Q).
        mask: bool, (B, S), True = real position.
        positions: not used.

    Returns:
        inside: bool, (B, T, S), True = a real position inside the window.
        scale: float32, (B, T, S), the values of the Gaussian.

    Raises:
        ValueError: `width` or `units` is not positive.
    """

    def __init__(self, width, units=256, **kwargs):
        super().__init__(**kwargs)
        self.width = _check_width(width)
        if units < 1:
            raise ValueError(f"units must be positive. Received: units={units}")
        self.units = units

    def build(self, query_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(query_shape[-1], self.units), initializer="glorot_uniform"
        )
        self.vector = self.add_weight(
            name="vector", shape=(self.units, 1), initializer="glorot_uniform"
        )
        self.built = True

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

    def call(self, query, mask, positions=None):
        return self.step(query, mask, positions)

    def get_config(self):
        return {**super().get_config(), "width": self.width, "units": self.units}


def make_window(scope, width, units, **kwargs):
    """Make the window for a scope in `nmtcli.config.attention.SCOPES`; None for `global`."""
    if scope == "global":
        return None
    if scope == "local-m":
        return MonotonicWindow(width, **kwargs)
    if scope == "local-p":
        return PredictiveWindow(width, units, **kwargs)
    raise ValueError(f"there is no scope of this name. Received: {scope!r}")


def _inside(center, mask, width):
    """Compute from centres (B, T) the bool `inside` and the float32 distance, (B, T, S) each."""
    source = ops.arange(ops.shape(mask)[1], dtype="float32")
    distance = source[None, None, :] - center[:, :, None]
    return mask[:, None, :] & (ops.abs(distance) <= width), distance


def _check_width(width):
    if width < 1:
        raise ValueError(f"width must be positive. Received: width={width}")
    return width
