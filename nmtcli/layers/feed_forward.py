"""The position-wise feed-forward layer of a Transformer.

Letters: D model size, F feed-forward size.
"""

import keras
from keras import ops

from nmtcli.layers.base import KernelLayer
from nmtcli.layers.checks import check_choice, check_float, check_positive

KINDS = ("relu", "gelu", "geglu", "swiglu")


@keras.saving.register_keras_serializable(package="nmtcli")
class FeedForward(KernelLayer):
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
        seed: seed of the dropout, an integer or a `keras.random.SeedGenerator`.
        **kwargs: the arguments of `KernelLayer`.

    Call arguments:
        inputs: (..., D).
        training: whether dropout acts.

    Returns:
        a tensor like the inputs.

    Raises:
        ValueError: the kind does not exist, or the size is not positive.

    Example:
        >>> import numpy as np
        >>> tuple(FeedForward(32, "swiglu")(np.ones((2, 5, 8))).shape)
        (2, 5, 8)
    """

    def __init__(self, size, kind="relu", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_positive(size=size)
        check_choice("kind", kind, KINDS)
        self.size, self.kind = size, kind
        self.dropout = self.make_dropout(dropout, seed)

    def build(self, input_shape):
        size = input_shape[-1]
        self.inner = self.make_dense("inner", size, self.size)
        self.gate = self.make_dense("gate", size, self.size) if self.kind.endswith("glu") else None
        self.outer = self.make_dense("outer", self.size, size)

    def call(self, inputs, training=False):
        check_float(self, inputs=inputs)
        if self.gate is None:
            inner = self._activate(self.inner(inputs))
        else:
            inner = self._activate(self.gate(inputs)) * self.inner(inputs)
        return self.outer(self.dropout(inner, training))

    def _activate(self, x):
        if self.kind == "relu":
            return ops.relu(x)
        if self.kind == "swiglu":
            return ops.silu(x)
        return 0.5 * x * (1.0 + ops.erf(x * 2.0**-0.5))  # with erf, which every runtime knows

    def get_config(self):
        own = {"size": self.size, "kind": self.kind, "dropout": self.dropout.rate}
        return {**super().get_config(), **own, "seed": self.seed}
