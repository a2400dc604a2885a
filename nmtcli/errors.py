"""Errors that a user can cause, each with its exit status on the command line.

Library code raises them and never exits. `nmtcli.cli.main` turns them into one line and a status.
"""

from collections.abc import Iterable


class NmtError(Exception):
    """A failure whose message is one line: what is wrong, where, and what to do (exit status 1)."""

    exit_status = 1


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
