"""The loss of a batch, and the terms that it is the sum of.

Losses are summed over real target tokens. Letters: B batch, T target, S source, N positions (B
times T), R readout, V vocabulary.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from nmtcli.config import TrainingConfig
from nmtcli.text.special_tokens import PAD_ID

SMALLEST_PROBABILITY = 1e-30  # for a smaller one, the logarithm is computed from the logits
SMALLEST_ATTENTION = 1e-9  # a smaller weight counts as this and gets no gradient


class LossWeights(NamedTuple):
    """Weights of the losses that may act only during a part of the training, float32 scalars."""

    coverage_loss: Any
    guided_alignment: Any


def loss_weights(options: TrainingConfig, step: int) -> LossWeights:
    """Compute the weights in update `step`, which counts from 1.

    See et al. (2017), section 5, add the coverage loss (from update `coverage_from`) when the model
    is nearly trained, because from the beginning it disturbs the main loss.
    """
    is_guided = not options.guided_until or step <= options.guided_until
    return LossWeights(
        options.coverage_loss * (step > options.coverage_from), options.guided_alignment * is_guided
    )


def batch_loss(outputs, output_layer, targets, alignment, options: TrainingConfig, weights):
    """Compute the loss that an update minimises. A term whose option is zero is not computed.

    With `r_drop` each sentence is in the batch twice. The loss is the mean of both passes, half of
    the paper's loss, so that losses and gradient norms are comparable with and without R-Drop.

    Args:
        outputs: the results of the model's `decode`, hidden (B, T, R) and attention (B, T, S).
        output_layer: the results of the model's `output_layer`, kernel (R, V) and bias (V,).
        targets: (B, T), int.
        alignment: (B, T, S), float32, or None without guided alignment.
        options: the options of the terms; `coverage_loss` needs a model with coverage.
        weights: the `LossWeights` of this update.

    Returns:
        loss, nll and the number of real target tokens, float32 scalars.
    """
    hidden, attention = outputs
    layer = hidden, *output_layer, targets
    real = ops.cast(ops.not_equal(targets, PAD_ID), "float32")
    if options.r_drop:
        real = 0.5 * real
        loss, nll = r_drop_loss(*layer, real, options.label_smoothing, options.r_drop)
    else:
        loss, nll = smoothed_cross_entropy(*layer, real, options.label_smoothing)
    if options.coverage_loss:
        loss = loss + weights.coverage_loss * coverage_loss(attention, real)
    if options.guided_alignment:
        guided = guided_alignment_loss(attention, alignment, real)
        loss = loss + weights.guided_alignment * guided
    return loss, nll, ops.sum(real)


# -- cross-entropy through the output layer --------------------------------------------------------


def smoothed_cross_entropy(hidden, kernel, bias, targets, weights, label_smoothing):
    """Compute the cross-entropy with label smoothing, and the plain cross-entropy.

        z = hidden kernel + bias
        q(v) = (1 - e) [v = target] + e / V
        loss = sum over n of w(n) * (log sum over v of exp z(n, v) - sum over v of q(v) z(n, v))

    Reference: Szegedy et al. (2016), arXiv:1512.00567, section 7.

    Args:
        hidden: (B, T, R), of any float type, in which products are computed.
        kernel: (R, V). bias: (V,).
        targets: (B, T), int.
        weights: w, (B, T), float32; 1 at real tokens and 0 at padding.
        label_smoothing: e, at least 0 and under 1.

    Returns:
        loss: float32 scalar, the smoothed sum; only this one has a gradient.
        nll: float32 scalar, the sum of -log p(target); exp of its mean is the perplexity.
    """

    def cross_entropy(logits, targets, weights):
        probabilities = softmax(logits)
        target_logits, nll = target_logits_and_nll(logits, probabilities, targets)
        gradient = subtract_targets(probabilities, targets, label_smoothing)
        return LogitsLoss(target_logits, nll, gradient)

    return loss_through_output_layer(
        cross_entropy, hidden, kernel, bias, targets, weights, label_smoothing
    )


class LogitsLoss(NamedTuple):
    """The results of a loss function on the logits of N positions.

    target_logits: the logit of each target, float32, (N,).
    nll: -log p(target), float32, (N,).
    gradient: the gradient with respect to the logits for positions of weight 1, without the
        uniform part of the smoothed labels, (N, V), in the type of the logits.
    divergence: float32 scalar that is added to the loss.
    """

    target_logits: Any
    nll: Any
    gradient: Any
    divergence: Any = 0.0


def loss_through_output_layer(logits_loss, hidden, kernel, bias, targets, weights, label_smoothing):
    """Compute a loss of the logits together with its gradient.

    The logits, (N, V), are the largest array of a step, and passes over it cost more than the
    products that make and use it. So passes are few: the bias is one more row of the kernel, the
    gradient with respect to the logits enters both products at once, and the uniform part of the
    labels, which is the same for all tokens, is computed without the array.

    Args:
        logits_loss: a function of logits (N, V), targets and weights (N,) that returns a
            `LogitsLoss`.
        hidden, kernel, bias, targets, weights, label_smoothing: see `smoothed_cross_entropy`.

    Returns:
        loss and nll as in `smoothed_cross_entropy`; the loss includes the divergence.
    """
    targets, weights = ops.reshape(targets, (-1,)), ops.reshape(weights, (-1,))
    size = bias.shape[0]

    @ops.custom_gradient
    def loss_and_nll(hidden, kernel, bias):
        flat = ops.reshape(hidden, (-1, hidden.shape[-1]))
        inputs = ops.concatenate([flat, ops.ones_like(flat[:, :1])], axis=-1)  # (N, R + 1)
        layer = ops.cast(ops.concatenate([kernel, bias[None]], axis=0), flat.dtype)  # (R + 1, V)
        found = logits_loss(ops.matmul(inputs, layer), targets, weights)

        precise = ops.cast(inputs, "float32")
        uniform = ops.mean(ops.cast(layer, "float32"), axis=-1)  # one for each unit, (R + 1,)
        mean_logits = ops.matmul(precise, uniform)  # (N,)
        each = found.nll + label_smoothing * (found.target_logits - mean_logits)
        loss = ops.sum(weights * each) + found.divergence

        weighted = precise * weights[:, None]
        by_hidden = ops.matmul(found.gradient, ops.transpose(layer[:-1]))  # (N, R)
        by_hidden = ops.cast(by_hidden, "float32") - label_smoothing * uniform[:-1]
        by_hidden = by_hidden * weights[:, None]
        by_layer = ops.matmul(ops.transpose(ops.cast(weighted, flat.dtype)), found.gradient)
        by_layer = ops.cast(by_layer, "float32")  # (R + 1, V)
        by_layer = by_layer - (label_smoothing / size) * ops.sum(weighted, axis=0)[:, None]

        def gradient(*args, upstream=None):
            scale = first_upstream(args if upstream is None else upstream)
            of_hidden = ops.reshape(ops.cast(scale * by_hidden, hidden.dtype), ops.shape(hidden))
            scaled = scale * by_layer
            of_kernel = ops.cast(scaled[:-1], kernel.dtype)
            return of_hidden, of_kernel, ops.cast(scaled[-1], bias.dtype)

        return (loss, ops.sum(weights * found.nll)), gradient

    loss, nll = loss_and_nll(hidden, kernel, bias)
    return loss, ops.stop_gradient(nll)


def softmax(logits):
    """Compute the softmax of (N, V) logits in float32; return it in their type.

    TensorFlow's softmax does this internally (in oneDNN, if the processor has bfloat16).
    """
    if keras.backend.backend() == "tensorflow":
        return ops.softmax(logits)
    return ops.cast(ops.softmax(ops.cast(logits, "float32")), logits.dtype)


def target_logits_and_nll(logits, probabilities, targets):
    """Return the logit and -log p of each position's target, float32, (N,).

    The probability is known, so its logarithm is computed from the logits only where it is too
    small.
    """
    target_logits, target_probabilities = (
        ops.cast(ops.take_along_axis(x, targets[:, None], axis=-1)[:, 0], "float32")
        for x in (logits, probabilities)
    )
    nll = ops.cond(
        ops.any(target_probabilities < SMALLEST_PROBABILITY),
        lambda: ops.logsumexp(ops.cast(logits, "float32"), axis=-1) - target_logits,
        lambda: -ops.log(target_probabilities),
    )
    return target_logits, nll


def subtract_targets(gradient, targets, label_smoothing):
    """Subtract 1 - e at each position's target, without a pass over the whole (N, V) array."""
    rows = ops.arange(ops.shape(targets)[0], dtype="int32")
    places = ops.stack([rows, ops.cast(targets, "int32")], axis=-1)
    current = ops.take_along_axis(gradient, targets[:, None], axis=-1)[:, 0]
    return ops.scatter_update(gradient, places, current - (1.0 - label_smoothing))


def first_upstream(upstream):
    """Return the gradient of the first result: TensorFlow has a list, JAX a tuple inside one."""
    while isinstance(upstream, (tuple, list)):
        upstream = upstream[0]
    return upstream


# -- R-Drop ----------------------------------------------------------------------------------------


def r_drop_loss(hidden, kernel, bias, targets, weights, label_smoothing, r_drop):
    """Compute the smoothed cross-entropy of two passes with different dropout, plus a divergence.

        loss = sum over both passes p, q of the smoothed cross-entropy
               + r_drop * sum over n of w(n) * (KL(p(n) || q(n)) + KL(q(n) || p(n))) / 2

    With d = log p - log q, the gradient of the divergence with respect to the logits of p is
    (p * (d - KL(p || q)) + p - q) / 2. The second pass is the second half of the rows.

    Reference: Liang et al. (2021), arXiv:2106.14448, section 2.1, equations 1 to 4.

    Args:
        hidden: (2 B, T, R), of any float type, in which products are computed.
        kernel: (R, V). bias: (V,).
        targets: (2 B, T), int; the second half equals the first one.
        weights: w, (2 B, T), float32; the same in both halves, 0 at padding.
        label_smoothing: e, at least 0 and under 1.
        r_drop: the weight of the divergence, alpha in the paper.

    Returns:
        loss and nll as in `smoothed_cross_entropy`, summed over both passes.
    """
    half_weight = 0.5 * r_drop

    def paired_cross_entropy(logits, targets, weights):
        half = ops.shape(targets)[0] // 2
        precise = ops.cast(logits, "float32")
        probabilities = ops.softmax(precise)  # (2 N, V)
        target_logits, nll = target_logits_and_nll(precise, probabilities, targets)
        log_total = nll + target_logits
        p, q = probabilities[:half], probabilities[half:]
        log_ratio = precise[:half] - precise[half:]
        log_ratio = log_ratio - (log_total[:half] - log_total[half:])[:, None]  # log p - log q
        kl_pq, kl_qp = ops.sum(p * log_ratio, axis=-1), -ops.sum(q * log_ratio, axis=-1)
        log_ratio = half_weight * log_ratio
        by_p = p * (log_ratio + (1.0 + half_weight * (1.0 - kl_pq))[:, None]) - half_weight * q
        by_q = q * ((1.0 + half_weight * (1.0 - kl_qp))[:, None] - log_ratio) - half_weight * p
        gradient = ops.cast(ops.concatenate([by_p, by_q], axis=0), logits.dtype)
        gradient = subtract_targets(gradient, targets, label_smoothing)
        divergence = half_weight * ops.sum(weights[:half] * (kl_pq + kl_qp))
        return LogitsLoss(target_logits, nll, gradient, divergence)

    return loss_through_output_layer(
        paired_cross_entropy, hidden, kernel, bias, targets, weights, label_smoothing
    )


# -- losses of the attention -----------------------------------------------------------------------


def coverage_loss(attention, real):
    """Compute the coverage loss: repeated attention, summed over real target tokens.

        c[b, t, s] = sum over t' < t of a[b, t', s]
        loss = sum over real (b, t) of sum over s of min(a[b, t, s], c[b, t, s])

    Reference: See et al. (2017), arXiv:1704.04368, section 2.3, equations 10 and 12.

    Args:
        attention: a, float32, (B, T, S).
        real: (B, T), float32; 1 at real tokens and 0 at padding.

    Returns:
        float32 scalar.
    """
    coverage = ops.cumsum(attention, axis=1) - attention
    repeated = ops.sum(ops.minimum(attention, coverage), axis=-1)  # (B, T)
    return ops.sum(repeated * real)


def guided_alignment_loss(attention, alignment, real):
    """Compute the cross-entropy of attention to given alignments, summed over real target tokens.

        loss = - sum over real (b, t) of sum over s of g[b, t, s] log a[b, t, s]

    Divided by the number of real target tokens, this is the papers' loss. A target token without a
    link adds nothing to it.

    Reference: Chen et al. (2016), arXiv:1607.01628;
    Garg et al. (2019), arXiv:1909.02074.

    Args:
        attention: a, float32, (B, T, S).
        alignment: g, float32, (B, T, S); a row sums to one, or is zero for a token without links.
        real: (B, T), float32; 1 at real tokens and 0 at padding.

    Returns:
        float32 scalar.
    """
    logs = ops.log(ops.maximum(attention, SMALLEST_ATTENTION))
    return -ops.sum(real * ops.sum(alignment * logs, axis=-1))
