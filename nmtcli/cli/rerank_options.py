"""Options of `nmt translate` for reranking translations by another run."""

from collections.abc import Sequence

from nmtcli.cli.options import flag, group
from nmtcli.errors import UsageError


@group
class RerankOptions:
    """The run that reranks, if there is one.

    Raises:
        UsageError: two runs are given.
    """

    panel = "Several models"
    rerank: str | None = flag(
        "Rerank the translations of the beam by (1 - W) x own score + W x the length-normalised"
        " score of this run. A run that was trained on the same text in the other direction scores"
        " the line given its translation.",
        metavar="DIR",
    )
    rerank_reverse: str | None = flag(
        "Rerank in the same way with a run that translates in the other direction.", metavar="DIR"
    )

    def __post_init__(self) -> None:
        if self.rerank is not None and self.rerank_reverse is not None:
            raise UsageError("only one run can rerank: give --rerank or --rerank-reverse, not both")

    @property
    def path(self) -> str | None:
        """The run that reranks."""
        return self.rerank if self.rerank_reverse is None else self.rerank_reverse

    def apply(self, translator, runs: Sequence[str], runtime, tag: str | None = None):
        """Return the translator with reranking by the other run, or unchanged without one.

        Args:
            translator: `nmtcli.inference.translator.Translator`.
            runs: the translator's runs; empty for the newest run.
            runtime: the choice of the engine; the score ignores the shortlist.
            tag: the tag of the translator.

        Raises:
            UsageError: the run does not exist.
        """
        if self.path is None:
            return translator
        from nmtcli.inference.reranker import load_reranker

        own, reverse = runs[0] if runs else None, self.rerank_reverse is not None
        return load_reranker(translator, own, self.path, reverse, runtime, tag)
