"""One update: loss, gradient, clipping, Adam. The same numbers on TensorFlow and JAX.

Dropout's randomness is a function of (seed, step), so a resumed training repeats it exactly.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from nmtcli import backend
from nmtcli.text.piece_ids import PAD_ID
from nmtcli.training.loss import coverage_loss, smoothed_cross_entropy

DRAWS = 64  # of dropout in one step, at most


@dataclass(frozen=True)
class StepResult:
    """loss and nll: sums over the batch; tokens: real targets; gradient_norm: before clipping."""

    loss: float
    nll: float
    tokens: int
    gradient_norm: float

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.loss) and np.isfinite(self.gradient_norm))


class TrainStep:
    """A compiled update of a model. An update whose gradient is not finite changes nothing.

    Args:
        model: called as model(source_ids, decoder_inputs, training=True, with_weights=True); it
            draws its dropout from `model.dropout_seed`.
        optimizer: a Keras optimizer.
        smoothing: of the labels.
        clip_norm: largest norm of the whole gradient; 0 is none.
        seed: of dropout.
        coverage_weight: of the coverage loss, for a model with coverage.
        coverage_from: updates before the coverage loss acts. See et al. (2017), section 5, add it
            when the model is nearly trained, since from the beginning it disturbs the main loss.
    """

    def __init__(
        self, model, optimizer, *, smoothing, clip_norm, seed, coverage_weight=0.0, coverage_from=0
    ):
        self.model, self.optimizer = model, optimizer
        self.coverage_weight = coverage_weight if model.mechanism.coverage else 0.0
        self.coverage_from = coverage_from
        self.smoothing, self.clip_norm, self.seed = smoothing, clip_norm, seed
        optimizer.build(model.trainable_variables)
        on_jax = backend.choose() == "jax"
        self._update = self._jax_update() if on_jax else self._tensorflow_update()

    def __call__(self, arrays, learning_rate, step) -> StepResult:
        """Update with `arrays` (source_ids, decoder_inputs, targets) at number `step`."""
        self.optimizer.learning_rate = learning_rate
        draw = np.array([self.seed, step * DRAWS % 2**32], dtype="uint32")
        self.model.dropout_seed.state.assign(draw)
        coverage = np.float32(self.coverage_weight if step > self.coverage_from else 0.0)
        loss, nll, norm = self._update(*arrays, coverage)
        tokens = int(np.count_nonzero(arrays.targets != PAD_ID))
        return StepResult(float(loss), float(nll), tokens, float(norm))

    def _loss(self, outputs, targets, coverage_weight):
        """The mean to be minimised, and the sums to be reported."""
        logits, attention = outputs
        real = ops.cast(ops.not_equal(targets, PAD_ID), "float32")
        loss, nll = smoothed_cross_entropy(logits, targets, real, self.smoothing)
        if self.coverage_weight:
            loss = loss + coverage_weight * coverage_loss(attention, real)
        return loss / ops.maximum(ops.sum(real), 1.0), loss, nll

    def _clip(self, gradients):
        """Gradients scaled to the largest allowed norm, and the norm before that."""
        squares = [ops.sum(ops.square(g)) for g in gradients]
        norm = ops.sqrt(sum(squares))
        if self.clip_norm:
            scale = ops.minimum(1.0, self.clip_norm / ops.maximum(norm, 1e-12))
            gradients = [g * scale for g in gradients]
        return gradients, norm

    def _tensorflow_update(self):
        import tensorflow as tf

        ids = tf.TensorSpec([None, None], tf.int32)
        weight = tf.TensorSpec([], tf.float32)

        @tf.function(input_signature=[ids, ids, ids, weight], autograph=False)
        def update(source_ids, decoder_inputs, targets, coverage_weight):
            variables = self.model.trainable_variables
            with tf.GradientTape() as tape:
                outputs = self.model(source_ids, decoder_inputs, training=True, with_weights=True)
                mean, loss, nll = self._loss(outputs, targets, coverage_weight)
            gradients = tape.gradient(mean, [v.value for v in variables])
            gradients, norm = self._clip([tf.convert_to_tensor(g) for g in gradients])

            def apply():
                self.optimizer.apply(gradients, variables)
                return tf.constant(0)

            good = tf.math.is_finite(norm) & tf.math.is_finite(loss)
            tf.cond(good, apply, lambda: tf.constant(0))
            return loss, nll, norm

        return update

    def _jax_update(self):
        import jax
        import jax.numpy as jnp

        model, optimizer = self.model, self.optimizer

        def objective(trainable, fixed, source_ids, decoder_inputs, targets, coverage_weight):
            outputs, fixed = model.stateless_call(
                trainable, fixed, source_ids, decoder_inputs, training=True, with_weights=True
            )
            mean, loss, nll = self._loss(outputs, targets, coverage_weight)
            return mean, (loss, nll)

        @jax.jit
        def update(trainable, fixed, slots, *arrays):
            gradient = jax.grad(objective, has_aux=True)
            gradients, (loss, nll) = gradient(trainable, fixed, *arrays)
            gradients, norm = self._clip(gradients)
            new = optimizer.stateless_apply(slots, gradients, trainable)
            good = jnp.isfinite(norm) & jnp.isfinite(loss)
            kept = jax.tree.map(lambda a, b: jnp.where(good, a, b), new, (trainable, slots))
            return (*kept, loss, nll, norm)

        def run(*arrays):
            values = [[v.value for v in group] for group in (
                model.trainable_variables, model.non_trainable_variables, optimizer.variables
            )]  # fmt: skip
            trainable, slots, *numbers = update(*values, *arrays)
            for variable, value in zip(model.trainable_variables, trainable):
                variable.assign(value)
            for variable, value in zip(optimizer.variables, slots):
                variable.assign(value)
            return numbers

        return run


def make_optimizer(config):
    """Adam (Kingma and Ba, 2015, arXiv:1412.6980) as the `training` section asks for it."""
    return keras.optimizers.Adam(
        learning_rate=config.learning_rate,
        beta_1=config.adam_beta_1,
        beta_2=config.adam_beta_2,
        epsilon=1e-8,
    )
