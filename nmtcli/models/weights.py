"""Convert weights of models and optimizers to named arrays, and back."""

import numpy as np

from nmtcli.errors import NmtError


def arrays_of(model) -> dict[str, np.ndarray]:
    """Return the weights of a model by path, including those that training does not change."""
    return {v.path: np.asarray(v.value) for v in model.weights}


def set_arrays(model, arrays: dict[str, np.ndarray]) -> None:
    """Set a model's weights to the result of `arrays_of` for a model of the same shape.

    Raises:
        NmtError: names or shapes differ.
    """
    variables = model.weights
    names = {v.path for v in variables}
    if names != set(arrays):
        odd = sorted(names ^ set(arrays))[0]
        raise NmtError(f"the checkpoint is of another model ('{odd}' is on one side only)")
    for variable in variables:
        array = arrays[variable.path]
        if tuple(variable.shape) != array.shape:
            raise NmtError(
                f"the checkpoint is of another model ('{variable.path}' has shape {array.shape},"
                f" not {tuple(variable.shape)})"
            )
        variable.assign(array)


def optimizer_arrays(optimizer) -> dict[str, np.ndarray]:
    return {f"{n:04d}": np.asarray(v.value) for n, v in enumerate(optimizer.variables)}


def set_optimizer_arrays(optimizer, arrays: dict[str, np.ndarray]) -> None:
    variables = optimizer.variables
    if len(variables) != len(arrays):
        raise NmtError("the checkpoint's optimizer is of another model; start a new run")
    for variable, name in zip(variables, sorted(arrays)):
        variable.assign(arrays[name])
