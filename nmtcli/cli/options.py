"""Make the parameters of commands from declarations: configuration options and groups.

An option of the configuration is declared in its section (`nmtcli.config`), other options that
belong together as fields of a dataclass. `with_options` turns both into parameters for Typer and
calls the command with their values.
"""

import inspect
import math
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import partial, wraps
from typing import Annotated

import typer

from nmtcli.errors import UsageError

OVERRIDES = "overrides"


def group(cls):
    """Make a dataclass of `flag` fields without methods that only cost time at the start.

    An attribute `panel` of the class is the panel of the fields that name no other.
    """
    return dataclass(eq=False, repr=False)(cls)


def flag(
    help: str, *names: str, default=None, metavar=None, panel=None, minimum=None, maximum=None
):
    """Declare an option of the command line outside the configuration.

    It stands for the default of a field of a group, or of a parameter of a command.

    Args:
        help: its text in the help of the command.
        names: its names, such as `-o`; unless a long one is among them, `--` and the name of the
            field or parameter is the first.
        default: the value if it is not given.
        metavar: the name of its value in the help.
        panel: its panel of the help.
        minimum, maximum: the range of a number.
    """
    metadata = {"flag": names, "cli_help": help, "metavar": metavar, "panel": panel}
    metadata |= {"minimum": minimum, "maximum": maximum}
    if isinstance(default, list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


switch = partial(flag, default=False)  # an option without a value


def with_options(**sections: tuple[str, ...]) -> Callable[[Callable], Callable]:
    """Add the options of groups and of configuration sections to a command.

    A parameter of the command whose type is a dataclass becomes an option for each `flag` field,
    and the command is called with an instance; one whose default is a `flag` becomes that option.
    The parameter `overrides` becomes the options named here; its value is what they were set to:
    section -> key -> value.

    Args:
        sections: the names of options of each section; each of them declares a `flag`.
    """

    def decorate(command: Callable) -> Callable:
        parameters, groups = _expanded(command, sections)

        @wraps(command)
        def call(**values):
            for name, (cls, names) in groups.items():
                values[name] = cls(**{key: values.pop(f"{name}_{key}") for key in names})
            if sections:
                values[OVERRIDES] = {
                    name: _taken(name, sections[name], values) for name in sections
                }
            return command(**values)

        call.__signature__ = inspect.Signature(parameters)
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        return call

    return decorate


def _expanded(command: Callable, sections: dict) -> tuple[list[inspect.Parameter], dict]:
    """Return the parameters for Typer, and the class and the option names of each group."""
    parameters, groups = [], {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = parameter.annotation
        if name == OVERRIDES:
            for section, keys in sections.items():
                parameters += _of_section(section, keys)
        elif is_dataclass(kind):
            options = [spec for spec in fields(kind) if spec.metadata]
            panel = getattr(kind, "panel", None)
            parameters += [_of_flag(f"{name}_{spec.name}", spec, panel) for spec in options]
            groups[name] = kind, [spec.name for spec in options]
        elif isinstance(parameter.default, Field):
            parameter.default.name, parameter.default.type = name, kind  # as in a dataclass
            parameters.append(_of_flag(name, parameter.default))
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    return parameters, groups


def _of_section(section: str, keys: tuple[str, ...]) -> Iterator[inspect.Parameter]:
    declared = _declared(section)
    for key in keys:
        told = declared[key].metadata
        names = (told["flag"],)  # its limits are checked like those in files
        yield _parameter(f"{section}_{key}", _given_type(declared[key]), None, names, told)


def _of_flag(name: str, spec: Field, panel: str | None = None) -> inspect.Parameter:
    told = {**spec.metadata, "panel": spec.metadata["panel"] or panel}
    names = told["flag"]
    if not any(one.startswith("--") for one in names):
        names = (f"--{spec.name.replace('_', '-')}", *names)
    default = spec.default if spec.default_factory is MISSING else spec.default_factory()
    limits = {"min": told["minimum"], "max": told["maximum"]}
    return _parameter(name, spec.type, default, names, told, **limits)


def _parameter(name: str, kind, default, names, told, **limits) -> inspect.Parameter:
    shown = {"metavar": told["metavar"], "help": told["cli_help"], "rich_help_panel": told["panel"]}
    if kind in (int, int | None) and not any(limit is not None for limit in limits.values()):
        shown |= {"parser": _whole_number, "metavar": told["metavar"] or "<int>"}
    annotation = Annotated[kind, typer.Option(*names, **shown, **limits)]
    only_by_name = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, only_by_name, default=default, annotation=annotation)


def _whole_number(text: str) -> int:
    """Read a whole number, such as 10000 or 1e4."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise typer.BadParameter(f"'{text}' is not a valid integer.")
    return int(number)


def _declared(section: str) -> dict:
    from nmtcli.config.loading import SECTIONS

    return {spec.name: spec for spec in fields(SECTIONS[section])}


def _given_type(spec):
    """Return an option's type on the command line; a list is repeated or a text with commas."""
    kinds = _kinds(spec)
    if any(typing.get_origin(kind) is tuple for kind in kinds):
        return (str if _has_commas(spec) else list[str]) | None
    return kinds[0] | None


def _kinds(spec) -> tuple:
    """Return the types that an option may have."""
    return typing.get_args(spec.type) if isinstance(spec.type, types.UnionType) else (spec.type,)


def _has_commas(spec) -> bool:
    return "," in (spec.metadata["metavar"] or "")


def _taken(section: str, keys: tuple[str, ...], values: dict) -> dict:
    """Remove a section's options from a command's values; return those that are set, by name."""
    declared = _declared(section)
    given = {key: values.pop(f"{section}_{key}") for key in keys}
    return {
        key: _converted(declared[key], value)
        for key, value in given.items()
        if value is not None and value != []
    }


def _converted(spec, value):
    if not isinstance(value, list) and typing.get_origin(spec.type) is not tuple:
        return value
    items = [item.strip() for item in value.split(",")] if _has_commas(spec) else value
    if len(items) == 1 and str in _kinds(spec):  # one text needs no list
        return items[0]
    if typing.get_args(spec.type)[0] is float:
        items = [_number(spec.metadata["flag"], item) for item in items]
    return tuple(items)


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{name}: '{text}' is not a number; write for example {name} 1,0.5"
        ) from None
