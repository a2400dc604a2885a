"""The options of `nmt preprocess` that name two files of text."""

import typer
import typer.core

from nmtcli.errors import UsageError

PAIRED = "--train", "--valid"


class PairedOptions(typer.core.TyperCommand):
    """A command that accepts `--train SRC TGT` several times.

    Typer supports options of two values and repeated options, but not both together: here
    `--train SRC TGT` becomes `--train SRC --train TGT` before Typer sees it.
    """

    def parse_args(self, ctx, args):
        try:
            return super().parse_args(ctx, _unpaired(args))
        except typer.BadParameter.__mro__[2] as error:  # the base class of all usage errors
            if "extra argument" not in error.message:
                raise
            raise UsageError(
                f"{error.message}; name files of text with --train SRC TGT and --valid SRC TGT"
            ) from None


def _unpaired(arguments: list[str]) -> list[str]:
    waiting, unpaired = list(arguments), []
    while waiting:
        name, equals, first = waiting.pop(0).partition("=")
        if name not in PAIRED:
            unpaired.append(name + equals + first)
            continue
        if equals:
            waiting.insert(0, first)
        values, waiting = waiting[:2], waiting[2:]
        if len(values) < 2 or any(value.startswith("--") for value in values):
            raise UsageError(f"{name} needs two files: {name} SRC TGT")
        if name == "--train":
            unpaired += [part for value in values for part in (name, value)]
        else:
            unpaired += [name, *values]
    return unpaired
