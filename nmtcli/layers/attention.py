"""Attention: a sum of the values, each weighted by how well its key fits the query.

    e = score(query, keys),  a = softmax(e),  context = sum over s of a[s] * values[s]

`Attention` combines a score function with a scope: all source positions, or a window of them.
`MultiHeadAttention` runs several attentions in parallel. Both have the same two steps, so that
everything that depends only on the source is computed once for a sentence:

    source = attention.read(memory, mask)                             # once for a sentence
    context, alignment = attention.attend(query, source, positions)   # for T queries, or for one

Letters: B batch, T queries (1 when decoding), S source, Q query size, M memory size, A alignment,
D window. Masks are bool and True keeps. Scores and weights are float32.
"""

import keras
from keras import ops

from nmtcli.layers.dense import affine
from nmtcli.layers.local_attention import make_window
from nmtcli.layers.scores import NOTHING, make_score


@keras.saving.register_keras_serializable(package="nmtcli")
class Attention(keras.layers.Layer):
    """Attention with one score function, over all source positions or over a window.

    1. The score function compares the query with all keys: (B, T, S).
    2. A softmax runs over the real positions, or over those inside the window: (B, T, S).
    3. With a predicted window, the weights are multiplied by its Gaussian; they then sum to less
       than 1, as in the paper.
    4. The context is the weighted sum of the memory: (B, T, M).

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, equations 5 and 6;
    Luong et al. (2015), arXiv:1508.04025, section 3.

    Args:
        score: a name in `nmtcli.config.attention.SCORES`.
        scope: `global`, `local-m` or `local-p`.
        window: D, for the local scopes.
        units: A, for the scores with a tanh and for the predicted position.
        positions: how many source positions the score `location` knows.
        coverage: whether the score sees the sum of earlier weights.

    Raises:
        ValueError: a name does not exist, or a size is not positive.
    """

    def __init__(
        self, score, scope="global", window=10, units=256, positions=256, coverage=False, **kwargs
    ):
        super().__init__(**kwargs)
        policy = {"dtype": self.dtype_policy}
        self.options = {
            "score": score, "scope": scope, "window": window, "units": units,
            "positions": positions, "coverage": coverage,
        }  # fmt: skip
        self.score = make_score(score, units, positions, coverage, name="score", **policy)
        self.window = make_window(scope, window, units, name="window", **policy)

    def build(self, query_shape, memory_shape):
        self.score.build(query_shape, memory_shape)
        if self.window is not None:
            self.window.build(query_shape)
        self.built = True

    def read(self, memory, mask):
        """Prepare the source, (B, S, M) and (B, S), for all steps; return a dictionary."""
        return {"mask": mask, "memory": memory, "keys": self.score.project(memory)}

    def compute_weights(self):
        """Return the weights for `attend` in the compute type. Call it once before a loop:
        TensorFlow would otherwise cast the weights in every turn."""
        of_score = self.score.compute_weights()
        return of_score, None if self.window is None else self.window.compute_weights()

    def attend(self, query, source, positions=None, coverage=None, weights=None):
        """Attend to a source that `read` has prepared.

        Args:
            query: (B, T, Q).
            source: the result of `read`. It may hold a `dropout_mask`, (B, S); the attention
                weights are multiplied by it before the sum.
            positions: target positions of the queries from 0, int32, (T,) or (B, T); only a local
                scope reads them.
            coverage: float32, (B, T, S), if the score uses coverage.
            weights: the result of `compute_weights`; None computes them here.

        Returns:
            the context, (B, T, M), and the attention weights, float32, (B, T, S).
        """
        of_score, of_window = self.compute_weights() if weights is None else weights
        mask = source["mask"]
        scores = self.score.step(query, source["keys"], coverage, of_score)
        if self.window is None:
            alignment = masked_softmax(scores, mask)
        else:
            inside, scale = self.window.step(query, mask, positions, of_window)
            alignment = masked_softmax(scores, inside)
            alignment = alignment if scale is None else alignment * scale
        return weighted_sum(_dropped(alignment, source), source["memory"]), alignment

    def call(self, query, memory, mask, positions=None, coverage=None):
        return self.attend(query, self.read(memory, mask), positions, coverage)

    def get_config(self):
        return {**super().get_config(), **self.options}


@keras.saving.register_keras_serializable(package="nmtcli")
class MultiHeadAttention(keras.layers.Layer):
    """Several scaled dot-product attentions in parallel, each with its own projections.

        head_i = Attention(q Wq_i, h Wk_i, h Wv_i),  context = [head_1; ...; head_H] Wo

    The attention weights that are returned are the mean over the heads.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.2.2; here the query is the state
    of a recurrent decoder.

    Args:
        heads: H.
        units: A, the sum of the sizes of all heads; a multiple of `heads`.

    Raises:
        ValueError: a size is not positive, or `units` is not a multiple of `heads`.
    """

    def __init__(self, heads, units=256, **kwargs):
        super().__init__(**kwargs)
        if heads < 1 or units < 1 or units % heads:
            raise ValueError(
                "units must be a positive multiple of heads. Received: "
                f"units={units}, heads={heads}"
            )
        self.heads, self.units = heads, units

    def build(self, query_shape, memory_shape):
        def weight(name, rows, columns):
            return self.add_weight(name=name, shape=(rows, columns), initializer="glorot_uniform")

        self.query_kernel = weight("query_kernel", query_shape[-1], self.units)
        self.key_kernel = weight("key_kernel", memory_shape[-1], self.units)
        self.value_kernel = weight("value_kernel", memory_shape[-1], self.units)
        self.output_kernel = weight("output_kernel", self.units, memory_shape[-1])
        self.built = True

    def read(self, memory, mask):
        """Compute keys and values (`memory`), (B, S, A) each; see `Attention.read`."""
        return {
            "mask": mask,
            "memory": affine(memory, self.value_kernel),
            "keys": affine(memory, self.key_kernel),
        }

    def compute_weights(self):
        """Return the weights for `attend`; see `Attention.compute_weights`."""
        query_kernel = ops.cast(self.query_kernel, self.compute_dtype)
        return query_kernel, ops.cast(self.output_kernel, self.compute_dtype)

    def attend(self, query, source, positions=None, coverage=None, weights=None):
        """Attend like `Attention.attend`; positions and coverage are not used."""
        query_kernel, output_kernel = self.compute_weights() if weights is None else weights
        parts = affine(query, query_kernel), source["keys"], source["memory"]
        queries, keys, values = (split_heads(part, self.heads) for part in parts)
        alignment = align_heads(queries, keys, source["mask"][:, None, None, :])
        joined = join_heads(weighted_sum(_dropped(alignment, source), values))
        return affine(joined, output_kernel), ops.mean(alignment, axis=1)

    def call(self, query, memory, mask, positions=None, coverage=None):
        return self.attend(query, self.read(memory, mask))

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "units": self.units}


def _dropped(alignment, source):
    """Multiply the weights, (B, T, S) or (B, H, T, S), by the dropout mask of the source."""
    if "dropout_mask" not in source:
        return alignment
    kept = ops.cast(source["dropout_mask"], alignment.dtype)  # a layer casts its inputs likewise
    middle = (1,) * (len(alignment.shape) - 2)
    return alignment * ops.reshape(kept, (ops.shape(kept)[0], *middle, -1))


def split_heads(x, heads):
    """Split the last axis into heads: (B, T, A) -> (B, H, T, A/H)."""
    batch, time, size = ops.shape(x)
    x = ops.reshape(x, (batch, time, heads, size // heads))
    return ops.transpose(x, (0, 2, 1, 3))


def align_heads(queries, keys, mask):
    """Compute the weights of scaled dot-product attention in each head.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1, equation 1.

    Args:
        queries: (B, H, T, P); keys: (B, H, S, P).
        mask: bool; its shape broadcasts to (B, H, T, S).

    Returns:
        weights, float32, (B, H, T, S).
    """
    size = queries.shape[-1]
    products = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))  # (B, H, T, S)
    return masked_softmax(ops.cast(products, "float32") * float(size) ** -0.5, mask)


def join_heads(x):
    """Put the heads side by side: (B, H, T, P) -> (B, T, H P)."""
    batch, heads, time, size = ops.shape(x)
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (batch, time, heads * size))


def masked_softmax(scores, mask):
    """Compute a softmax over the positions of the last axis that `mask` keeps.

    Args:
        scores: float32, (B, T, S), or with further axes.
        mask: bool, (B, S), or a shape that broadcasts to the scores; True = real position.

    Returns:
        weights, float32, shaped like the scores. They sum to 1; a row without a real position is
        all zero.
    """
    mask = mask[:, None, :] if len(mask.shape) == 2 else mask
    if scores.shape[-1] == 1:  # Keras would warn otherwise
        return ops.where(mask, ops.ones_like(scores), 0.0)
    return ops.where(mask, ops.softmax(ops.where(mask, scores, NOTHING)), 0.0)


def weighted_sum(weights, values):
    """Compute the context: (B, T, S), (B, S, M) -> (B, T, M) in the type of `values`."""
    return ops.matmul(ops.cast(weights, values.dtype), values)
