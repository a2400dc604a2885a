"""The user's choice of an engine, its precision and its threads."""

from typing import NamedTuple

from nmtcli.errors import UsageError

ENGINES = ("auto", "onnx", "ctranslate2", "keras")
PACKAGES = {"onnx": "onnxruntime", "ctranslate2": "ctranslate2"}  # of the exported engines
PRECISIONS = ("auto", "float32", "int8", "bfloat16")


class Runtime(NamedTuple):
    """The options that choose how a model runs.

    engine: `onnx` or `ctranslate2`, an export of the run; `keras`; or `auto`: the export `onnx` if
        the chosen checkpoint has one and there is no accelerator, otherwise Keras.
    precision: `float32`; `int8`, only in exports; `bfloat16`, only in Keras, so no export is used;
        or `auto`, which is float32.
    threads: how many searches run at once with an export; 0 means one for each processor.
    shortlist: translate only with the tokens of the export's shortlist.
    """

    engine: str = "auto"
    precision: str = "auto"
    threads: int = 0
    shortlist: bool = False

    def check(self) -> None:
        """Check the names and that the options fit together.

        Raises:
            UsageError: a name does not exist, or options do not fit together.
        """
        for option, value, names in (
            ("engine", self.engine, ENGINES),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in names:
                raise UsageError(f"{option} {value}: give {', '.join(names)}")
        if self.engine == "keras" and self.precision == "int8":
            raise UsageError("Keras has no int8: leave out precision int8 or engine keras")
        if self.precision == "bfloat16" and self.engine not in ("auto", "keras"):
            raise UsageError(
                f"{self.engine} has no bfloat16: use engine keras, or leave the precision out"
            )
        if self.shortlist and (
            self.engine in ("keras", "ctranslate2") or self.precision == "bfloat16"
        ):
            raise UsageError("a shortlist is of engine onnx: use that, or leave shortlist out")
        if self.threads < 0:
            raise UsageError(f"threads {self.threads}: give 1 or more, or 0 for all processors")

    def check_attention(self) -> None:
        """Check that the engine can return attention.

        Raises:
            UsageError: the engine returns no attention for any model.
        """
        if self.engine == "ctranslate2":
            raise UsageError(
                "CTranslate2 returns no attention; use engine onnx to align or to draw attention"
            )


AUTOMATIC = Runtime()
