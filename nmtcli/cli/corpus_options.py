"""The options of `nmt preprocess` that name the training text."""

import typer.core

from nmtcli.errors import UsageError


class PairedOptions(typer.core.TyperCommand):
    """A command whose `--train SRC TGT` may stand several times.

    Typer knows options of two values and options that repeat, but not both in one: here
    `--train SRC TGT` becomes `--train SRC --train TGT` before Typer sees it.
    """

    def parse_args(self, ctx, args):
        return super().parse_args(ctx, _unpaired(args))


def _unpaired(arguments: list[str]) -> list[str]:
    waiting, unpaired = list(arguments), []
    while waiting:
        argument = waiting.pop(0)
        if argument == "--train" or argument.startswith("--train="):
            first = [argument[8:]] if "=" in argument else waiting[:1]
            del waiting[: 0 if "=" in argument else 1]
            values, waiting = first + waiting[:1], waiting[1:]
            if len(values) < 2:
                raise UsageError("--train takes 2 arguments: --train SRC TGT")
            unpaired += [part for value in values for part in ("--train", value)]
        else:
            unpaired.append(argument)
    return unpaired


def train_options(train: list[str], weights, tags, alignments) -> dict:
    """The options of section `data` that the command line sets."""
    data = {}
    if train:
        sides = train[0::2], train[1::2]
        sides = [tuple(side) if len(side) > 1 else side[0] for side in sides]
        data = {"train_source": sides[0], "train_target": sides[1]}
    if weights is not None:
        data["weights"] = tuple(_number(text) for text in weights.split(","))
    if tags is not None:
        data["tags"] = tuple(tag.strip() for tag in tags.split(","))
    if alignments:
        data["alignments"] = tuple(map(str, alignments))
    return data


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--weights: '{text}' is no number; write --weights 1,0.5") from None
