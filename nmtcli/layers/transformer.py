"""The layers that a Transformer stacks: sub-layers, their residual connections and norms.

Letters: B batch, T target positions, S source positions, D model size, H heads, F feed-forward
size. Masks are bool and True keeps.
"""

from typing import Any, NamedTuple

import keras

from nmtcli.layers.dense import keep
from nmtcli.layers.feed_forward import FeedForward, LayerNorm
from nmtcli.layers.self_attention import CrossAttention, SelfAttention


class Dropping(NamedTuple):
    """Functions that drop units when training, and change nothing otherwise."""

    residual: Any
    attention: Any
    feed_forward: Any


NO_DROPPING = Dropping(keep, keep, keep)


class _Block(keras.layers.Layer):
    """Sub-layers with residual connections, each normalised before it or after it.

        pre:   x + drop(f(norm(x)))          post:  norm(x + drop(f(x)))

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.1 (post); Xiong et al. (2020),
    arXiv:2002.04745, section 3 (pre, which trains without a long warm-up).
    """

    def __init__(self, normalization, norms, **kwargs):
        super().__init__(**kwargs)
        if normalization not in ("pre", "post"):
            raise ValueError(f"normalization must be pre or post. Received: {normalization!r}")
        self.is_pre = normalization == "pre"
        policy = {"dtype": self.dtype_policy}
        self.norms = [LayerNorm(name=f"norm_{n}", **policy) for n in range(norms)]

    def _around(self, n, x, function, drop):
        """Sub-layer n around `function`, which returns its result and something beside it."""
        norm = self.norms[n]
        y, beside = function(norm(x) if self.is_pre else x)
        x = x + drop(y)
        return (x if self.is_pre else norm(x)), beside


class EncoderLayer(_Block):
    """Self-attention and feed-forward: (B, S, D) -> (B, S, D).

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.1.

    Args:
        heads: H.
        feed_forward: F.
        kind: of the feed-forward.
        normalization: `pre` or `post`.

    Call arguments:
        x: (B, S, D).
        mask: bool, (B, 1, 1, S).
        rotate: as of `SelfAttention`.
        drop: a `Dropping`.
    """

    def __init__(self, heads, feed_forward, kind="relu", normalization="pre", **kwargs):
        super().__init__(normalization, 2, **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.self_attention = SelfAttention(heads, name="self_attention", **policy)
        self.feed_forward = FeedForward(feed_forward, kind, name="feed_forward", **policy)

    def build(self, input_shape):
        for layer in (*self.norms, self.self_attention, self.feed_forward):
            layer.build(input_shape)
        self.built = True

    def call(self, x, mask, rotate=keep, drop=NO_DROPPING):
        def attend(x):
            return self.self_attention(x, mask, rotate=rotate, drop=drop.attention), None

        def feed(x):
            return self.feed_forward(x, drop=drop.feed_forward), None

        x, _ = self._around(0, x, attend, drop.residual)
        return self._around(1, x, feed, drop.residual)[0]


class DecoderLayer(_Block):
    """Self-attention on what is before, attention on the source, and feed-forward.

    Reference and arguments of `EncoderLayer`.

    Call arguments:
        x: (B, T, D).
        mask: bool, (1, 1, T, T), causal.
        keys, values: of `cross_attention.read`.
        source_mask: bool, (B, 1, 1, S).

    Returns:
        (B, T, D), and the weights over the source, float32, (B, H, T, S).
    """

    def __init__(self, heads, feed_forward, kind="relu", normalization="pre", **kwargs):
        super().__init__(normalization, 3, **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.self_attention = SelfAttention(heads, name="self_attention", **policy)
        self.cross_attention = CrossAttention(heads, name="cross_attention", **policy)
        self.feed_forward = FeedForward(feed_forward, kind, name="feed_forward", **policy)

    def build(self, input_shape):
        for layer in (*self.norms, self.self_attention, self.feed_forward):
            layer.build(input_shape)
        self.cross_attention.build(input_shape, input_shape)
        self.built = True

    def call(self, x, mask, keys, values, source_mask, rotate=keep, drop=NO_DROPPING):
        def attend(x):
            return self.self_attention(x, mask, rotate=rotate, drop=drop.attention), None

        x, _ = self._around(0, x, attend, drop.residual)
        return self._after_self(x, keys, values, source_mask, drop)

    def step(self, x, cache, seen, used, keys, values, source_mask, rotate=keep):
        """One position of W hypotheses, (B, W, D): as `call`, and the new cache.

        Cache, `seen` and `used` are those of `SelfAttention.step`.
        """

        def attend(x):
            return self.self_attention.step(x, cache, seen, used, rotate)

        x, cache = self._around(0, x, attend, keep)
        x, weights = self._after_self(x, keys, values, source_mask, NO_DROPPING)
        return x, weights, cache

    def _after_self(self, x, keys, values, source_mask, drop):
        def attend(x):
            return self.cross_attention(x, keys, values, source_mask, drop=drop.attention)

        def feed(x):
            return self.feed_forward(x, drop=drop.feed_forward), None

        x, weights = self._around(1, x, attend, drop.residual)
        x, _ = self._around(2, x, feed, drop.residual)
        return x, weights
