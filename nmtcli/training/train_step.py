"""One update: loss, gradient, clipping, Adam. TensorFlow and JAX compute the same numbers.

All random numbers are functions of (seed, step), so a resumed training repeats them exactly.
"""

from dataclasses import dataclass, replace

import keras
import numpy as np
from keras import ops

from nmtcli import backend
from nmtcli.config import TrainingConfig
from nmtcli.data.batching import Arrays
from nmtcli.models.weights import arrays_of, optimizer_arrays, set_arrays, set_optimizer_arrays
from nmtcli.text.special_tokens import PAD_ID
from nmtcli.training.losses import LossWeights, batch_loss, loss_weights
from nmtcli.training.word_dropout import drop_words

DROPOUT_DRAWS = 1024  # the most draws of dropout in one pass
SEED_STRIDE = 0x9E3779B1  # odd, so that the seeds of an update's micro-batches all differ


@dataclass(frozen=True)
class StepResult:
    """Sums `loss` and `nll` over the batch; `tokens`: real targets; the norm before clipping."""

    loss: float
    nll: float
    tokens: int
    gradient_norm: float

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.loss) and np.isfinite(self.gradient_norm))


class TrainStep:
    """A compiled update of a model; it changes nothing if the gradient is not finite.

    With `average_decay` it also keeps an exponential moving average (EMA) of the weights. The decay
    at update t is at most (1 + t) / (10 + t), so that the average soon forgets the first weights,
    which are random.

    Args:
        model: the update trains its `decode` and `output_layer`; it draws its dropout from
            `model.dropout_seed`. Weights that are not trainable stay.
        options: the `training` section. With guided alignment, the batches need an alignment; the
            coverage loss needs a model with coverage.
        optimizer: a Keras optimizer; by default the one of the options. A weight decay acts only on
            matrices.
    """

    def __init__(self, model, options: TrainingConfig, optimizer=None):
        if not model.mechanism.coverage:
            options = replace(options, coverage_loss=0.0)
        self.model, self.options = model, options
        self.optimizer = optimizer = make_optimizer(options) if optimizer is None else optimizer
        trained = model.trainable_variables
        if optimizer.weight_decay:
            optimizer.exclude_from_weight_decay([v for v in trained if len(v.shape) < 2])
        optimizer.build(trained)
        self._averages = [
            keras.Variable(np.asarray(v.value), trainable=False, name="average", dtype=v.dtype)
            for v in (trained if options.average_decay else ())
        ]
        compiled = _JaxUpdate if backend.choose() == "jax" else _TensorFlowUpdate
        self._update = compiled(model, optimizer, options, self._averages)

    def __call__(self, arrays, learning_rate, step) -> StepResult:
        """Run update number `step`.

        Args:
            arrays: `Arrays`; or a list of micro-batches, whose gradients add up to the gradient of
                one batch with all of their sentences.
            learning_rate: the learning rate of this update.
            step: the number of this update, from 1.
        """
        batches = [arrays] if isinstance(arrays, Arrays) else list(arrays)
        tokens = sum(int(np.count_nonzero(batch.targets != PAD_ID)) for batch in batches)
        self.optimizer.learning_rate = learning_rate
        weights = LossWeights(*map(np.float32, loss_weights(self.options, step)))
        decay = np.float32(min(self.options.average_decay, (1 + step) / (10 + step)))
        if len(batches) == 1:
            inputs = self._inputs(batches[0], step, 0)
            loss, nll, norm = self._update.update(inputs, weights, decay)
            return StepResult(float(loss), float(nll), tokens, float(norm))
        self._update.reset_gradients()
        sums = []
        for number, batch in enumerate(batches):
            loss, nll = self._update.accumulate(self._inputs(batch, step, number), weights)
            sums.append((float(loss), float(nll)))
        loss, nll = np.sum(sums, axis=0)
        norm = self._update.apply_accumulated(np.float32(max(tokens, 1)), np.float32(loss), decay)
        return StepResult(float(loss), float(nll), tokens, float(norm))

    def _inputs(self, arrays, step, number):
        """Return the inputs of micro-batch `number` of update `step`, and seed dropout."""
        options = self.options
        seed = (options.seed + SEED_STRIDE * number) % 2**32
        state = np.array([seed, step * DROPOUT_DRAWS % 2**32], "uint32")
        self.model.dropout_seed.state.assign(state)
        inputs = [arrays.source_ids, arrays.decoder_inputs, arrays.targets]
        if options.guided_alignment:
            inputs.append(arrays.alignment)
        if options.r_drop:
            inputs = [np.concatenate([array, array]) for array in inputs]
        generator = np.random.default_rng((options.seed, step, number))
        for side, rate in enumerate((options.source_word_dropout, options.target_word_dropout)):
            inputs[side] = drop_words(inputs[side], rate, generator)
        return tuple(inputs)

    # -- what a checkpoint holds -----------------------------------------------------------------

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups that `arrays` returns."""
        return ("model", "optimizer", *(["training"] if self._averages else []))

    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """Return all arrays that a resumed training needs, by group and name.

        `model` holds the weights to translate with. With an average, they are the averaged weights,
        and `training` holds the weights that are being trained.
        """
        weights, slots = arrays_of(self.model), optimizer_arrays(self.optimizer)
        training = {"training": weights} if self._averages else {}
        return {"model": self._averaged(weights), "optimizer": slots, **training}

    def set_arrays(self, arrays) -> None:
        """Restore the result of `arrays`.

        Raises:
            NmtError: the arrays belong to another model.
        """
        set_arrays(self.model, arrays["training" if self._averages else "model"])
        set_optimizer_arrays(self.optimizer, arrays["optimizer"])
        for average, variable in zip(self._averages, self.model.trainable_variables):
            average.assign(arrays["model"][variable.path])

    def weights(self) -> dict[str, np.ndarray]:
        """Return the weights to translate with, by name; the averages if there are any."""
        return self._averaged(arrays_of(self.model))

    def _averaged(self, weights):
        trained = zip(self.model.trainable_variables, self._averages)
        return {**weights, **{v.path: np.asarray(average.value) for v, average in trained}}


def make_optimizer(options: TrainingConfig):
    """Make Adam (Kingma and Ba, 2015, arXiv:1412.6980) with the options of the `training` section.

    With `weight_decay` it is AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101, algorithm 2): an
    update also reduces each matrix by learning rate times decay times itself. Vectors (biases and
    scales) have no decay.
    """
    return keras.optimizers.Adam(
        learning_rate=options.learning_rate,
        beta_1=options.adam_beta_1,
        beta_2=options.adam_beta_2,
        epsilon=1e-8,
        weight_decay=options.weight_decay or None,
    )


# -- the compiled graphs ---------------------------------------------------------------------------


class _CompiledUpdate:
    """The compiled graphs of an update. One batch needs one graph, `update`. Several micro-batches
    need `reset_gradients`, the graph `accumulate`, which adds a gradient to the sum, for each, and
    the graph `apply_accumulated`, which applies the sum.

    Args:
        model: the update trains its `decode` and `output_layer`.
        optimizer: an optimizer that was built on the model's trainable variables.
        options: the `training` section.
        averages: variables that average the trainable ones, in the same order; or none.

    Call arguments of the graphs:
        inputs: source_ids, decoder_inputs, targets, and with guided alignment the alignment.
        weights: the `LossWeights`.
        average_decay: the decay of the averages, a float32 scalar.
        tokens, loss: sums over the micro-batches, float32 scalars.
    """

    def __init__(self, model, optimizer, options, averages):
        self.model, self.optimizer = model, optimizer
        self.options, self.averages = options, averages
        self.variables = model.trainable_variables

    def _loss(self, inputs, weights):
        source_ids, decoder_inputs, targets, *alignment = inputs
        outputs = self.model.decode(source_ids, decoder_inputs, training=True)
        alignment = alignment[0] if alignment else None
        layer = self.model.output_layer()
        return batch_loss(outputs, layer, targets, alignment, self.options, weights)

    def _clip(self, gradients):
        """Scale gradients to the largest allowed norm; return them and the norm before."""
        squares = [ops.sum(ops.square(g)) for g in gradients]
        norm = ops.sqrt(sum(squares))
        if self.options.clip_norm:
            scale = ops.minimum(1.0, self.options.clip_norm / ops.maximum(norm, 1e-12))
            gradients = [g * scale for g in gradients]
        return gradients, norm


class _TensorFlowUpdate(_CompiledUpdate):
    def __init__(self, *args):
        super().__init__(*args)
        import tensorflow as tf

        scalar = tf.TensorSpec([], tf.float32)
        inputs = [tf.TensorSpec([None, None], tf.int32)] * 3
        if self.options.guided_alignment:
            inputs.append(tf.TensorSpec([None, None, None], tf.float32))
        inputs, weights = tuple(inputs), LossWeights(scalar, scalar)

        def compiled(function, *signature):
            return tf.function(function, input_signature=signature, autograph=False)

        self.update = compiled(self._update, inputs, weights, scalar)
        self.accumulate = compiled(self._accumulate, inputs, weights)
        self.apply_accumulated = compiled(self._apply_accumulated, scalar, scalar, scalar)
        self._gradient_sums = None

    def reset_gradients(self):
        import tensorflow as tf

        if self._gradient_sums is None:
            zeros = (tf.zeros(v.shape) for v in self.variables)
            self._gradient_sums = [tf.Variable(zero, trainable=False) for zero in zeros]
        for total in self._gradient_sums:
            total.assign(tf.zeros_like(total))

    def _gradients(self, inputs, weights, of_mean):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, nll, tokens = self._loss(inputs, weights)
            target = loss / ops.maximum(tokens, 1.0) if of_mean else loss
        values = [v.value for v in self.variables]
        gradients = tape.gradient(target, values, unconnected_gradients="zero")
        return [tf.convert_to_tensor(g) for g in gradients], loss, nll

    def _update(self, inputs, weights, average_decay):
        gradients, loss, nll = self._gradients(inputs, weights, of_mean=True)
        return loss, nll, self._apply(gradients, loss, average_decay)

    def _accumulate(self, inputs, weights):
        gradients, loss, nll = self._gradients(inputs, weights, of_mean=False)
        for total, gradient in zip(self._gradient_sums, gradients):
            total.assign_add(gradient)
        return loss, nll

    def _apply_accumulated(self, tokens, loss, average_decay):
        gradients = [total / tokens for total in self._gradient_sums]
        return self._apply(gradients, loss, average_decay)

    def _apply(self, gradients, loss, average_decay):
        import tensorflow as tf

        gradients, norm = self._clip(gradients)

        def apply():
            self.optimizer.apply(gradients, self.variables)
            for average, variable in zip(self.averages, self.variables):
                average.value.assign_add((1.0 - average_decay) * (variable.value - average.value))
            return tf.constant(0)

        is_finite = tf.math.is_finite(norm) & tf.math.is_finite(loss)
        tf.cond(is_finite, apply, lambda: tf.constant(0))
        return norm


class _JaxUpdate(_CompiledUpdate):
    """The graphs on JAX: functions of values that are read from variables and assigned back."""

    def __init__(self, *args):
        super().__init__(*args)
        import jax

        self._update, self._accumulate = jax.jit(self._update_values), jax.jit(self._add_values)
        self._apply_accumulated = jax.jit(self._apply_accumulated_values)

    def update(self, inputs, weights, average_decay):
        fixed = self._fixed_values()
        state, *found = self._update(self._state(), fixed, inputs, weights, average_decay)
        self._assign(state, found[-1])
        return found

    def reset_gradients(self):
        self._gradient_sums = [ops.zeros(v.shape) for v in self.variables]

    def accumulate(self, inputs, weights):
        trainable, fixed = self._state()[0], self._fixed_values()
        self._gradient_sums, *found = self._accumulate(
            self._gradient_sums, trainable, fixed, inputs, weights
        )
        return found

    def apply_accumulated(self, tokens, loss, average_decay):
        state, sums = self._state(), self._gradient_sums
        state, norm = self._apply_accumulated(state, sums, tokens, loss, average_decay)
        self._assign(state, norm)
        return norm

    def _state(self):
        groups = self.variables, self.optimizer.variables, self.averages
        return [[v.value for v in group] for group in groups]

    def _assign(self, state, norm):
        norm.block_until_ready()  # an update that failed, perhaps for lack of memory, raises here
        groups = self.variables, self.optimizer.variables, self.averages
        for group, values in zip(groups, state):
            for variable, value in zip(group, values):
                variable.assign(value)

    def _fixed_values(self):
        return [v.value for v in self.model.non_trainable_variables]

    def _gradients(self, trainable, fixed, inputs, weights, of_mean):
        import jax

        def loss_of(values):
            known = zip(self.model.non_trainable_variables, fixed)
            with keras.StatelessScope(state_mapping=[*zip(self.variables, values), *known]):
                loss, nll, tokens = self._loss(inputs, weights)
            return (loss / ops.maximum(tokens, 1.0) if of_mean else loss), (loss, nll)

        gradients, (loss, nll) = jax.grad(loss_of, has_aux=True)(trainable)
        return gradients, loss, nll

    def _update_values(self, state, fixed, inputs, weights, average_decay):
        gradients, loss, nll = self._gradients(state[0], fixed, inputs, weights, of_mean=True)
        state, norm = self._apply_values(state, gradients, loss, average_decay)
        return state, loss, nll, norm

    def _add_values(self, sums, trainable, fixed, inputs, weights):
        gradients, loss, nll = self._gradients(trainable, fixed, inputs, weights, of_mean=False)
        return [total + g for total, g in zip(sums, gradients)], loss, nll

    def _apply_accumulated_values(self, state, sums, tokens, loss, average_decay):
        return self._apply_values(state, [total / tokens for total in sums], loss, average_decay)

    def _apply_values(self, state, gradients, loss, average_decay):
        import jax
        import jax.numpy as jnp

        trainable, slots, averages = state
        gradients, norm = self._clip(gradients)
        new, new_slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        new_averages = [a + (1.0 - average_decay) * (v - a) for a, v in zip(averages, new)]
        is_finite = jnp.isfinite(norm) & jnp.isfinite(loss)
        updated = [list(new), list(new_slots), new_averages]
        return jax.tree.map(lambda a, b: jnp.where(is_finite, a, b), updated, state), norm
