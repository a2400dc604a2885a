"""Options of `nmt align` and `nmt translate` that say how links are taken from attention."""

from typing import TYPE_CHECKING

from nmtcli.cli.options import flag, group

if TYPE_CHECKING:
    from nmtcli.alignment.links import LinkRule

PANEL = "Alignment"


@group
class LinkOptions:
    """How links are taken from attention; None is the default of each."""

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
        """The options that are given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def rule(self) -> "LinkRule":
        """
        Raises:
            UsageError: there is no such rule.
        """
        from nmtcli.alignment.links import LinkRule

        return LinkRule(**self.given())
