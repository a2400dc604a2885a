"""The readout: it turns decoder state and context into the input of the output layer.

Letters: B batch, T target, D decoder state, M memory, E embedding, R readout.
"""

import keras
from keras import ops

from nmtcli.layers.dense import affine


@keras.saving.register_keras_serializable(package="nmtcli")
class Readout(keras.layers.Layer):
    """Layer between the decoder and the output layer.

        tanh:    r = tanh(W [s; c] + b)
        maxout:  r = max of the two halves of W [s; c; y] + b,  y the embedded previous token

    Reference: Luong et al. (2015), arXiv:1508.04025, equation 5 (tanh, the attentional state);
    Bahdanau et al. (2015), arXiv:1409.0473, A.2.2 (maxout, Goodfellow et al., 2013).

    Args:
        size: R.
        kind: `tanh` or `maxout`.

    Call arguments:
        outputs: (B, T, D).
        contexts: (B, T, M).
        embedded: (B, T, E).

    Returns:
        (B, T, R).
    """

    def __init__(self, size, kind, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("tanh", "maxout"):
            raise ValueError(f"kind must be tanh or maxout. Received: {kind!r}")
        self.size, self.kind = size, kind

    def build(self, output_size, memory_size, embedding_size):
        maxout = self.kind == "maxout"
        rows = output_size + memory_size + (embedding_size if maxout else 0)
        width = 2 * self.size if maxout else self.size
        self.kernel = self.add_weight(
            name="kernel", shape=(rows, width), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(width,), initializer="zeros")
        self.built = True

    def compute_weights(self):
        """Return kernel and bias in the compute type; call it once before a loop of steps."""
        return ops.cast(self.kernel, self.compute_dtype), ops.cast(self.bias, self.compute_dtype)

    def step(self, outputs, contexts, embedded, weights=None):
        """Return the result of a call; `weights` of `compute_weights`, None computes them here."""
        kernel, bias = self.compute_weights() if weights is None else weights
        inputs = [outputs, contexts]
        if self.kind == "maxout":
            inputs.append(embedded)
        hidden = affine(ops.concatenate(inputs, axis=-1), kernel, bias)
        if self.kind == "maxout":
            return ops.maximum(hidden[..., : self.size], hidden[..., self.size :])
        return ops.tanh(hidden)

    def call(self, outputs, contexts, embedded):
        return self.step(outputs, contexts, embedded)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "kind": self.kind}
