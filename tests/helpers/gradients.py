"""Gradients of the layers and, by differences, of the formulas that they are compared with."""

import keras
import numpy as np
from keras import ops


def gradients_of(function, *arrays):
    """The gradient of a function's scalar by each of its arrays, on the backend at hand."""
    tensors = [ops.convert_to_tensor(np.asarray(x, "float32")) for x in arrays]
    if keras.backend.backend() == "jax":
        import jax

        found = jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        found = tape.gradient(value, tensors, unconnected_gradients="zero")
    return [np.asarray(gradient) for gradient in found]


def differences(function, *arrays, width=1e-5):
    """The same by central differences of a NumPy function, in float64."""
    arrays = [np.array(x, dtype=np.float64) for x in arrays]
    found = [np.zeros_like(x) for x in arrays]
    for array, gradient in zip(arrays, found):
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + width
            above = function(*arrays)
            array[place] = kept - width
            gradient[place] = (above - function(*arrays)) / (2 * width)
            array[place] = kept
    return found


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")
