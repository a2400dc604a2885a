"""The reference of a module's public names as Markdown, with directives of autodoc."""

import importlib
import inspect
import typing


def module_markdown(module_name: str) -> str:
    """Return the docstring of a module, a table of its public names, and an entry for each.

    Further classes follow: those that functions return, and base classes, to which docstrings refer
    for what several classes share.
    """
    names = public_names(module_name)
    module = importlib.import_module(module_name)
    lines = [f".. automodule:: {module_name}", "   :no-members:", ""]
    if names:
        lines += [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in names] + [""]
    for name in names:
        kind = "class" if inspect.isclass(getattr(module, name)) else "function"
        lines += [f".. auto{kind}:: {module_name}.{name}", ""]
    further = further_classes([getattr(module, name) for name in names])
    if further:
        lines += [".. rubric:: Further classes", ""]
    for cls in further:
        lines += [f".. autoclass:: {cls.__module__}.{cls.__name__}", ""]
    return "\n".join(["```{eval-rst}", *lines, "```"])


def further_classes(values: list) -> list[type]:
    """Return what functions return, and base classes, unless they are among the values."""
    found = []
    for value in values:
        found += value.__mro__[1:] if inspect.isclass(value) else _classes_in(_returned(value))
    return [
        cls
        for cls in dict.fromkeys(found)
        if cls.__module__.startswith("nmtcli.") and not cls.__name__.startswith("_")
        if cls not in values
    ]


def _returned(function):
    """Return the annotation of a function's result, or None if it cannot be evaluated."""
    annotation = function.__annotations__.get("return")
    try:
        return eval(annotation, function.__globals__) if isinstance(annotation, str) else annotation
    except NameError:  # a name that only type checkers import
        return None


def _classes_in(annotation) -> list[type]:
    """Return the classes that an annotation such as `list[A | B]` names."""
    inner = typing.get_args(annotation)
    if inner:
        return [cls for one in inner for cls in _classes_in(one)]
    return [annotation] if inspect.isclass(annotation) else []


def public_names(module_name: str) -> list[str]:
    """Return `__all__`, or the public classes and functions that the module itself defines."""
    module = importlib.import_module(module_name)
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module_name
        if inspect.isclass(value) or inspect.isfunction(value)
    ]
    names = getattr(module, "__all__", own)
    return [name for name in names if callable(getattr(module, name))]
