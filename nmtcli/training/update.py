"""The compiled graphs of an update, on TensorFlow and on JAX.

An update of one batch is one graph. One of several batches is a graph that adds a batch's gradient
to those before it, and a graph that applies their sum.
"""

from typing import NamedTuple

from keras import ops

from nmtcli import backend


class Numbers(NamedTuple):
    """What changes from update to update: float32 scalars.

    coverage, guided: weights of these losses; average: decay of the averaged weights.
    """

    coverage: float
    guided: float
    average: float


def make_update(model, optimizer, objective, clip_norm, averages):
    """The graphs of the backend at hand.

    Args:
        model: its `decode` and `output_layer` are what is trained.
        optimizer: built on the model's trainable variables.
        objective: an `Objective`.
        clip_norm: largest norm of the whole gradient; 0 is none.
        averages: variables that follow the trainable ones, in their order; or none.

    Returns:
        An object of `whole(inputs, numbers)`, which updates with one batch and returns its loss,
        its nll and the norm of the gradient; and, for several, `begin()`, `add(inputs, numbers)`,
        which returns loss and nll, and `apply(tokens, loss, numbers)`, which returns the norm.
        `inputs` are source_ids, decoder_inputs, targets, and with guided alignment the alignment.
    """
    kind = _JaxUpdate if backend.choose() == "jax" else _TensorFlowUpdate
    return kind(model, optimizer, objective, clip_norm, averages)


class _Update:
    def __init__(self, model, optimizer, objective, clip_norm, averages):
        self.model, self.optimizer, self.objective = model, optimizer, objective
        self.clip_norm, self.averages = clip_norm, averages
        self.variables = model.trainable_variables
        self._sums = None

    def _losses(self, inputs, numbers):
        source_ids, decoder_inputs, targets, *alignment = inputs
        outputs = self.model.decode(source_ids, decoder_inputs, training=True)
        layer, weights = self.model.output_layer(), (numbers.coverage, numbers.guided)
        alignment = alignment[0] if alignment else None
        return self.objective(outputs, layer, targets, alignment, *weights)

    def _clip(self, gradients):
        """Gradients scaled to the largest allowed norm, and the norm before that."""
        squares = [ops.sum(ops.square(g)) for g in gradients]
        norm = ops.sqrt(sum(squares))
        if self.clip_norm:
            scale = ops.minimum(1.0, self.clip_norm / ops.maximum(norm, 1e-12))
            gradients = [g * scale for g in gradients]
        return gradients, norm


class _TensorFlowUpdate(_Update):
    def __init__(self, *args):
        super().__init__(*args)
        import tensorflow as tf

        number = tf.TensorSpec([], tf.float32)
        inputs = [tf.TensorSpec([None, None], tf.int32)] * 3
        inputs += [tf.TensorSpec([None, None, None], tf.float32)] * bool(self.objective.guided)
        batch, numbers = tuple(inputs), Numbers(number, number, number)

        def compiled(function, *signature):
            return tf.function(function, input_signature=signature, autograph=False)

        self.whole = compiled(self._whole, batch, numbers)
        self.add = compiled(self._add, batch, numbers)
        self.apply = compiled(self._apply_sums, number, number, numbers)

    def begin(self):
        import tensorflow as tf

        if self._sums is None:
            self._sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in self.variables]
        for total in self._sums:
            total.assign(tf.zeros_like(total))

    def _gradients(self, inputs, numbers, of_mean):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, nll, real = self._losses(inputs, numbers)
            target = loss / ops.maximum(real, 1.0) if of_mean else loss
        gradients = tape.gradient(
            target, [v.value for v in self.variables], unconnected_gradients="zero"
        )
        return [tf.convert_to_tensor(g) for g in gradients], loss, nll

    def _whole(self, inputs, numbers):
        gradients, loss, nll = self._gradients(inputs, numbers, of_mean=True)
        return loss, nll, self._apply(gradients, loss, numbers)

    def _add(self, inputs, numbers):
        gradients, loss, nll = self._gradients(inputs, numbers, of_mean=False)
        for total, gradient in zip(self._sums, gradients):
            total.assign_add(gradient)
        return loss, nll

    def _apply_sums(self, tokens, loss, numbers):
        return self._apply([total / tokens for total in self._sums], loss, numbers)

    def _apply(self, gradients, loss, numbers):
        import tensorflow as tf

        gradients, norm = self._clip(gradients)

        def apply():
            self.optimizer.apply(gradients, self.variables)
            for average, variable in zip(self.averages, self.variables):
                average.value.assign_add((1.0 - numbers.average) * (variable.value - average.value))
            return tf.constant(0)

        good = tf.math.is_finite(norm) & tf.math.is_finite(loss)
        tf.cond(good, apply, lambda: tf.constant(0))
        return norm


class _JaxUpdate(_Update):
    def __init__(self, *args):
        super().__init__(*args)
        import jax

        self._whole, self._add = jax.jit(self._whole_values), jax.jit(self._add_values)
        self._apply_sums = jax.jit(self._apply_sums_values)

    # -- from variables to values and back -----------------------------------------------------

    def _state(self):
        groups = self.variables, self.optimizer.variables, self.averages
        return [[v.value for v in group] for group in groups]

    def _assign(self, state, norm):
        norm.block_until_ready()  # an update that failed, perhaps for want of memory, raises here
        groups = self.variables, self.optimizer.variables, self.averages
        for group, values in zip(groups, state):
            for variable, value in zip(group, values):
                variable.assign(value)

    def _fixed(self):
        return [v.value for v in self.model.non_trainable_variables]

    def whole(self, inputs, numbers):
        state, *found = self._whole(self._state(), self._fixed(), inputs, numbers)
        self._assign(state, found[-1])
        return found

    def begin(self):
        self._sums = [ops.zeros(v.shape) for v in self.variables]

    def add(self, inputs, numbers):
        self._sums, *found = self._add(self._sums, self._state()[0], self._fixed(), inputs, numbers)
        return found

    def apply(self, tokens, loss, numbers):
        state, norm = self._apply_sums(self._state(), self._sums, tokens, loss, numbers)
        self._assign(state, norm)
        return norm

    # -- functions of values ---------------------------------------------------------------------

    def _gradients(self, trainable, fixed, inputs, numbers, of_mean):
        import jax
        import keras

        def objective(values):
            known = zip(self.model.non_trainable_variables, fixed)
            with keras.StatelessScope(state_mapping=[*zip(self.variables, values), *known]):
                loss, nll, real = self._losses(inputs, numbers)
            return (loss / ops.maximum(real, 1.0) if of_mean else loss), (loss, nll)

        gradients, (loss, nll) = jax.grad(objective, has_aux=True)(trainable)
        return gradients, loss, nll

    def _whole_values(self, state, fixed, inputs, numbers):
        gradients, loss, nll = self._gradients(state[0], fixed, inputs, numbers, of_mean=True)
        state, norm = self._apply_values(state, gradients, loss, numbers)
        return state, loss, nll, norm

    def _add_values(self, sums, trainable, fixed, inputs, numbers):
        gradients, loss, nll = self._gradients(trainable, fixed, inputs, numbers, of_mean=False)
        return [total + g for total, g in zip(sums, gradients)], loss, nll

    def _apply_sums_values(self, state, sums, tokens, loss, numbers):
        return self._apply_values(state, [total / tokens for total in sums], loss, numbers)

    def _apply_values(self, state, gradients, loss, numbers):
        import jax
        import jax.numpy as jnp

        trainable, slots, averages = state
        gradients, norm = self._clip(gradients)
        new, new_slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        moved = [a + (1.0 - numbers.average) * (v - a) for a, v in zip(averages, new)]
        good = jnp.isfinite(norm) & jnp.isfinite(loss)
        kept = jax.tree.map(
            lambda a, b: jnp.where(good, a, b), [list(new), list(new_slots), moved], state
        )
        return kept, norm
