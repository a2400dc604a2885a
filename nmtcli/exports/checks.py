"""Does an export translate as its run does? Asked on the run's validation text."""

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nmtcli import __version__
from nmtcli.config import SearchConfig
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import NmtError, UsageError
from nmtcli.exports.savedmodel_check import sample_texts
from nmtcli.metrics.sacrebleu_scores import BleuOptions, corpus_bleu
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.subwords import Subwords

LARGEST_LOSS = 0.2  # BLEU


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
    """The validation text that the run was trained with; else texts of random pieces."""
    tokenize = run.read_config().validation.tokenize
    try:
        prepared = PreparedData(run.read_facts()["data"]["prepared"])
        sides = prepared.valid_source_lines(), prepared.valid_target_lines()
    except (KeyError, TypeError, UsageError, NmtError):
        sides = [], []
    if not sides[0]:
        sides = sample_texts(subwords), []
    return Validation(*sides, tokenize)


def compare_bleu(
    validation: Validation,
    name: str,
    texts: Callable[[], Sequence[str]],
    usual: Callable[[], Sequence[str]],
    usual_name: str = "float32",
) -> dict:
    """Both BLEU, where there is text to measure it on, and whether the export is good enough.

    Args:
        validation: of `validation_of`.
        name: of what is exported.
        texts, usual: give the translations of its sources, by the export and as usual.
        usual_name: of what is usual.

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
    import keras
    import tensorflow as tf

    found = {"nmtcli": __version__, "keras": keras.__version__, "tensorflow": tf.__version__}
    return found | {package: importlib.metadata.version(package) for package in packages}
