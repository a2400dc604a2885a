"""Options of `nmt align` and `nmt translate` for taking links from attention."""

from typing import TYPE_CHECKING

from nmtcli.cli.options import flag, group

if TYPE_CHECKING:
    from nmtcli.alignment.links import LinkRule

PANEL = "Alignment"


@group
class LinkOptions:
    """The options for taking links from attention; None means the default."""

    null: str | None = flag(
        None,
        "Link each target word (never, the default), or leave words that attend most to the end of"
        " the source without a link (eos).",
        "--null",
        metavar="RULE",
        panel=PANEL,
    )
    shift: int | None = flag(
        None,
        "Take the attention N steps later; the default is 0. With 1 it is the attention of the step"
        " that reads the token.",
        "--shift",
        metavar="N",
        panel=PANEL,
    )
    normalize: str | None = flag(
        None,
        "Take attention weights as they are (none, the default), or divide each by the sum that its"
        " source word receives (source).",
        "--normalize",
        metavar="RULE",
        panel=PANEL,
    )

    def given(self) -> dict:
        """Return the given options by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def rule(self) -> "LinkRule":
        """Make the rule for taking links.

        Raises:
            UsageError: the rule does not exist.
        """
        from nmtcli.alignment.links import LinkRule

        return LinkRule(**self.given())
