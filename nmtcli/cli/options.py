"""The parameters of a command, made from declarations: options of the configuration and groups.

An option of the configuration is declared in its section (`nmtcli.config`), other options that
belong together as fields of a dataclass. `with_options` turns both into parameters for Typer and
hands the command what they were set to.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import field, fields, is_dataclass
from functools import wraps
from typing import Annotated

import typer

from nmtcli.errors import UsageError

OVERRIDES = "overrides"


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
        parameters, gathered = [], {}
        for name, parameter in inspect.signature(command).parameters.items():
            if name == OVERRIDES:
                made = [one for section in sections for one in _of_section(section, sections)]
            elif is_dataclass(parameter.annotation):
                made = list(_of_group(name, parameter.annotation))
                gathered[name] = parameter.annotation, [one.name for one in made]
            else:
                made = [parameter]
            parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in made]

        @wraps(command)
        def call(**values):
            for name, (group, names) in gathered.items():
                prefix = len(name) + 1
                values[name] = group(**{one[prefix:]: values.pop(one) for one in names})
            if sections:
                values[OVERRIDES] = {
                    section: {
                        key: _set_value(section, key, value)
                        for key in keys
                        if (value := values.pop(f"{section}_{key}")) is not None
                    }
                    for section, keys in sections.items()
                }
            return command(**values)

        call.__signature__ = inspect.Signature(parameters)
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        return call

    return decorate


def _of_section(section: str, sections: dict) -> Iterator[inspect.Parameter]:
    declared = _declared(section)
    for key in sections[section]:
        spec = declared[key]
        yield _parameter(
            f"{section}_{key}", _given_type(spec), None, (spec.metadata["flag"],), spec
        )


def _of_group(name: str, group) -> Iterator[inspect.Parameter]:
    for spec in fields(group):
        if not spec.metadata:
            continue
        default = spec.default_factory() if callable(spec.default_factory) else spec.default
        limits = {"min": spec.metadata["minimum"], "max": spec.metadata["maximum"]}
        yield _parameter(
            f"{name}_{spec.name}", spec.type, default, spec.metadata["flag"], spec, limits
        )


def _parameter(name: str, kind, default, flags, spec, limits={}) -> inspect.Parameter:  # noqa: B006
    told = spec.metadata
    option = typer.Option(
        *flags, metavar=told["metavar"], help=told["cli_help"], rich_help_panel=told["panel"],
        **limits,
    )  # fmt: skip
    annotation = Annotated[kind, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


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


def _set_value(section: str, key: str, value):
    spec = _declared(section)[key]
    if typing.get_origin(spec.type) is not tuple:
        return value
    items = [item.strip() for item in value.split(",")] if _has_commas(spec) else value
    if typing.get_args(spec.type)[0] is float:
        items = [_number(spec.metadata["flag"], item) for item in items]
    return tuple(items) or None


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{name}: '{text}' is not a number; write for example {name} 1,0.5"
        ) from None
