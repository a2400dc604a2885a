"""Dropout whose random numbers come from the generator of the whole model."""

import keras
from keras import ops


class Dropout:
    """Drop units when training.

    This is no Keras layer, because all of a model's dropouts share one generator: a layer would
    track it, and the model would then list its state once for each of them.

    Reference: Srivastava et al. (2014), section 4.

    Args:
        rate: the share of units that become zero; the others are multiplied by 1 / (1 - rate).
        seed: a `keras.random.SeedGenerator`, an integer, or None for Keras's global generator.

    Call arguments:
        x: a tensor of any shape.
        training: whether dropout acts.

    Returns:
        like `x`.
    """

    def __init__(self, rate=0.0, seed=None):
        self.rate, self.seed = rate, seed

    def __call__(self, x, training):
        if not training or not self.rate:
            return x
        return keras.random.dropout(x, self.rate, seed=self.seed)

    def mask(self, shape, dtype, training):
        """Factors that drop the same units wherever they are multiplied; None if nothing is
        dropped."""
        if not training or not self.rate:
            return None
        return self(ops.ones(shape, dtype=dtype), training)
