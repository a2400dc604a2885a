"""`nmt average`: write the mean of a run's checkpoints as another checkpoint."""

import shlex
import sys

from nmtcli.cli.options import flag, with_options

WHICH = "Which checkpoints"


@with_options()
def average(
    run: str | None = flag(
        "Average checkpoints of this run; the default is the newest run here.", metavar="DIR"
    ),
    last: int | None = flag(
        "Average this many of the newest checkpoints; the default is 5, or all if there are fewer.",
        minimum=2,
        panel=WHICH,
    ),
    best: int | None = flag(
        "Average this many of the checkpoints with the best validations.", minimum=2, panel=WHICH
    ),
    checkpoints: list[str] | None = flag(
        "Average this checkpoint, such as step-500, and the others given in this way.",
        "--checkpoint",
        metavar="NAME",
        panel=WHICH,
    ),
    output: str = flag(
        "Give the average this name: average or average-SOMETHING.",
        default="average",
        metavar="NAME",
    ),
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
