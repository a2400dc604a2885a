"""How an option is declared: once, for the YAML file, the command line, its help and its checks."""

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
        default: its value when nobody sets it.
        help: a sentence of at most 110 characters.
        unit: of a number.
        minimum, maximum, choices: the values it may take.
        only: the architecture that has it; None: each of them.
        flag: how the command line calls it, such as `--beam` or `--sample/--no-sample`; None where
            only a file and `--set` can set it.
        metavar: how the help calls its value; the choices if not given.
        panel: the group of options in the help of a command that it belongs to.
        cli_help: what the help of a command says instead of `help`.
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
