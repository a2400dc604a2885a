"""The reference of a module's public names as Markdown, with directives of autodoc."""

import importlib
import inspect


def module_markdown(module_name: str) -> str:
    """Return the docstring of a module, a table of its public names, and an entry for each.

    Base classes follow: docstrings refer to them for what several classes share.
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
    bases = base_classes([getattr(module, name) for name in names])
    if bases:
        lines += [".. rubric:: Base classes", ""]
    for base in bases:
        lines += [f".. autoclass:: {base.__module__}.{base.__name__}", ""]
    return "\n".join(["```{eval-rst}", *lines, "```"])


def base_classes(values: list) -> list[type]:
    """Return the base classes of the project that are not among the classes themselves."""
    bases = [base for value in values if inspect.isclass(value) for base in value.__mro__[1:]]
    return [
        base
        for base in dict.fromkeys(bases)
        if base.__module__.startswith("nmtcli.") and not base.__name__.startswith("_")
        if base not in values
    ]


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
