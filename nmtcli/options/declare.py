"""How an option is declared: once, with type, default, unit and check."""

from dataclasses import field


def option(default, help, *, unit="", minimum=None, maximum=None, choices=None):
    """Declare one option: its default, a sentence of help, its unit and the values it may take."""
    metadata = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
    }
    return field(default=default, metadata=metadata)
