"""Errors that a user can cause, each with its exit status on the command line.

Library code raises them and never exits. `nmtcli.cli.main` turns them into one line and a status.
"""

from collections.abc import Iterable


class NmtError(Exception):
    """A failure whose message is one line: what is wrong, where, and what to do (exit status 1).

    File names and values stand in messages. What a terminal does not print, such as a line break or
    the start of a command to the terminal, is written as an escape.
    """

    exit_status = 1

    def __init__(self, message: str):
        super().__init__(printable(message))


def printable(text: str) -> str:
    """Return a text with every character that is not printable written as `\\n` or `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class UsageError(NmtError):
    """A wrong command, option or input; nothing has been done (exit status 2)."""

    exit_status = 2


def check_choice(option: str, value: str, choices: Iterable[str]) -> None:
    """Raise UsageError unless the value of an option is one of the choices."""
    if value not in choices:
        raise UsageError(f"{option} must be one of {', '.join(choices)}, not '{value}'")


class Interrupted(NmtError):
    """A request to stop, after which the work so far is saved (exit status 128 + signal)."""

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.exit_status = 128 + signal_number
