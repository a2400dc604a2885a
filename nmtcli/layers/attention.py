"""Attention: a sum of the values, each weighted by how well its key fits the query.

    e = score(query, key),  a = softmax(e),  context = sum over s of a[s] * value[s]

`Attention` combines a score function with a scope: all source positions, or a window of them.
`MultiHeadAttention` runs several attentions in parallel. A call computes all of it. A decoder calls
the two steps instead, so that what depends only on the source is computed once for a sentence:

    source = attention.read(value, mask)                              # once for a sentence
    context, alignment = attention.attend(query, source, positions)   # for T queries, or for one

Letters: B batch, T queries (1 when decoding), S source, Q query size, M value size, A alignment,
D window. Masks are bool and True keeps. Scores and weights are float32.
"""

import keras
from keras import ops

from nmtcli.layers.attention_weights import (
    align_heads,
    join_heads,
    masked_softmax,
    split_heads,
    weighted_sum,
)
from nmtcli.layers.base import KernelLayer
from nmtcli.layers.checks import check_float, check_heads, check_mask, check_positive, check_shapes
from nmtcli.layers.dense import affine
from nmtcli.layers.local_attention import make_window
from nmtcli.layers.scores import make_score


class BaseAttention(KernelLayer):
    """The base class of `Attention` and `MultiHeadAttention`: their call, which is that of Keras.

    Call arguments:
        query: (B, T, Q). Or a list, [query, value] or [query, value, key], as for
            `keras.layers.Attention`; then `mask` is the list of their masks.
        value: (B, S, M).
        key: (B, S, K); by default the value.
        query_mask: bool, (B, T); the context of masked queries is zero.
        value_mask, key_mask: bool, (B, S); masked positions get no weight. These masks, like that
            of the query, come by themselves from `keras.layers.Embedding(mask_zero=True)`.
        positions: target positions of the queries from 0, int32, (T,) or (B, T); only a local scope
            reads them. None: 0 to T - 1.
        coverage: float32, (B, T, S), the sum of the weights of earlier steps, if the score has
            coverage.
        training: whether dropout acts on the weights.
        return_attention_scores: whether to return the weights too.
        use_causal_mask: whether query t sees only the positions up to t.

    Returns:
        the context, (B, T, M). With `return_attention_scores`, a pair: the context, and the
        attention weights before dropout, float32, (B, T, S).
    """

    def build(self, query_shape, value_shape=None, key_shape=None):
        if isinstance(query_shape[0], (list, tuple)):
            self._check_list(query_shape)
            query_shape, value_shape, key_shape, *_ = (*query_shape, None)
        if value_shape is None:
            self._check_list([query_shape])
        key_shape = value_shape if key_shape is None else key_shape
        check_shapes(self, query=query_shape, value=value_shape, key=key_shape)
        if None not in (value_shape[1], key_shape[1]) and value_shape[1] != key_shape[1]:
            raise ValueError(
                f"{type(self).__name__} needs a key for each value. Received: value of shape"
                f" {tuple(value_shape)}, key of shape {tuple(key_shape)}"
            )
        self.build_for(query_shape, value_shape, key_shape)

    def call(
        self, query, value=None, key=None, query_mask=None, value_mask=None, key_mask=None,
        positions=None, coverage=None, mask=None, training=False, return_attention_scores=False,
        use_causal_mask=False,
    ):  # fmt: skip
        if isinstance(query, (list, tuple)):
            masks = mask if mask is not None else query_mask
            query, value, key, *_ = (*query, None)
            query_mask, value_mask, key_mask, *_ = (*(masks or ()), None, None, None)
        key = value if key is None else key
        self._check(query, value, key, query_mask, value_mask, key_mask, coverage)
        source = self.read(value, _both(value_mask, key_mask, value), key)
        batch, length, time = *ops.shape(value)[:2], ops.shape(query)[1]
        if positions is None:
            positions = ops.arange(time, dtype="int32")
        if use_causal_mask:
            source["causal"] = ops.arange(length) <= ops.arange(time)[:, None]
        shape = self.shape_of_weights(batch, time, length)
        dropout_mask = self.dropout.mask(shape, "float32", training)
        if dropout_mask is not None:
            source["dropout_mask"] = dropout_mask
        context, weights = self.attend(query, source, positions, coverage)
        if query_mask is not None:
            context = ops.where(ops.cast(query_mask, "bool")[..., None], context, 0.0)
        return (context, weights) if return_attention_scores else context

    def _check_list(self, inputs):
        if len(inputs) not in (2, 3):
            raise ValueError(
                f"{type(self).__name__} is called with [query, value] or [query, value, key], or"
                f" with these as arguments. Received: {len(inputs)} of them"
            )

    def _check(self, query, value, key, query_mask, value_mask, key_mask, coverage):
        check_float(self, query=query, value=value, key=key)
        check_mask(self, "query_mask", query_mask, "query", query)
        check_mask(self, "value_mask", value_mask, "value", value)
        check_mask(self, "key_mask", key_mask, "key", key)
        if self.has_coverage and coverage is None:
            raise ValueError(
                "A score with coverage needs `coverage`, the sum of the earlier weights, float32"
                " (batch, queries, source). Received: coverage=None"
            )

    def compute_mask(self, query, previous_mask):
        """Return the query's mask."""
        return previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask


def _both(value_mask, key_mask, value):
    """Return the mask of the source positions, bool (B, S); without masks all are real."""
    masks = [ops.cast(mask, "bool") for mask in (value_mask, key_mask) if mask is not None]
    if not masks:
        return ops.ones(ops.shape(value)[:2], dtype="bool")
    return masks[0] if len(masks) == 1 else ops.logical_and(*masks)


@keras.saving.register_keras_serializable(package="nmtcli")
class Attention(BaseAttention):
    """Attention with one score function, over all source positions or over a window.

    1. The score function compares the query with all keys: (B, T, S).
    2. A softmax runs over the real positions, or over those inside the window: (B, T, S).
    3. With a predicted window, the weights are multiplied by its Gaussian; they then sum to less
       than 1, as in the paper.
    4. The context is the weighted sum of the values: (B, T, M).

    It can stand where `keras.layers.Attention` or `keras.layers.AdditiveAttention` stood.

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, equations 5 and 6;
    Luong et al. (2015), arXiv:1508.04025, section 3.

    Args:
        score: `additive`, `concat`, `dot`, `scaled-dot`, `general` or `location`.
        scope: `global`, `local-m` or `local-p`.
        window: D, for the local scopes.
        units: A, for the scores with a tanh and for the predicted position.
        positions: how many source positions the score `location` knows.
        coverage: whether the score sees the sum of earlier weights (additive and concat).
        dropout: dropout rate on the attention weights.
        seed: seed of the dropout, an integer or a `keras.random.SeedGenerator`.
        **kwargs: the arguments of `KernelLayer`.

    For arguments and results of a call see `BaseAttention`.

    Raises:
        ValueError: a name does not exist, a size is not positive, or shapes do not fit.

    Example:
        >>> import numpy as np
        >>> decoder_states, encoder_states = np.ones((2, 3, 8)), np.ones((2, 5, 8))
        >>> attention = Attention("additive", units=16)
        >>> context, weights = attention(
        ...     decoder_states, encoder_states, return_attention_scores=True
        ... )
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 3, 8), (2, 3, 5))
    """

    def __init__(
        self, score="dot", scope="global", window=10, units=256, positions=256, coverage=False,
        dropout=0.0, seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.options = {
            "score": score, "scope": scope, "window": window, "units": units,
            "positions": positions, "coverage": coverage, "dropout": dropout,
        }  # fmt: skip
        self.has_coverage = coverage
        self.dropout = self.make_dropout(dropout, seed)
        inner = self.options_of_kernels()
        self.score = make_score(score, units, positions, coverage, name="score", **inner)
        self.window = make_window(scope, window, units, name="window", **inner)

    def build_for(self, query_shape, value_shape, key_shape):
        self.score.build(query_shape, key_shape)
        if self.window is not None:
            self.window.build(query_shape, key_shape)

    def read(self, value, mask, key=None):
        """Prepare the source, (B, S, M) and (B, S), for all steps; return a dictionary."""
        keys = self.score.project(value if key is None else key)
        return {"mask": mask, "memory": value, "keys": keys}

    def compute_weights(self):
        """Return the weights for `attend` in the compute type. Call it once before a loop:
        TensorFlow would otherwise cast the weights in every turn."""
        of_score = self.score.compute_weights()
        return of_score, None if self.window is None else self.window.compute_weights()

    def shape_of_weights(self, batch, time, length):
        return batch, time, length

    def attend(self, query, source, positions=None, coverage=None, weights=None):
        """Attend to a source that `read` has prepared.

        Args:
            query: (B, T, Q).
            source: the result of `read`. It may hold a `dropout_mask`, (B, S) or (B, T, S), by
                which the attention weights are multiplied before the sum, and `causal`, bool,
                (T, S), the positions that each query may see.
            positions: target positions of the queries from 0, int32, (T,) or (B, T); only a local
                scope reads them.
            coverage: float32, (B, T, S), if the score uses coverage.
            weights: the result of `compute_weights`; None computes them here.

        Returns:
            the context, (B, T, M), and the attention weights, float32, (B, T, S).
        """
        of_score, of_window = self.compute_weights() if weights is None else weights
        mask, scale = source["mask"], None
        scores = self.score.step(query, source["keys"], coverage, of_score)
        if self.window is not None:
            mask, scale = self.window.step(query, mask, positions, of_window)
        alignment = masked_softmax(scores, _causal(mask, source))
        alignment = alignment if scale is None else alignment * scale
        return weighted_sum(_dropped(alignment, source), source["memory"]), alignment

    def get_config(self):
        return {**super().get_config(), **self.options, "seed": self.seed}


@keras.saving.register_keras_serializable(package="nmtcli")
class AdditiveAttention(Attention):
    """Bahdanau's attention: `Attention` with the additive score.

        a = softmax over s of v . tanh(W q[t] + U h[s] + b),  context = sum over s of a[s] h[s]

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, section 3.1 and A.1.2.

    Args:
        units: A, the size of the alignment space.
        **kwargs: further arguments of `Attention`.

    For arguments and results of a call see `BaseAttention`.

    Example:
        >>> import numpy as np
        >>> query, value = np.ones((2, 3, 8)), np.ones((2, 5, 6))
        >>> tuple(AdditiveAttention(units=16)([query, value]).shape)
        (2, 3, 6)
    """

    def __init__(self, units=256, **kwargs):
        score = kwargs.pop("score", "additive")
        if score != "additive":
            raise ValueError(
                "AdditiveAttention has the additive score; Attention has the others."
                f" Received: score={score!r}"
            )
        super().__init__("additive", units=units, **kwargs)


@keras.saving.register_keras_serializable(package="nmtcli")
class MultiHeadAttention(BaseAttention):
    """Several scaled dot-product attentions in parallel, each with its own projections.

        head_i = Attention(q Wq_i, h Wk_i, h Wv_i),  context = [head_1; ...; head_H] Wo

    The attention weights that are returned are the mean over the heads.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.2.2; here the query is the state
    of a recurrent decoder.

    Args:
        heads: H.
        units: A, the sum of the sizes of all heads; a multiple of `heads`.
        dropout: dropout rate on the attention weights.
        seed: seed of the dropout, an integer or a `keras.random.SeedGenerator`.
        **kwargs: the arguments of `KernelLayer`.

    For arguments and results of a call see `BaseAttention`; positions and coverage are not used.

    Raises:
        ValueError: a size is not positive, or `units` is not a multiple of `heads`.

    Example:
        >>> import numpy as np
        >>> query, value = np.ones((2, 3, 8)), np.ones((2, 5, 6))
        >>> tuple(MultiHeadAttention(heads=2, units=16)(query, value).shape)
        (2, 3, 6)
    """

    has_coverage = False

    def __init__(self, heads, units=256, dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_positive(units=units)
        check_heads("units", units, heads)
        self.heads, self.units = heads, units
        self.dropout = self.make_dropout(dropout, seed)

    def build_for(self, query_shape, value_shape, key_shape):
        self.query_kernel = self.add_kernel("query_kernel", (query_shape[-1], self.units))
        self.key_kernel = self.add_kernel("key_kernel", (key_shape[-1], self.units))
        self.value_kernel = self.add_kernel("value_kernel", (value_shape[-1], self.units))
        self.output_kernel = self.add_kernel("output_kernel", (self.units, value_shape[-1]))

    def read(self, value, mask, key=None):
        """Compute keys and values (`memory`), (B, S, A) each; see `Attention.read`."""
        return {
            "mask": mask,
            "memory": affine(value, self.value_kernel),
            "keys": affine(value if key is None else key, self.key_kernel),
        }

    def compute_weights(self):
        """Return the weights for `attend`; see `Attention.compute_weights`."""
        query_kernel = ops.cast(self.query_kernel, self.compute_dtype)
        return query_kernel, ops.cast(self.output_kernel, self.compute_dtype)

    def shape_of_weights(self, batch, time, length):
        return batch, self.heads, time, length

    def attend(self, query, source, positions=None, coverage=None, weights=None):
        """Attend like `Attention.attend`; positions and coverage are not used."""
        query_kernel, output_kernel = self.compute_weights() if weights is None else weights
        parts = affine(query, query_kernel), source["keys"], source["memory"]
        queries, keys, values = (split_heads(part, self.heads) for part in parts)
        mask = _causal(source["mask"], source)
        mask = mask[:, None, None, :] if len(mask.shape) == 2 else mask[:, None]
        alignment = align_heads(queries, keys, mask)
        joined = join_heads(weighted_sum(_dropped(alignment, source), values))
        return affine(joined, output_kernel), ops.mean(alignment, axis=1)

    def get_config(self):
        own = {"heads": self.heads, "units": self.units}
        return {**super().get_config(), **own, "dropout": self.dropout.rate, "seed": self.seed}


def _causal(mask, source):
    """Combine a mask, (B, S) or (B, T, S), with the `causal` one of the source, if there is one."""
    if "causal" not in source:
        return mask
    return ops.logical_and(mask[:, None] if len(mask.shape) == 2 else mask, source["causal"])


def _dropped(alignment, source):
    """Multiply the weights, (B, T, S) or (B, H, T, S), by the dropout mask of the source."""
    if "dropout_mask" not in source:
        return alignment
    kept = ops.cast(source["dropout_mask"], alignment.dtype)  # a layer casts its inputs likewise
    if len(kept.shape) == 2:
        middle = (1,) * (len(alignment.shape) - 2)
        kept = ops.reshape(kept, (ops.shape(kept)[0], *middle, -1))
    return alignment * kept
