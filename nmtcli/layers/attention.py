"""Attention(Q, K, V): a weighted sum of the values, weighted by how well each key fits the query.

    e = score(query, keys),  a = softmax(e),  context = sum over s of a[s] * values[s]

`Attention` composes a score with a scope: all source positions, or a window of them.
`MultiHeadAttention` does the same several times in parallel. Both have the same two steps, so that
what depends on the source alone is computed once for a sentence:

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
    """Attention of one score function over all source positions or a window.

    1. Scores of the query against all keys: (B, T, S).
    2. Softmax over the real positions, of the window alone if there is one: (B, T, S).
    3. With a predicted window, the weights are multiplied by its Gaussian and then sum to less
       than 1, as in the paper.
    4. The weighted sum of the memory: (B, T, M).

    Reference: Bahdanau et al. (2015), arXiv:1409.0473, equations 5 and 6;
    Luong et al. (2015), arXiv:1508.04025, section 3.

    Args:
        score: a name in `mechanisms.SCORES`.
        scope: `global`, `local-m` or `local-p`.
        window: D of the local scopes.
        units: A of the scores with a tanh, and of the predicted position.
        positions: of the score `location`.
        coverage: whether the score sees the sum of earlier weights.

    Raises:
        ValueError: a name that does not exist, or a size that is not positive.
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
        """Compute what all steps need of the source, (B, S, M) and (B, S): a dictionary."""
        return {"mask": mask, "memory": memory, "keys": self.score.project(memory)}

    def compute_weights(self):
        """What `attend` reads, in the compute type. A loop reads it once before its first turn:
        TensorFlow would else cast the weights in every turn."""
        of_score = self.score.compute_weights()
        return of_score, None if self.window is None else self.window.compute_weights()

    def attend(self, query, source, positions=None, coverage=None, weights=None):
        """Attend to a source that was read before.

        Args:
            query: (B, T, Q).
            source: of `read`; dropout may have put in `dropout_mask`, (B, S), by which the
                attention weights are multiplied before the sum.
            positions: target positions of the queries from 0, int32, (T,) or (B, T); only a local
                scope reads them.
            coverage: float32, (B, T, S), if the score was made with it.
            weights: of `compute_weights`; None reads them here.

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
    """Several scaled dot-product attentions in parallel, each in a space of its own.

        head_i = Attention(q Wq_i, h Wk_i, h Wv_i),  context = [head_1; ...; head_H] Wo

    The attention weights that are returned are the mean over the heads.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.2.2; the query is the state of a
    recurrent decoder here.

    Args:
        heads: H.
        units: A, the sizes of all heads together; a multiple of the heads.

    Raises:
        ValueError: sizes that are not positive, or no multiple.
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
        """Keys (B, S, A), and values (B, S, A) under the name `memory`; see `Attention.read`."""
        return {
            "mask": mask,
            "memory": affine(memory, self.value_kernel),
            "keys": affine(memory, self.key_kernel),
        }

    def compute_weights(self):
        """What `attend` reads; see `Attention.compute_weights`."""
        query_kernel = ops.cast(self.query_kernel, self.compute_dtype)
        return query_kernel, ops.cast(self.output_kernel, self.compute_dtype)

    def attend(self, query, source, positions=None, coverage=None, weights=None):
        """Attend as `Attention.attend` does; positions and coverage are not used."""
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
    """The weights, (B, T, S) or (B, H, T, S), without source positions that dropout hides."""
    if "dropout_mask" not in source:
        return alignment
    kept = ops.cast(source["dropout_mask"], alignment.dtype)  # as a layer casts what it is given
    middle = (1,) * (len(alignment.shape) - 2)
    return alignment * ops.reshape(kept, (ops.shape(kept)[0], *middle, -1))


def split_heads(x, heads):
    """(B, T, A) -> (B, H, T, A/H)."""
    batch, time, size = ops.shape(x)
    x = ops.reshape(x, (batch, time, heads, size // heads))
    return ops.transpose(x, (0, 2, 1, 3))


def align_heads(queries, keys, mask):
    """Weights of scaled dot-product attention in each head.

    Reference: Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1, equation 1.

    Args:
        queries: (B, H, T, P); keys: (B, H, S, P).
        mask: bool, of a shape that broadcasts to (B, H, T, S).

    Returns:
        weights, float32, (B, H, T, S).
    """
    size = queries.shape[-1]
    products = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))  # (B, H, T, S)
    return masked_softmax(ops.cast(products, "float32") * float(size) ** -0.5, mask)


def join_heads(x):
    """(B, H, T, P) -> (B, T, H P), the heads side by side."""
    batch, heads, time, size = ops.shape(x)
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (batch, time, heads * size))


def masked_softmax(scores, mask):
    """Softmax over the last axis among the positions that `mask` keeps.

    Args:
        scores: float32, (B, T, S), or with further axes.
        mask: bool, (B, S), or a shape that broadcasts to that of the scores; True = real position.

    Returns:
        weights, float32, like the scores: they sum to 1, and a row without a real position is all
        zero.
    """
    mask = mask[:, None, :] if len(mask.shape) == 2 else mask
    if scores.shape[-1] == 1:  # of which Keras would warn
        return ops.where(mask, ops.ones_like(scores), 0.0)
    return ops.where(mask, ops.softmax(ops.where(mask, scores, NOTHING)), 0.0)


def weighted_sum(weights, values):
    """The context: (B, T, S), (B, S, M) -> (B, T, M) in the type of `values`."""
    return ops.matmul(ops.cast(weights, values.dtype), values)
