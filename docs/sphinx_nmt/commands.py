"""The reference of the commands as Markdown, made from the declarations of the command line."""

import importlib
import inspect
import typing
from dataclasses import fields
from pathlib import Path

from typer.models import ArgumentInfo

from nmtcli.cli.main import COMMANDS, options
from nmtcli.config.loading import SECTIONS
from sphinx_nmt.values import limits_text, plain, value_text

GENERAL = "General"
METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


def commands_markdown() -> str:
    """Return a section for each command: usage, help, and the options of each panel."""
    parts = []
    for panel in dict.fromkeys(COMMANDS.values()):
        names = [name for name in COMMANDS if COMMANDS[name] == panel]
        parts.append(f"## {panel}\n")
        parts += [command_markdown(name) for name in names]
    parts.append("## Options before the name of a command")
    parts.append(_options_markdown("nmt", _parameters(options)))
    return "\n\n".join(parts)


def command_markdown(name: str) -> str:
    """Return the section of one command."""
    function = getattr(importlib.import_module(f"nmtcli.cli.{name}"), name)
    parameters = _parameters(function)
    arguments = [one for one in parameters if isinstance(one.info, ArgumentInfo)]
    given = [one for one in parameters if not isinstance(one.info, ArgumentInfo)]
    usage = " ".join(["nmt", name, "[OPTIONS]", *(one.info.metavar for one in arguments)])
    parts = [f"### nmt {name}", f"```console\n{usage}\n```", plain(inspect.getdoc(function))]
    if arguments:
        parts.append("**Arguments**")
        parts += [f"`{one.info.metavar}`\n: {_sentence(one)}" for one in arguments]
    panels = dict.fromkeys(one.info.rich_help_panel or GENERAL for one in given)
    for panel in panels:
        here = [one for one in given if (one.info.rich_help_panel or GENERAL) == panel]
        parts += [f"**{panel}**", _options_markdown(f"nmt {name}", here)]
    return "\n\n".join(parts)


class _Parameter(typing.NamedTuple):
    """A parameter of a command; `info` is Typer's OptionInfo or ArgumentInfo."""

    name: str
    kind: type
    default: object
    info: typing.Any

    @property
    def declarations(self) -> tuple[str, ...]:
        """Return the names of an option as declared, such as `--sample/--no-sample`."""
        first = self.info.default  # Typer's first argument, where the names begin in `Annotated`
        names = (*((first,) if isinstance(first, str) else ()), *(self.info.param_decls or ()))
        return names or (f"--{self.name.replace('_', '-')}",)


def _parameters(function) -> list[_Parameter]:
    """Return the parameters that Typer sees."""
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        kind, info = typing.get_args(parameter.annotation)
        found.append(_Parameter(name, kind, parameter.default, info))
    return found


def _options_markdown(program: str, parameters: list[_Parameter]) -> str:
    parts = [f"```{{program}} {program}\n```"]
    for one in parameters:
        parts.append(f"```{{option}} {_names(one)}\n\n{_sentence(one)}\n```")
    return "\n\n".join(parts)


def _names(one: _Parameter) -> str:
    """Return all names of an option, each with the name of its value."""
    names = [name for declared in one.declarations for name in declared.split("/")]
    value = one.info.metavar or METAVARS.get(_scalar(one.kind), "")
    return ", ".join(f"{name} {value}".strip() for name in names)


def _scalar(kind):
    """Return int for `int | None`, str for `list[str]`."""
    inner = [one for one in typing.get_args(kind) if one is not type(None)]
    return inner[0] if inner else kind


def _sentence(one: _Parameter) -> str:
    """Return the help of a parameter, its limits, and its default or where that is set."""
    text = [plain(one.info.help)]
    limits = limits_text(one.info.min, one.info.max)
    if limits:
        text.append(f"{limits}.")
    option = _configuration_option(one)
    if option:
        text.append(f"Configuration: {{confval}}`{option}`.")
    elif one.default not in (None, False, inspect.Parameter.empty, []):
        text.append(f"Default: `{value_text(one.default)}`.")
    return " ".join(text)


def _configuration_option(one: _Parameter) -> str | None:
    """Return the `section.key` that an option sets, if it was declared in the configuration."""
    section, _, key = one.name.partition("_")
    for spec in fields(SECTIONS[section]) if section in SECTIONS else ():
        if spec.name == key and spec.metadata["flag"] in one.declarations:
            return f"{section}.{key}"
    return None
