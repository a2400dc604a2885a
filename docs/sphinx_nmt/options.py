"""The reference of the configuration's options as Markdown, made from their declarations."""

import types
import typing
from dataclasses import fields

from nmtcli.config.loading import SECTIONS
from sphinx_nmt.values import limits_text, plain, value_text

ARCHITECTURES = {"rnn": "recurrent models", "transformer": "Transformers"}


def options_markdown() -> str:
    """Return a section for each section of the configuration."""
    return "\n\n".join(section_markdown(name) for name in SECTIONS)


def section_markdown(section: str) -> str:
    """Return the options of one section: type, default, limits, help, command-line name."""
    parts = [f"## {section}", f"{_first_sentence(SECTIONS[section])}"]
    for spec in fields(SECTIONS[section]):
        told = spec.metadata
        unit = told["unit"]
        lines = [
            f"```{{confval}} {section}.{spec.name}",
            f":type: {type_text(spec.type)}",
            f":default: `{value_text(spec.default)}`{f' {unit}' if unit else ''}",
            "",
            plain(told["help"]),
        ]
        if told["choices"]:
            lines.append(f"One of {', '.join(f'`{one}`' for one in told['choices'])}.")
        limits = limits_text(told["minimum"], told["maximum"], unit)
        if limits:
            lines.append(f"{limits}.")
        if told["only"]:
            lines.append(f"Only for {ARCHITECTURES[told['only']]}.")
        if told["flag"]:
            names = " ".join(f"`{name}`" for name in told["flag"].split("/"))
            lines.append(f"On the command line: {names}.")
        parts.append("\n".join([*lines, "```"]))
    return "\n\n".join(parts)


def type_text(kind) -> str:
    """Write a type in words, such as `text or list of texts`."""
    if isinstance(kind, types.UnionType):
        return " or ".join(type_text(one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return f"list of {type_text(typing.get_args(kind)[0])}s"
    names = {int: "integer", float: "number", str: "text", bool: "true or false"}
    return names.get(kind, "null")


def _first_sentence(cls) -> str:
    return cls.__doc__.strip().splitlines()[0]
