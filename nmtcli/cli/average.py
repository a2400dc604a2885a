"""`nmt average`: write the mean of a run's checkpoints as another checkpoint."""

import shlex
import sys
from typing import Annotated

import typer

WHICH = "Which checkpoints"


def average(
    run: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Average checkpoints of this run; the default is the newest run here.",
        ),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Average this many of the newest checkpoints; the default is 5, or all if there"
            " are fewer.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    best: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Average this many of the checkpoints with the best validations.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    checkpoints: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            metavar="NAME",
            help="Average this checkpoint, such as step-500, and the others given in this way.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Give the average this name: average or average-SOMETHING."
        ),
    ] = "average",
) -> None:
    """Average the weights of a run's checkpoints; use the result with --checkpoint average."""
    from nmtcli.cli.streams import quiet_ends
    from nmtcli.runs.directory import find_run
    from nmtcli.training.averaging import average as use_case

    with quiet_ends("nothing was written"):
        found = find_run(run)
        made = use_case(found, last, best, checkpoints or (), output)
    where = shlex.quote(str(found.path))
    print(
        f"{found.checkpoints / made.name}: the mean of {', '.join(made.made_of)};"
        f" use it with: nmt translate --run {where} --checkpoint {made.name}",
        file=sys.stderr,
    )
