"""The options of a search, from a run and from what the user gives; checks before a model loads."""

import math
import re
from collections.abc import Iterable
from dataclasses import fields

from nmtcli import config
from nmtcli.config import SearchConfig
from nmtcli.errors import UsageError
from nmtcli.runs.directory import RunDirectory

OF_SAMPLING = ("temperature", "top_k", "top_p")


def search_options(
    run: RunDirectory, config_file=None, assignments: Iterable[str] = (), overrides=None
) -> SearchConfig:
    """The search options of a run < a YAML file < assignments < overrides.

    Sampling needs no beam: one that only the run has is left aside.

    Raises:
        UsageError: one of them is wrong, or is not of the search.
    """
    assignments = list(assignments)
    for text in assignments:
        if not text.strip().startswith("search."):
            raise UsageError(f"--set {text}: the run is trained; only search.* can be set here")
    base, options = config.as_dict(run.read_config()), {"search": overrides or {}}
    search = config.load(config_file, assignments, options, base=base).search
    if search.sample and search.beam > 1:
        base["search"]["beam"] = 1
        search = config.load(config_file, assignments, options, base=base).search
    check_search(search)
    return search


def check_search(search: SearchConfig) -> None:
    """
    Raises:
        UsageError: options that do not go together, or are out of range.
    """
    if search.sample and search.beam > 1:
        raise UsageError(
            f"sampling has no beam, but one of {search.beam} is given: leave --beam out, or"
            " --sample"
        )
    if not search.sample and search.nbest > search.beam:
        raise UsageError(
            f"{search.nbest} translations of a line need a beam of at least that, not"
            f" {search.beam}: raise --beam or lower --nbest"
        )
    if not 0.0 < search.temperature < math.inf:
        raise UsageError(
            f"search.temperature must be above 0, not {search.temperature:g}; for the most"
            " probable piece each time use --beam 1 without --sample"
        )
    if not 0.0 < search.top_p <= 1.0:
        raise UsageError(
            f"search.top_p must be above 0 and at most 1, not {search.top_p:g}; 1 draws from all"
        )
    if not search.sample:
        _check_nothing_of_sampling(search)


def _check_nothing_of_sampling(search: SearchConfig) -> None:
    defaults = {field.name: field.default for field in fields(search)}
    for name in OF_SAMPLING:
        if getattr(search, name) != defaults[name]:
            raise UsageError(
                f"search.{name} is of sampling and has no effect without it: give --sample too"
            )


def check_exportable(search: SearchConfig) -> None:
    """
    Raises:
        UsageError: a graph cannot search so.
    """
    for name, is_set in (
        ("sample", search.sample),
        ("coverage_penalty", search.coverage_penalty > 0),
        ("no_repeat_ngram", search.no_repeat_ngram > 0),
    ):
        if is_set:
            raise UsageError(
                f"search.{name} is not part of what can be exported; switch it off for the export,"
                f" for example with --set search.{name}={'false' if name == 'sample' else 0}"
            )


def check_checkpoint_name(name: str) -> None:
    if not re.fullmatch(r"best|last|step-[0-9]+|average(-[\w.-]+)?", name):
        raise UsageError(
            f"checkpoint '{name}': give best, last or step-N, for example step-500, or average if"
            " nmt average made one"
        )
