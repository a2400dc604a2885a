"""The checks of every export: before it is written, and before it is accepted."""

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nmtcli import __version__, backend
from nmtcli.config import SearchConfig
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import NmtError, UsageError
from nmtcli.metrics.sacrebleu_scores import BleuOptions, corpus_bleu
from nmtcli.runs.atomic import restore
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import DESCRIPTION, PARTS
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords

LARGEST_LOSS = 0.2  # BLEU
# Programs that add in another order may choose differently between equal hypotheses. This changes
# a text now and then, but no score by more than this tolerance.
TOLERANCE = 1e-3
SAMPLES = 8  # texts of random tokens to translate if there is no validation text


class Validation(NamedTuple):
    """Lines to check an export on; `references` is empty if there are none."""

    sources: Sequence[str]
    references: Sequence[str]
    tokenize: str

    def bleu(self, texts: Sequence[str]) -> float:
        options = BleuOptions(tokenize=self.tokenize)
        return corpus_bleu([self.references], list(texts), options).value


def check_exportable(search: SearchConfig) -> None:
    """Check that the graph of a SavedModel supports the search options.

    Raises:
        UsageError: it does not.
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
    """Return the validation text of the run, or texts of random tokens if there is none.

    The prepared data that the run names are read only if they have the text that it was trained on.
    """
    tokenize = run.read_config().validation.tokenize
    try:
        data = run.read_facts()["data"]
        prepared = PreparedData(data["prepared"])
        if prepared.facts["inputs"] != data["sha256"]["text"]:
            raise KeyError("another text is there now")
        sides = prepared.valid_source_lines(), prepared.valid_target_lines()
    except (KeyError, TypeError, UsageError, NmtError):
        sides = [], []
    if not sides[0]:
        sides = sample_texts(subwords), []
    return Validation(*sides, tokenize)


def sample_texts(subwords: Subwords) -> list[str]:
    """Make texts of 1 to `SAMPLES` random tokens, the same texts each time."""
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
    """Compare the BLEU of an export with a reference BLEU, and decide whether to accept it.

    Args:
        validation: the result of `validation_of`.
        name: the name of the export.
        texts, usual: functions that return the export's and the reference's translations.
        usual_name: the name of the reference.

    Returns:
        `accepted`, and `reason` if it is false; `lines`; `bleu` of both by name.
    """
    if not validation.references:
        return {"accepted": False, "reason": "there is no validation text to measure it on"}
    bleu = {usual_name: validation.bleu(usual()), name: validation.bleu(texts())}
    lost = bleu[usual_name] - bleu[name]
    found = {"accepted": lost <= LARGEST_LOSS, "lines": len(validation.references), "bleu": bleu}
    if not found["accepted"]:
        found["reason"] = f"it loses {lost:.2f} BLEU, more than {LARGEST_LOSS:g}"
    return found


def check_possible(
    what: str,
    output,
    packages: Sequence[str] = (),
    needs_tensorflow: bool = True,
    run: RunDirectory | None = None,
) -> Path:
    """Check that an export can be made; return its folder as a path.

    Args:
        what: the export, as messages name it.
        output: the folder to make: free, or an older export, because only exports are replaced. In
            the folder `export` of the run, a part of an export is replaced too.
        packages: the packages that the export needs beside a backend.
        needs_tensorflow: whether only TensorFlow can make it.
        run: the run that is exported.

    Raises:
        UsageError: the backend is not TensorFlow but must be, a package is not installed, or
            something other than an export is at `output`.
    """
    if backend.choose() != "tensorflow" and needs_tensorflow:
        if not backend.is_installed("tensorflow"):
            needed = " ".join(["tensorflow", *packages])
            raise UsageError(
                f"{what} is made by TensorFlow, which is not installed: pip install {needed}"
            )
        raise UsageError(
            f"{what} is made by TensorFlow: run nmt export with KERAS_BACKEND=tensorflow (a run"
            " trained on JAX can be exported so, since a checkpoint is only weights)"
        )
    for package in packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            needed = " ".join(packages)
            raise UsageError(f"the export needs {package}: pip install {needed}") from None
    output = Path(output)
    restore(output)
    names = {path.name for path in output.iterdir()} if output.is_dir() else set()
    in_run = run is not None and output.parent == run.export
    if names and DESCRIPTION not in names and not (in_run and names <= PARTS):
        raise UsageError(
            f"{output}: has files that are no export; remove them, or choose another --output"
        )
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: a file is in the way; choose another --output")
    return output


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of this package, Keras, the backend and other packages."""
    import keras

    name, number = backend.version().split()
    found = {"nmtcli": __version__, "keras": keras.__version__, name: number}
    return found | {package: importlib.metadata.version(package) for package in packages}


def write_description(folder: Path, facts: dict) -> None:
    (folder / DESCRIPTION).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
