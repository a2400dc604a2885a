"""nmtcli: neural machine translation on the command line and in Python, on Keras 3.

    import nmtcli

    translator = nmtcli.load("runs/one")
    translator("어제 비가 왔어요.")

Importing this package imports nothing else; each name below is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers see
    from nmtcli import errors, layers, models
    from nmtcli.api.evaluation import align, bleu, chrf, score, ter
    from nmtcli.api.training import TrainedRun, preprocess, train
    from nmtcli.api.translation import load, load_model
    from nmtcli.inference.results import Candidate, Translation

__version__ = "0.2.0"

_HOMES = {  # the module of each public name
    **dict.fromkeys(("align", "bleu", "chrf", "score", "ter"), "nmtcli.api.evaluation"),
    **dict.fromkeys(("TrainedRun", "preprocess", "train"), "nmtcli.api.training"),
    **dict.fromkeys(("load", "load_model"), "nmtcli.api.translation"),
    **dict.fromkeys(("Candidate", "Translation"), "nmtcli.inference.results"),
}
_PACKAGES = ("errors", "layers", "models")

__all__ = [
    "Candidate", "TrainedRun", "Translation", "align", "bleu", "chrf", "errors", "layers", "load",
    "load_model", "models", "preprocess", "score", "ter", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"nmtcli.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nmtcli' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
