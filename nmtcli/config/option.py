"""Declare an option once for the YAML file, the command line, its help and its checks."""

from dataclasses import field
from typing import Any, NamedTuple


class Flag(NamedTuple):
    """An option of the command line.

    names: such as `--beam` or `--sample/--no-sample`.
    panel: the group of options in the help of a command that it belongs to.
    metavar: the name of its value in the help; the choices if not given.
    """

    names: str
    panel: str
    metavar: str | None = None


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    only: str | None = None,
    flag: Flag | None = None,
    cli_help: str | None = None,
) -> Any:
    """Declare one option.

    Args:
        default: the value if nobody sets it.
        help: a sentence of at most 110 characters.
        unit: the unit of a number.
        minimum, maximum, choices: the values it may take.
        only: the architecture that has it; None: all architectures.
        flag: its name on the command line; None if only a file and `--set` can set it.
        cli_help: the text in the help of a command, instead of `help`.
    """
    names, panel, metavar = flag or (None, None, None)
    metadata = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "only": only,
        "flag": names,
        "metavar": metavar or ("|".join(choices) if choices else None),
        "panel": panel,
        "cli_help": cli_help or help,
    }
    return field(default=default, metadata=metadata)
