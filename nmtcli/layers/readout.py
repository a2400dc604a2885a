"""The readout: it turns decoder state and context into the input of the output layer.

Letters: B batch, T target, D decoder state, M memory, E embedding, R readout.
"""

import keras
from keras import ops

from nmtcli.layers.base import KernelLayer
from nmtcli.layers.checks import check_choice, check_float, check_positive, check_shapes
from nmtcli.layers.dense import affine


@keras.saving.register_keras_serializable(package="nmtcli")
class Readout(KernelLayer):
    """Layer between the decoder and the output layer.

        tanh:    r = tanh(W [s; c] + b)
        maxout:  r = max of the two halves of W [s; c; y] + b,  y the embedded previous token

    Reference: Luong et al. (2015), arXiv:1508.04025, equation 5 (tanh, the attentional state);
    Bahdanau et al. (2015), arXiv:1409.0473, A.2.2 (maxout, Goodfellow et al., 2013).

    Args:
        size: R.
        kind: `tanh` or `maxout`.
        **kwargs: the arguments of `KernelLayer`.

    Call arguments:
        outputs: the decoder's states, (B, T, D).
        contexts: (B, T, M).
        embedded: the embeddings of the previous tokens, (B, T, E); only `maxout` reads them.

    Returns:
        (B, T, R).

    Raises:
        ValueError: the kind does not exist, the size is not positive, or `maxout` gets no
            embeddings.

    Example:
        >>> import numpy as np
        >>> states, contexts = np.ones((2, 3, 8)), np.ones((2, 3, 6))
        >>> tuple(Readout(4, "tanh")(states, contexts).shape)
        (2, 3, 4)
    """

    def __init__(self, size, kind="tanh", **kwargs):
        super().__init__(**kwargs)
        check_positive(size=size)
        check_choice("kind", kind, ("tanh", "maxout"))
        self.size, self.kind = size, kind

    def build(self, outputs_shape, contexts_shape, embedded_shape=None):
        shapes = {"outputs": outputs_shape, "contexts": contexts_shape}
        if self.kind == "maxout":
            if embedded_shape is None:
                raise ValueError(
                    "A maxout readout needs `embedded`, the embedded previous tokens, (batch, time,"
                    " size). Received: embedded=None"
                )
            shapes["embedded"] = embedded_shape
        check_shapes(self, **shapes)
        width = 2 * self.size if self.kind == "maxout" else self.size
        self.kernel = self.add_kernel("kernel", (sum(s[-1] for s in shapes.values()), width))
        self.bias = self.add_bias("bias", width)

    def compute_weights(self):
        """Return kernel and bias in the compute type; call it once before a loop of steps."""
        return ops.cast(self.kernel, self.compute_dtype), ops.cast(self.bias, self.compute_dtype)

    def step(self, outputs, contexts, embedded=None, weights=None):
        """Return the result of a call; `weights` of `compute_weights`, None computes them here."""
        kernel, bias = self.compute_weights() if weights is None else weights
        inputs = [outputs, contexts]
        if self.kind == "maxout":
            inputs.append(embedded)
        hidden = affine(ops.concatenate(inputs, axis=-1), kernel, bias)
        if self.kind == "maxout":
            return ops.maximum(hidden[..., : self.size], hidden[..., self.size :])
        return ops.tanh(hidden)

    def call(self, outputs, contexts, embedded=None):
        check_float(self, outputs=outputs, contexts=contexts)
        return self.step(outputs, contexts, embedded)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "kind": self.kind}
