"""Options of `nmt align` and `nmt translate` for taking links from attention."""

from typing import TYPE_CHECKING

from nmtcli.cli.options import flag, group

if TYPE_CHECKING:
    from nmtcli.alignment.links import LinkRule


@group
class LinkOptions:
    """The options for taking links from attention; None means the default."""

    panel = "Alignment"
    null: str | None = flag(
        "Link each target word (never, the default), or leave words that attend most to the end of"
        " the source without a link (eos).",
        metavar="RULE",
    )
    shift: int | None = flag(
        "Take the attention N steps later; the default is 0. With 1 it is the attention of the step"
        " that reads the token.",
        metavar="N",
    )
    normalize: str | None = flag(
        "Take attention weights as they are (none, the default), or divide each by the sum that its"
        " source word receives (source).",
        metavar="RULE",
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
