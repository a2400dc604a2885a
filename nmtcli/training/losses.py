"""The output layer with its label-smoothed cross-entropy, and the coverage loss.

Losses are summed over real target tokens. Letters: B batch, T target, S source, N positions (B
times T), R readout, V vocabulary.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

UNLIKELY = 1e-30  # a probability whose logarithm is better taken another way


class Scored(NamedTuple):
    """What a loss finds in the logits of N positions.

    at_target: the logit of the target, float32, (N,).
    nll: -log p(target), float32, (N,).
    gradient: by the logits at weight 1, without the uniform part of the labels, (N, V), in their
        type.
    beside: what is added to the loss, a float32 scalar.
    """

    at_target: Any
    nll: Any
    gradient: Any
    beside: Any = 0.0


def smoothed_cross_entropy(hidden, kernel, bias, targets, weights, smoothing):
    """Cross-entropy against a target mixed with the uniform distribution, and the plain one.

        z = hidden kernel + bias
        q(v) = (1 - e) [v = target] + e / V
        loss = sum over n of w(n) * (log sum over v of exp z(n, v) - sum over v of q(v) z(n, v))

    Reference: Szegedy et al. (2016), arXiv:1512.00567, section 7.

    Args:
        hidden: (B, T, R), of any float type, which is that of the products.
        kernel: (R, V). bias: (V,).
        targets: (B, T), int.
        weights: (B, T), float32; 1 at real tokens and 0 at padding.
        smoothing: e, at least 0 and under 1.

    Returns:
        loss: float32 scalar, the smoothed sum; only this one has a gradient.
        nll: float32 scalar, the sum of -log p(target), whose mean's exponential is the perplexity.
    """

    def score(z, targets, weights):
        probabilities = softmax(z)
        at_target, nll = look_at_targets(z, probabilities, targets)
        return Scored(at_target, nll, less_labels(probabilities, targets, smoothing))

    return through_output_layer(score, hidden, kernel, bias, targets, weights, smoothing)


def through_output_layer(score, hidden, kernel, bias, targets, weights, smoothing):
    """A loss of the logits, whose gradient is computed together with it.

    The logits, (N, V), are the largest array of a step, and passes over it cost more than the
    products that make and use it. So there are as few as can be: the bias is a row more of the
    kernel, the gradient by the logits goes into both products as soon as it is known, and what is
    the same for all pieces, the uniform part of the labels, never meets the array.

    Args:
        score: a function of logits (N, V), targets and weights (N,) that gives a `Scored`.
        hidden, kernel, bias, targets, weights, smoothing: of `smoothed_cross_entropy`.

    Returns:
        loss and nll of `smoothed_cross_entropy`, with what the score adds to the loss.
    """
    targets, weights = ops.reshape(targets, (-1,)), ops.reshape(weights, (-1,))
    size = bias.shape[0]

    @ops.custom_gradient
    def of_layer(hidden, kernel, bias):
        flat = ops.reshape(hidden, (-1, hidden.shape[-1]))
        inputs = ops.concatenate([flat, ops.ones_like(flat[:, :1])], axis=-1)  # (N, R + 1)
        layer = ops.cast(ops.concatenate([kernel, bias[None]], axis=0), flat.dtype)  # (R + 1, V)
        found = score(ops.matmul(inputs, layer), targets, weights)

        precise = ops.cast(inputs, "float32")
        uniform = ops.mean(ops.cast(layer, "float32"), axis=-1)  # of each unit, (R + 1,)
        mean = ops.matmul(precise, uniform)  # of the logits, (N,)
        each = found.nll + smoothing * (found.at_target - mean)
        loss = ops.sum(weights * each) + found.beside

        weighted = precise * weights[:, None]
        by_hidden = ops.matmul(found.gradient, ops.transpose(layer[:-1]))  # (N, R)
        by_hidden = ops.cast(by_hidden, "float32") - smoothing * uniform[:-1]
        by_hidden = by_hidden * weights[:, None]
        by_layer = ops.matmul(ops.transpose(ops.cast(weighted, flat.dtype)), found.gradient)
        by_layer = ops.cast(by_layer, "float32")  # (R + 1, V)
        by_layer = by_layer - (smoothing / size) * ops.sum(weighted, axis=0)[:, None]

        def gradient(*args, upstream=None):
            scale = first_upstream(args if upstream is None else upstream)
            of_hidden = ops.reshape(ops.cast(scale * by_hidden, hidden.dtype), ops.shape(hidden))
            scaled = scale * by_layer
            return (
                of_hidden, ops.cast(scaled[:-1], kernel.dtype), ops.cast(scaled[-1], bias.dtype)
            )  # fmt: skip

        return (loss, ops.sum(weights * found.nll)), gradient

    loss, nll = of_layer(hidden, kernel, bias)
    return loss, ops.stop_gradient(nll)


def softmax(z):
    """The softmax of (N, V) logits in their type, but computed in float32.

    TensorFlow's own for bfloat16 does so inside (in oneDNN, where processors have bfloat16).
    """
    if keras.backend.backend() == "tensorflow":
        return ops.softmax(z)
    return ops.cast(ops.softmax(ops.cast(z, "float32")), z.dtype)


def look_at_targets(z, probabilities, targets):
    """The logit and -log p of each row's target, float32, (N,).

    The probability is known, so that mostly nothing need be read again for its logarithm.
    """
    at_target, probability = (
        ops.cast(ops.take_along_axis(x, targets[:, None], axis=-1)[:, 0], "float32")
        for x in (z, probabilities)
    )
    nll = ops.cond(
        ops.any(probability < UNLIKELY),
        lambda: ops.logsumexp(ops.cast(z, "float32"), axis=-1) - at_target,
        lambda: -ops.log(probability),
    )
    return at_target, nll


def less_labels(dense, targets, smoothing):
    """(N, V) less 1 - e at each row's target, without a pass over the whole array."""
    rows = ops.arange(ops.shape(targets)[0], dtype="int32")
    places = ops.stack([rows, ops.cast(targets, "int32")], axis=-1)
    current = ops.take_along_axis(dense, targets[:, None], axis=-1)[:, 0]
    return ops.scatter_update(dense, places, current - (1.0 - smoothing))


def first_upstream(upstream):
    """The gradient of the first result: TensorFlow gives a list, JAX a tuple inside one."""
    while isinstance(upstream, (tuple, list)):
        upstream = upstream[0]
    return upstream


def coverage_loss(weights, real):
    """How much is attended to again, summed over real target tokens.

        c[b, t, s] = sum over t' < t of a[b, t', s]
        loss = sum over real (b, t) of sum over s of min(a[b, t, s], c[b, t, s])

    Reference: See et al. (2017), arXiv:1704.04368, section 2.3, equations 10 and 12.

    Args:
        weights: a, float32, (B, T, S).
        real: (B, T), float32; 1 at real tokens and 0 at padding.

    Returns:
        float32 scalar.
    """
    before = ops.cumsum(weights, axis=1) - weights
    repeated = ops.sum(ops.minimum(weights, before), axis=-1)  # (B, T)
    return ops.sum(repeated * real)
