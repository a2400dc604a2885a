"""The shapes of the values in JSON files, which may come from a stranger or a damaged disk.

A shape is `int`, `float` (an int too), `str` or `bool`; `[shape]`, a list of any length; a tuple of
shapes, a list of that length; or a dictionary of shapes by key. Keys that it does not name may have
any value, unless it has the key `...`, which stands for them. A dictionary of the file may lack a
key, and a value may be None, except where `required` names the key or `...` stands for it.
"""

from typing import Any

LARGEST = 2**63


def misfit(value: Any, shape: Any, required: tuple[str, ...] = ()) -> str | None:
    """Find what of a value has another shape.

    Args:
        value: the value of a JSON file.
        shape: its shape.
        required: the keys of the outermost dictionary that must be there.

    Returns:
        the keys that lead to it, such as `data.pairs`, or None if all fits.
    """
    if not isinstance(value, dict):
        return "the whole" if isinstance(shape, dict) else _misfit(value, shape, "the value")
    for key in required:
        if value.get(key) is None:
            return key
    return _misfit(value, shape, "")


def _misfit(value: Any, shape: Any, where: str) -> str | None:
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return where
        parts = [
            (str(key), inner, shape.get(key, shape.get(...)))
            for key, inner in value.items()
            if key in shape or ... in shape
        ]
        for key, inner, _ in parts:
            if inner is None and key not in shape:
                return f"{where}.{key}" if where else key
    elif isinstance(shape, list | tuple):
        if not isinstance(value, list) or (isinstance(shape, tuple) and len(value) != len(shape)):
            return where
        shapes = shape * len(value) if isinstance(shape, list) else shape
        parts = [(str(n), *both) for n, both in enumerate(zip(value, shapes))]
        if any(inner is None for inner in value):
            return where
    else:
        return None if _is(value, shape) else where
    for key, inner, inside in parts:
        if inner is not None:
            found = _misfit(inner, inside, f"{where}.{key}" if where else key)
            if found is not None:
                return found
    return None


def _is(value: Any, kind: type) -> bool:
    if kind in (int, float):
        is_number = isinstance(value, kind | int) and not isinstance(value, bool)
        return is_number and (isinstance(value, float) or abs(value) < LARGEST)
    return isinstance(value, kind)
