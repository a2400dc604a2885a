"""The base class of the layers with kernels, biases and dropout."""

import keras

from nmtcli.layers.checks import check_rate
from nmtcli.layers.dropout import Dropout


class KernelLayer(keras.layers.Layer):
    """A layer with the arguments that `keras.layers.Dense` has for its kernel and bias.

    Args:
        kernel_initializer, bias_initializer: initializers of all kernels and all biases, or their
            names. Each kernel gets values of its own.
        kernel_regularizer, bias_regularizer: regularizers, their names, or None.
        **kwargs: arguments of `keras.layers.Layer`, such as `name` and `dtype`.
    """

    def __init__(
        self, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.supports_masking = True
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

    def add_kernel(self, name, shape, initializer=None):
        """Add a kernel; without an initializer, that of the layer draws it."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=_copy(self.kernel_initializer) if initializer is None else initializer,
            regularizer=self.kernel_regularizer,
        )

    def add_bias(self, name, size):
        return self.add_weight(
            name=name,
            shape=(size,),
            initializer=_copy(self.bias_initializer),
            regularizer=self.bias_regularizer,
        )

    def make_dense(self, name, rows, columns, initializer=None):
        """Make and build a `keras.layers.Dense`, (..., rows) -> (..., columns)."""
        options = self.options_of_kernels()
        if initializer is not None:
            options["kernel_initializer"] = initializer
        dense = keras.layers.Dense(columns, name=name, **options)
        dense.build((None, rows))
        return dense

    def make_generator(self, seed, *rates):
        """Return the generator of the random numbers of dropout with these rates.

        It is `seed` itself if that is a generator, which then belongs to another layer; otherwise
        it is a new one, which belongs to this layer, or None if nothing is dropped.
        """
        for rate in rates:
            check_rate("dropout", rate)
        self.seed = None
        if isinstance(seed, keras.random.SeedGenerator):
            return seed
        self.seed = seed
        if not any(rates):
            return None
        self.seed_generator = keras.random.SeedGenerator(seed)
        return self.seed_generator

    def make_dropout(self, rate, seed) -> Dropout:
        """Make the only dropout of this layer."""
        return Dropout(rate, self.make_generator(seed, rate))

    def options_of_kernels(self) -> dict:
        """Return the arguments of a layer inside this one."""
        return {
            "kernel_initializer": _copy(self.kernel_initializer),
            "bias_initializer": _copy(self.bias_initializer),
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
            "dtype": self.dtype_policy,
        }

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }


def _copy(initializer):
    """Copy an initializer: one object would give two kernels of one shape the same values."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer
