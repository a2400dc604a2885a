"""Options that choose the trained models of a command and the engine that runs them."""

from typing import TYPE_CHECKING

from nmtcli.cli.options import flag, group, switch

if TYPE_CHECKING:
    from nmtcli.engines.runtime import Runtime


# The tag of the source lines, for every command that reads some.
TAG_OPTION = flag(
    "Put this tag of the training text, such as <2ko>, before each source line that has none; a run"
    " whose training text has only one tag does it by itself.",
    "--tag",
    metavar="TAG",
)


@group
class EnsembleOptions:
    """The options for one model or an ensemble, and for the tag of what they read."""

    runs: list[str] = flag(
        "Use the model in this run's folder; the default is the newest run here. Several runs with"
        " the same subwords form an ensemble.",
        "--run",
        default=[],
        metavar="DIR",
    )
    checkpoints: list[str] = flag(
        "Use this checkpoint: best (the default), last or step-N. Several checkpoints of one run"
        " form an ensemble.",
        "--checkpoint",
        default=[],
        metavar="NAME",
    )
    tag: str | None = TAG_OPTION


@group
class RuntimeOptions:
    """The options for the engine that runs a model."""

    panel = "What runs the model"
    engine: str | None = flag(
        "Run the model with this engine: onnx or ctranslate2 (an export of the run, made by nmt"
        " export), keras, or auto (the default), which is onnx where that export exists and the"
        " machine has no GPU or TPU, else keras.",
        metavar="NAME",
    )
    precision: str | None = flag(
        "Compute in this precision: float32 (the default, also as auto), int8 (exports only) or"
        " bfloat16 (Keras only).",
        metavar="NAME",
    )

    def runtime(self) -> "Runtime":
        """Check the options and return them as a `Runtime`.

        Raises:
            UsageError: a name does not exist, or options do not fit together.
        """
        from nmtcli.engines.runtime import Runtime

        values = {name: value for name, value in vars(self).items() if value is not None}
        found = Runtime(**values)
        found.check()
        return found


@group
class TranslationRuntimeOptions(RuntimeOptions):
    """The options for the engine that translates."""

    threads: int | None = flag(
        "Search with this many threads (exports only); the default is one for each processor.",
        metavar="N",
    )
    shortlist: bool = switch(
        "Restrict the output to tokens that translated these source tokens in training, and to"
        " frequent ones (onnx only). This is faster with a large vocabulary, but can change a"
        " translation."
    )
