"""How an option is declared: once, with type, default, unit and check."""

from dataclasses import field


def option(default, help, *, unit="", minimum=None, maximum=None, choices=None, only=None):
    """Declare one option.

    Args:
        default: its value when nobody sets it.
        help: a sentence.
        unit: of a number.
        minimum, maximum, choices: the values it may take.
        only: the architecture that has it; None: each of them.
    """
    metadata = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "only": only,
    }
    return field(default=default, metadata=metadata)
