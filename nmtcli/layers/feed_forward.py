"""The position-wise layers of a Transformer: feed-forward and layer normalisation.

Letters: D model size, F feed-forward size.
"""

import keras
from keras import ops

from nmtcli.layers.dense import AffineMap
from nmtcli.layers.dropout import Dropout


@keras.saving.register_keras_serializable(package="nmtcli")
class LayerNorm(keras.layers.Layer):
    """Layer normalisation over the last axis, computed in float32.

        y = g * (x - mean(x)) / sqrt(var(x) + 1e-6) + b

    Reference: Ba et al. (2016), arXiv:1607.06450, section 3.

    Call arguments:
        x: (..., D).

    Returns:
        a tensor like `x`.
    """

    def build(self, input_shape):
        size = input_shape[-1]
        self.gain = self.add_weight(name="gain", shape=(size,), initializer="ones")
        self.bias = self.add_weight(name="bias", shape=(size,), initializer="zeros")
        self.built = True

    def call(self, x):
        precise = ops.cast(x, "float32")
        centred = precise - ops.mean(precise, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        gain, bias = ops.cast(self.gain, "float32"), ops.cast(self.bias, "float32")
        return ops.cast(centred / ops.sqrt(variance + 1e-6) * gain + bias, x.dtype)


@keras.saving.register_keras_serializable(package="nmtcli")
class FeedForward(keras.layers.Layer):
    """Position-wise feed-forward layer: the same two affine maps at every position.

        relu:    W2 max(0, W1 x + b1) + b2         (gelu: x times the normal distribution's P(x))
        geglu:   W2 (gelu(W x + b) * (V x + c)) + b2
        swiglu:  like geglu, with swish(x) = x sigmoid(x) instead of gelu

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.3; Hendrycks and Gimpel (2016),
    arXiv:1606.08415 (gelu); Shazeer (2020), arXiv:2002.05202, equation 6 (the gated kinds; the
    biases are our addition).

    Args:
        size: F.
        kind: `relu`, `gelu`, `geglu` or `swiglu`.
        dropout: dropout rate on the inner units.
        seed: seed of the dropout; see `Dropout`.

    Call arguments:
        x: (..., D).
        training: whether dropout acts.

    Returns:
        a tensor like `x`.
    """

    def __init__(self, size, kind="relu", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("relu", "gelu", "geglu", "swiglu"):
            raise ValueError(f"kind must be relu, gelu, geglu or swiglu. Received: {kind!r}")
        self.size, self.kind = size, kind
        self.dropout = Dropout(dropout, seed)

    def build(self, input_shape):
        size = input_shape[-1]
        self.inner = AffineMap(self, "inner", size, self.size)
        self.gate = AffineMap(self, "gate", size, self.size) if self.kind.endswith("glu") else None
        self.outer = AffineMap(self, "outer", self.size, size)
        self.built = True

    def call(self, x, training=False):
        if self.gate is None:
            inner = self._activate(self.inner(x))
        else:
            inner = self._activate(self.gate(x)) * self.inner(x)
        return self.outer(self.dropout(inner, training))

    def _activate(self, x):
        if self.kind == "relu":
            return ops.relu(x)
        if self.kind == "swiglu":
            return ops.silu(x)
        return 0.5 * x * (1.0 + ops.erf(x * 2.0**-0.5))  # with erf, which every runtime knows

    def get_config(self):
        own = {"size": self.size, "kind": self.kind, "dropout": self.dropout.rate}
        return {**super().get_config(), **own}
