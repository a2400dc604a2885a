"""Declare an option once for the YAML file, the command line, its help and its checks."""

from dataclasses import field


def option(
    default,
    help,
    *,
    unit="",
    minimum=None,
    maximum=None,
    choices=None,
    only=None,
    flag=None,
    metavar=None,
    panel=None,
    cli_help=None,
):
    """Declare one option.

    Args:
        default: the value if nobody sets it.
        help: a sentence of at most 110 characters.
        unit: the unit of a number.
        minimum, maximum, choices: the values it may take.
        only: the architecture that has it; None: all architectures.
        flag: its name on the command line, such as `--beam` or `--sample/--no-sample`; None if only
            a file and `--set` can set it.
        metavar: the name of its value in the help; the choices if not given.
        panel: the group of options in the help of a command that it belongs to.
        cli_help: the text in the help of a command, instead of `help`.
    """
    metadata = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "only": only,
        "flag": flag,
        "metavar": metavar or ("|".join(choices) if choices else None),
        "panel": panel,
        "cli_help": cli_help or help,
    }
    return field(default=default, metadata=metadata)
