"""The parameters of a command, made from declarations: options of the configuration and groups.

An option of the configuration is declared in its section (`nmtcli.config`), other options that
belong together as fields of a dataclass. `with_options` turns both into parameters for Typer and
hands the command what they were set to.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import wraps
from typing import Annotated

import typer

from nmtcli.errors import UsageError

OVERRIDES = "overrides"


def group(cls):
    """A dataclass of `flag` fields, without the methods that only cost time at the start."""
    return dataclass(eq=False, repr=False)(cls)


def flag(default, help: str, *names: str, metavar=None, panel=None, minimum=None, maximum=None):
    """A field of a group: an option of the command line that is not one of the configuration.

    Args:
        default: its value where it is not given.
        help: what the help of the command says of it.
        names: how it is called, such as `--output` and `-o`.
        metavar: how the help calls its value.
        panel: the part of the help that it stands in.
        minimum, maximum: the numbers it may be.
    """
    metadata = {"flag": names, "cli_help": help, "metavar": metavar, "panel": panel}
    metadata |= {"minimum": minimum, "maximum": maximum}
    if isinstance(default, list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def with_options(**sections: tuple[str, ...]) -> Callable[[Callable], Callable]:
    """Give a command the options of its groups and of sections of the configuration.

    A parameter of the command whose type is a dataclass becomes an option for each `flag` field,
    and the command is called with an instance. The parameter `overrides` becomes the options named
    here, and is what they were set to: section -> key -> value.

    Args:
        sections: names of options of each section; each of them has a `flag` there.
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
    """The parameters for Typer, and of each group its class and the names of its options."""
    parameters, groups = [], {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = parameter.annotation
        if name == OVERRIDES:
            for section, keys in sections.items():
                parameters += _of_section(section, keys)
        elif is_dataclass(kind):
            options = [spec for spec in fields(kind) if spec.metadata]
            parameters += [_of_group(name, spec) for spec in options]
            groups[name] = kind, [spec.name for spec in options]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    return parameters, groups


def _of_section(section: str, keys: tuple[str, ...]) -> Iterator[inspect.Parameter]:
    declared = _declared(section)
    for key in keys:
        spec = declared[key]
        names = (spec.metadata["flag"],)  # its limits are checked with those of files
        yield _parameter(f"{section}_{key}", _given_type(spec), None, names, spec)


def _of_group(name: str, spec) -> inspect.Parameter:
    default = spec.default if spec.default_factory is MISSING else spec.default_factory()
    told = spec.metadata
    limits = {"min": told["minimum"], "max": told["maximum"]}
    return _parameter(f"{name}_{spec.name}", spec.type, default, told["flag"], spec, **limits)


def _parameter(name: str, kind, default, names, spec, **limits) -> inspect.Parameter:
    told = spec.metadata
    shown = {"metavar": told["metavar"], "help": told["cli_help"], "rich_help_panel": told["panel"]}
    annotation = Annotated[kind, typer.Option(*names, **shown, **limits)]
    only_by_name = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, only_by_name, default=default, annotation=annotation)


def _declared(section: str) -> dict:
    from nmtcli.config.loading import SECTIONS

    return {spec.name: spec for spec in fields(SECTIONS[section])}


def _given_type(spec):
    """How the command line gives an option: a list as repeated options, or one text with commas."""
    kind = typing.get_args(spec.type)[0] if isinstance(spec.type, types.UnionType) else spec.type
    if typing.get_origin(kind) is tuple:
        kind = str if _has_commas(spec) else list[str]
    return kind | None


def _has_commas(spec) -> bool:
    return "," in (spec.metadata["metavar"] or "")


def _taken(section: str, keys: tuple[str, ...], values: dict) -> dict:
    """Take the options of a section out of a command's values; those that are set, by name."""
    declared = _declared(section)
    given = {key: values.pop(f"{section}_{key}") for key in keys}
    return {
        key: _converted(declared[key], value)
        for key, value in given.items()
        if value is not None and value != []
    }


def _converted(spec, value):
    if typing.get_origin(spec.type) is not tuple:
        return value
    items = [item.strip() for item in value.split(",")] if _has_commas(spec) else value
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
