"""Options of `nmt align` and `nmt translate` that say how links are taken from attention."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nmtcli.alignment.links import LinkRule

PANEL = "Alignment"

Null = Annotated[
    str | None,
    typer.Option(
        "--null",
        metavar="RULE",
        help="never: each target word has a link (if not given); eos: but those that look at the"
        " end of the source most.",
        rich_help_panel=PANEL,
    ),
]
Shift = Annotated[
    int | None,
    typer.Option(
        "--shift",
        metavar="N",
        help="Take the attention N pieces later (0 if not given); 1: when a word is read again.",
        rich_help_panel=PANEL,
    ),
]
Normalize = Annotated[
    str | None,
    typer.Option(
        "--normalize",
        metavar="RULE",
        help="none: weights as they are (if not given); source: shares of what a source word gets"
        " in all.",
        rich_help_panel=PANEL,
    ),
]


def link_rule(null: str | None, shift: int | None, normalize: str | None) -> "LinkRule":
    """The rule of these options, None being the default of each.

    Raises:
        UsageError: there is no such rule.
    """
    from nmtcli.alignment.links import LinkRule

    given = {"null": null, "shift": shift, "normalize": normalize}
    return LinkRule(**{name: value for name, value in given.items() if value is not None})
