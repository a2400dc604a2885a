"""Dropout that takes its random numbers from one generator for the whole model."""

import keras
from keras import ops


class Dropout:
    """Dropout: set random units to zero while training.

    This is not a Keras layer, because all dropouts of a model share one generator: a layer would
    track it, and the model would list its state once for each dropout.

    Reference: Srivastava et al. (2014), section 4.

    Args:
        rate: the fraction of units that become zero; the others are multiplied by 1 / (1 - rate).
        seed: a `keras.random.SeedGenerator`, an integer, or None for Keras's global generator.

    Call arguments:
        x: a tensor of any shape.
        training: whether dropout acts.

    Returns:
        a tensor like `x`.
    """

    def __init__(self, rate=0.0, seed=None):
        self.rate, self.seed = rate, seed

    def __call__(self, x, training):
        if not training or not self.rate:
            return x
        return keras.random.dropout(x, self.rate, seed=self.seed)

    def mask(self, shape, dtype, training):
        """Draw a mask to multiply with, so that several products drop the same units; return None
        if nothing is dropped."""
        if not training or not self.rate:
            return None
        return self(ops.ones(shape, dtype=dtype), training)
