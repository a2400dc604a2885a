"""The options of `nmt preprocess` that name the training text."""

import typer.core

from nmtcli.errors import UsageError


class PairedOptions(typer.core.TyperCommand):
    """A command that accepts `--train SRC TGT` several times.

    Typer supports options of two values and repeated options, but not both together: here
    `--train SRC TGT` becomes `--train SRC --train TGT` before Typer sees it.
    """

    def parse_args(self, ctx, args):
        return super().parse_args(ctx, _unpaired(args))


def _unpaired(arguments: list[str]) -> list[str]:
    waiting, unpaired = list(arguments), []
    while waiting:
        argument = waiting.pop(0)
        if argument.startswith("--train="):
            waiting.insert(0, argument.removeprefix("--train="))
            argument = "--train"
        if argument == "--train":
            values, waiting = waiting[:2], waiting[2:]
            if len(values) < 2:
                raise UsageError("--train needs two files: --train SRC TGT")
            unpaired += [part for value in values for part in ("--train", value)]
        else:
            unpaired.append(argument)
    return unpaired
