"""The encoder and decoder layers of a Transformer, with residual connections and norms.

Letters: B batch, T target positions, S source positions, W hypotheses of a sentence, D model size,
H heads, F feed-forward size. Masks are bool and True keeps.
"""

import keras

from nmtcli.layers.dropout import Dropout
from nmtcli.layers.feed_forward import FeedForward, LayerNorm
from nmtcli.layers.self_attention import CrossAttention, SelfAttention


class _TransformerLayer(keras.layers.Layer):
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
        seed: seed of the dropout; see `Dropout`.

    Raises:
        ValueError: a kind does not exist.
    """

    has_cross_attention: bool

    def __init__(
        self, heads, feed_forward_size, feed_forward="relu", normalization="pre", rotary=False,
        dropout=0.0, attention_dropout=0.0, feed_forward_dropout=0.0, seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if normalization not in ("pre", "post"):
            raise ValueError(f"normalization must be pre or post. Received: {normalization!r}")
        self.is_pre = normalization == "pre"
        self.dropout = Dropout(dropout, seed)
        policy = {"dtype": self.dtype_policy}
        sub_layers = 3 if self.has_cross_attention else 2
        self.norms = [LayerNorm(name=f"norm_{n}", **policy) for n in range(sub_layers)]
        self.self_attention = SelfAttention(
            heads, rotary, attention_dropout, seed, name="self_attention", **policy
        )
        if self.has_cross_attention:
            self.cross_attention = CrossAttention(
                heads, attention_dropout, seed, name="cross_attention", **policy
            )
        self.feed_forward = FeedForward(
            feed_forward_size, feed_forward, feed_forward_dropout, seed,
            name="feed_forward", **policy,
        )  # fmt: skip

    def build(self, input_shape):
        for layer in (*self.norms, self.self_attention, self.feed_forward):
            layer.build(input_shape)
        if self.has_cross_attention:
            self.cross_attention.build(input_shape, input_shape)
        self.built = True

    def _before(self, n, x):
        """Compute the input of sub-layer n."""
        return self.norms[n](x) if self.is_pre else x

    def _after(self, n, x, y, training):
        """Add the output `y` of sub-layer n to `x`, its residual input."""
        x = x + self.dropout(y, training)
        return x if self.is_pre else self.norms[n](x)


class EncoderLayer(_TransformerLayer):
    """Encoder layer: self-attention and feed-forward, (B, S, D) -> (B, S, D).

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.1.

    Call arguments:
        x: (B, S, D).
        mask: bool, (B, 1, 1, S).
        positions: see `SelfAttention`.
        training: whether dropout acts.
    """

    has_cross_attention = False

    def call(self, x, mask, positions=None, training=False):
        y = self.self_attention(self._before(0, x), mask, positions, training=training)
        x = self._after(0, x, y, training)
        y = self.feed_forward(self._before(1, x), training=training)
        return self._after(1, x, y, training)


class DecoderLayer(_TransformerLayer):
    """Decoder layer: causal self-attention, cross-attention to the source, and feed-forward.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.1.

    Call arguments:
        x: (B, T, D).
        mask: bool, (1, 1, T, T), causal.
        keys, values: the results of `cross_attention.read`.
        source_mask: bool, (B, 1, 1, S).
        positions: see `SelfAttention`.
        training: whether dropout acts.

    Returns:
        (B, T, D), and the attention weights over the source, float32, (B, H, T, S).
    """

    has_cross_attention = True

    def call(self, x, mask, keys, values, source_mask, positions=None, training=False):
        y = self.self_attention(self._before(0, x), mask, positions, training=training)
        x = self._after(0, x, y, training)
        return self._after_self_attention(x, keys, values, source_mask, training)

    def step(self, x, cache, cache_mask, length, keys, values, source_mask, positions=None):
        """Compute one position of W hypotheses, (B, W, D); return also the new cache.

        For `cache`, `cache_mask` and `length` see `SelfAttention.step`.
        """
        y, cache = self.self_attention.step(
            self._before(0, x), cache, cache_mask, length, positions
        )
        x = self._after(0, x, y, training=False)
        x, alignment = self._after_self_attention(x, keys, values, source_mask)
        return x, alignment, cache

    def _after_self_attention(self, x, keys, values, source_mask, training=False):
        y, alignment = self.cross_attention(
            self._before(1, x), keys, values, source_mask, training=training
        )
        x = self._after(1, x, y, training)
        y = self.feed_forward(self._before(2, x), training=training)
        return self._after(2, x, y, training), alignment
