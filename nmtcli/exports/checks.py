"""What every export is checked for: before anything is written, and before it is accepted."""

import importlib.metadata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nmtcli import __version__, backend
from nmtcli.config import SearchConfig
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import NmtError, UsageError
from nmtcli.metrics.sacrebleu_scores import BleuOptions, corpus_bleu
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import DESCRIPTION
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords

LARGEST_LOSS = 0.2  # BLEU
# Programs that add in another order may choose differently between equals: that changes a text now
# and then, but no score by more than this.
TOLERANCE = 1e-3
SAMPLES = 8  # texts of random tokens, to be translated where there is no validation text


class Validation(NamedTuple):
    """Lines to check an export on; references are empty where there are none."""

    sources: Sequence[str]
    references: Sequence[str]
    tokenize: str

    def bleu(self, texts: Sequence[str]) -> float:
        options = BleuOptions(tokenize=self.tokenize)
        return corpus_bleu([self.references], list(texts), options).value


def check_exportable(search: SearchConfig) -> None:
    """
    Raises:
        UsageError: the graph of a SavedModel cannot search in this way.
    """
    for name, is_set, off in (
        ("sample", search.sample, "false"),
        ("coverage_penalty", search.coverage_penalty > 0, "0"),
        ("no_repeat_ngram", search.no_repeat_ngram > 0, "0"),
    ):
        if is_set:
            raise UsageError(
                f"search.{name} cannot be exported; switch it off for the export with"
                f" search.{name}={off}"
            )


def validation_of(run: RunDirectory, subwords: Subwords) -> Validation:
    """The validation text that the run was trained with; else texts of random tokens."""
    tokenize = run.read_config().validation.tokenize
    try:
        prepared = PreparedData(run.read_facts()["data"]["prepared"])
        sides = prepared.valid_source_lines(), prepared.valid_target_lines()
    except (KeyError, TypeError, UsageError, NmtError):
        sides = [], []
    if not sides[0]:
        sides = sample_texts(subwords), []
    return Validation(*sides, tokenize)


def sample_texts(subwords: Subwords) -> list[str]:
    """Texts of 1 to `SAMPLES` random tokens, the same each time."""
    random = np.random.default_rng(1)
    ids = [random.integers(EOS_ID + 1, subwords.size, n + 1) for n in range(SAMPLES)]
    return [text for text in map(subwords.decode, ids) if text.strip()]


def compare_bleu(
    validation: Validation,
    name: str,
    texts: Callable[[], Sequence[str]],
    usual: Callable[[], Sequence[str]],
    usual_name: str = "float32",
) -> dict:
    """Compare the BLEU of an export with the usual one: is it good enough?

    Args:
        validation: of `validation_of`.
        name: name of the export.
        texts, usual: return the translations of its sources, by the export and by what is usual.
        usual_name: name of what is usual.

    Returns:
        `accepted`, and `reason` if it is not; `lines`; `bleu` of both by name.
    """
    if not validation.references:
        return {"accepted": False, "reason": "there is no validation text to measure it on"}
    bleu = {usual_name: validation.bleu(usual()), name: validation.bleu(texts())}
    lost = bleu[usual_name] - bleu[name]
    lines = len(validation.references)
    found = {"accepted": lost <= LARGEST_LOSS, "lines": lines, "bleu": bleu}
    if not found["accepted"]:
        found["reason"] = f"it loses {lost:.2f} BLEU, more than {LARGEST_LOSS:g}"
    return found


def require_tensorflow(what: str) -> None:
    """
    Raises:
        UsageError: another backend is chosen.
    """
    if backend.choose() != "tensorflow":
        raise UsageError(
            f"{what} is made by TensorFlow: run nmt export with KERAS_BACKEND=tensorflow (a run"
            " trained on JAX can be exported so, since a checkpoint is only weights)"
        )


def check_place(output: Path) -> None:
    """
    Raises:
        UsageError: something that is no export is in the way; only exports are ever replaced.
    """
    if output.is_dir() and any(output.iterdir()) and not (output / DESCRIPTION).is_file():
        raise UsageError(f"{output}: has files that are no export; choose another --output")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: a file is in the way; choose another --output")


def require_packages(what: str, packages: Sequence[str]) -> None:
    """
    Raises:
        UsageError: one is not installed.
    """
    for package in packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise UsageError(f"{what} needs {package}: pip install {' '.join(packages)}") from None


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of this package, of Keras, of TensorFlow and of other packages."""
    import keras
    import tensorflow as tf

    found = {"nmtcli": __version__, "keras": keras.__version__, "tensorflow": tf.__version__}
    return found | {package: importlib.metadata.version(package) for package in packages}
