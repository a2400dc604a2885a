"""The reference of a module's public names as Markdown, with directives of autodoc."""

import importlib
import inspect

CLASS_OR_FUNCTION = {True: "autoclass", False: "autofunction"}


def module_markdown(module_name: str) -> str:
    """Return the docstring of a module, a table of its public names, and an entry for each."""
    names = public_names(module_name)
    lines = [f".. automodule:: {module_name}", "   :no-members:", ""]
    if names:
        lines += [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in names] + [""]
    module = importlib.import_module(module_name)
    for name in names:
        directive = CLASS_OR_FUNCTION[inspect.isclass(getattr(module, name))]
        lines += [f".. {directive}:: {module_name}.{name}", ""]
    return "\n".join(["```{eval-rst}", *lines, "```"])


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
