"""Checks of the arguments and inputs of layers; a message says the rule and what was received."""

import keras


def check_positive(**sizes) -> None:
    """Raise ValueError unless each argument is a positive integer."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={size!r}")


def check_choice(name, value, choices) -> None:
    """Raise ValueError unless an argument is one of the choices."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(choices)}. Received: {name}={value!r}"
        )


def check_rate(name, rate) -> None:
    """Raise ValueError unless an argument is a dropout rate."""
    if not isinstance(rate, (int, float)) or not 0 <= rate < 1:
        raise ValueError(f"`{name}` must be at least 0 and below 1. Received: {name}={rate!r}")


def check_shapes(layer, **shapes) -> None:
    """Check the shapes of sequences, (batch, time, size), before a layer is built.

    Raises:
        ValueError: a shape has another rank, its size is unknown, or the batches differ.
    """
    for name, shape in shapes.items():
        if len(shape) != 3 or shape[-1] is None:
            raise ValueError(
                f"`{name}` of {type(layer).__name__} must have the shape (batch, time, size), and"
                f" its size must be known. Received: {name} of shape {tuple(shape)}"
            )
    batches = {shape[0] for shape in shapes.values()} - {None}
    if len(batches) > 1:
        received = ", ".join(f"{name} of shape {tuple(shape)}" for name, shape in shapes.items())
        raise ValueError(
            f"The inputs of {type(layer).__name__} must have one batch size. Received: {received}"
        )


def check_heads(name, size, heads) -> None:
    """Raise ValueError unless a size can be shared by all heads."""
    check_positive(heads=heads)
    if size % heads:
        raise ValueError(
            f"`{name}` must be a multiple of the heads. Received: {name}={size}, heads={heads}"
        )


def check_float(layer, **inputs) -> None:
    """Raise ValueError unless inputs are vectors of floats, and not, for instance, token ids."""
    for name, x in inputs.items():
        kind = keras.backend.standardize_dtype(x.dtype)
        if "float" not in kind:
            raise ValueError(
                f"`{name}` of {type(layer).__name__} must hold vectors of floats; embed token ids"
                f" first. Received: {name} of type {kind}"
            )


def check_mask(layer, name, mask, like, inputs) -> None:
    """Check a padding mask, (batch, time), against the sequence that it masks.

    Args:
        layer: the layer, for the message.
        name: the name of the mask.
        mask: the mask, or None.
        like: the name of the sequence.
        inputs: the sequence, (batch, time, size).

    Raises:
        ValueError: the mask has another rank or another length.
    """
    if mask is None:
        return
    pairs = zip(mask.shape, inputs.shape)
    if len(mask.shape) != 2 or any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise ValueError(
            f"`{name}` of {type(layer).__name__} must have the shape (batch, time) of `{like}`,"
            f" with True at real positions. Received: {name} of shape {tuple(mask.shape)},"
            f" {like} of shape {tuple(inputs.shape)}"
        )
