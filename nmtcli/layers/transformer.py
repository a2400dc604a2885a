"""The encoder and decoder layers of a Transformer, with residual connections and norms.

Letters: B batch, T target positions, S source positions, W hypotheses of a sentence, D model size,
H heads, F feed-forward size. Masks are bool and True keeps.
"""

import keras
from keras import ops

from nmtcli.layers.base import KernelLayer
from nmtcli.layers.checks import check_choice, check_float, check_mask, check_shapes
from nmtcli.layers.dropout import Dropout
from nmtcli.layers.feed_forward import FeedForward
from nmtcli.layers.self_attention import CrossAttention, SelfAttention

NORMALIZATIONS = ("pre", "post")


class TransformerLayer(KernelLayer):
    """The base class of both layers: sub-layers with residual connections and normalisation.

        pre:   x + drop(f(norm(x)))          post:  norm(x + drop(f(x)))

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.1 (post); Xiong et al. (2020),
    arXiv:2002.04745, section 3 (pre, which trains without a long warm-up).

    Args:
        heads: H.
        feed_forward_size: F.
        feed_forward: kind of the feed-forward layer; see `FeedForward`.
        normalization: `pre` or `post`.
        rotary: whether self-attention rotates queries and keys by their positions.
        dropout: dropout rate after each sub-layer.
        attention_dropout: dropout rate on the attention weights.
        feed_forward_dropout: dropout rate on the inner units of the feed-forward layer.
        seed: seed of the dropout, an integer or a `keras.random.SeedGenerator`.
        kernel_initializer: initializer of all kernels; None: Glorot's, and in attention that of
            `SelfAttention`.
        **kwargs: the other arguments of `KernelLayer`.

    Raises:
        ValueError: a kind does not exist, or sizes do not fit.
    """

    has_cross_attention: bool

    def __init__(
        self, heads, feed_forward_size, feed_forward="relu", normalization="pre", rotary=False,
        dropout=0.0, attention_dropout=0.0, feed_forward_dropout=0.0, seed=None,
        kernel_initializer=None, **kwargs,
    ):  # fmt: skip
        super().__init__(kernel_initializer=kernel_initializer, **kwargs)
        check_choice("normalization", normalization, NORMALIZATIONS)
        self.options = {
            "heads": heads, "feed_forward_size": feed_forward_size, "feed_forward": feed_forward,
            "normalization": normalization, "rotary": rotary, "dropout": dropout,
            "attention_dropout": attention_dropout, "feed_forward_dropout": feed_forward_dropout,
        }  # fmt: skip
        self.is_pre = normalization == "pre"
        generator = self.make_generator(seed, dropout, attention_dropout, feed_forward_dropout)
        self.dropout = Dropout(dropout, generator)
        inner = self.options_of_kernels()
        sub_layers = 3 if self.has_cross_attention else 2
        self.norms = [make_norm(f"norm_{n}", self.dtype_policy) for n in range(sub_layers)]
        self.self_attention = SelfAttention(
            heads, rotary, attention_dropout, generator, name="self_attention", **inner
        )
        if self.has_cross_attention:
            self.cross_attention = CrossAttention(
                heads, attention_dropout, generator, name="cross_attention", **inner
            )
        if kernel_initializer is None:
            inner["kernel_initializer"] = "glorot_uniform"
        self.feed_forward = FeedForward(
            feed_forward_size, feed_forward, feed_forward_dropout, generator,
            name="feed_forward", **inner,
        )  # fmt: skip

    def _build(self, inputs_shape, memory_shape=None):
        for layer in (*self.norms, self.self_attention, self.feed_forward):
            layer.build(inputs_shape)
        if self.has_cross_attention:
            self.cross_attention.build(inputs_shape, memory_shape)

    def _before(self, n, x):
        """Compute the input of sub-layer n."""
        return self.norms[n](x) if self.is_pre else x

    def _after(self, n, x, y, training):
        """Add the output `y` of sub-layer n to `x`, its residual input."""
        x = x + self.dropout(y, training)
        return x if self.is_pre else self.norms[n](x)

    def get_config(self):
        return {**super().get_config(), **self.options, "seed": self.seed}


@keras.saving.register_keras_serializable(package="nmtcli")
class EncoderLayer(TransformerLayer):
    """Encoder layer: self-attention and feed-forward, (B, S, D) -> (B, S, D).

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.1.

    For the arguments see `TransformerLayer`.

    Call arguments:
        inputs: (B, S, D).
        mask: bool, (B, S); masked positions get no attention. It comes by itself from
            `keras.layers.Embedding(mask_zero=True)`.
        training: whether dropout acts.

    Returns:
        (B, S, D).

    Example:
        >>> import numpy as np
        >>> tuple(EncoderLayer(heads=2, feed_forward_size=32)(np.ones((2, 5, 8))).shape)
        (2, 5, 8)
    """

    has_cross_attention = False

    def build(self, input_shape):
        check_shapes(self, inputs=input_shape)
        self._build(input_shape)

    def call(self, inputs, mask=None, training=False):
        y = self.self_attention(self._before(0, inputs), mask=mask, training=training)
        x = self._after(0, inputs, y, training)
        y = self.feed_forward(self._before(1, x), training=training)
        return self._after(1, x, y, training)


@keras.saving.register_keras_serializable(package="nmtcli")
class DecoderLayer(TransformerLayer):
    """Decoder layer: causal self-attention, cross-attention to the source, and feed-forward.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.1.

    For the arguments see `TransformerLayer`.

    Call arguments:
        inputs: (B, T, D).
        memory: the encoder's output, (B, S, M).
        inputs_mask: bool, (B, T); not used: padding follows the real positions, which see only
            what is before them.
        memory_mask: bool, (B, S); masked positions get no attention.
        training: whether dropout acts.
        return_attention_scores: whether to return the weights over the source too.

    Returns:
        (B, T, D). With `return_attention_scores`, a pair: that, and the attention weights over the
        source, float32, (B, H, T, S).

    Example:
        >>> import numpy as np
        >>> layer = DecoderLayer(heads=2, feed_forward_size=32)
        >>> tuple(layer(np.ones((2, 3, 8)), np.ones((2, 5, 8))).shape)
        (2, 3, 8)
    """

    has_cross_attention = True

    def build(self, inputs_shape, memory_shape):
        check_shapes(self, inputs=inputs_shape, memory=memory_shape)
        self._build(inputs_shape, memory_shape)

    def call(
        self, inputs, memory, inputs_mask=None, memory_mask=None, training=False,
        return_attention_scores=False,
    ):  # fmt: skip
        check_float(self, inputs=inputs, memory=memory)
        check_mask(self, "memory_mask", memory_mask, "memory", memory)
        mask = None if memory_mask is None else ops.cast(memory_mask, "bool")[:, None, None, :]
        keys, values = self.cross_attention.read(memory)
        x = self._before(0, inputs)
        y = self.self_attention(x, training=training, use_causal_mask=True)
        x = self._after(0, inputs, y, training)
        x, alignment = self._after_self_attention(x, keys, values, mask, training)
        return (x, alignment) if return_attention_scores else x

    def step(self, x, cache, cache_mask, length, keys, values, source_mask, positions=None):
        """Compute one position of W hypotheses, (B, W, D); return also the new cache.

        Args:
            x: (B, W, D).
            cache, cache_mask, length, positions: see `SelfAttention.step`.
            keys, values: the results of `cross_attention.read`.
            source_mask: bool, (B, 1, 1, S).
        """
        y, cache = self.self_attention.step(
            self._before(0, x), cache, cache_mask, length, positions
        )
        x = self._after(0, x, y, training=False)
        x, alignment = self._after_self_attention(x, keys, values, source_mask)
        return x, alignment, cache

    def _after_self_attention(self, x, keys, values, source_mask, training=False):
        y, alignment = self.cross_attention.attend(
            self._before(1, x), keys, values, source_mask, training
        )
        x = self._after(1, x, y, training)
        y = self.feed_forward(self._before(2, x), training=training)
        return self._after(2, x, y, training), alignment


def make_norm(name, dtype):
    """Make a layer normalisation (Ba et al., 2016, arXiv:1607.06450, section 3)."""
    return keras.layers.LayerNormalization(epsilon=1e-6, name=name, dtype=dtype)
