"""The options of a search, from a run and from what the user gives; checks before a model loads."""

import re
from collections.abc import Iterable

from nmtcli import config
from nmtcli.config import SearchConfig
from nmtcli.errors import UsageError
from nmtcli.run_directory import RunDirectory


def search_options(
    run: RunDirectory, config_file=None, assignments: Iterable[str] = (), overrides=None
) -> SearchConfig:
    """The search options of a run < a YAML file < assignments < overrides.

    Raises:
        UsageError: one of them is wrong, or is not of the search.
    """
    for text in assignments:
        if not text.strip().startswith("search."):
            raise UsageError(f"--set {text}: the run is trained; only search.* can be set here")
    search = config.load(
        config_file,
        assignments,
        {"search": overrides or {}},
        base=config.as_dict(run.read_config()),
    ).search
    check_search(search)
    return search


def check_search(search: SearchConfig) -> None:
    if search.nbest > search.beam:
        raise UsageError(
            f"{search.nbest} translations of a line need a beam of at least that, not"
            f" {search.beam}: raise --beam or lower --nbest"
        )


def check_checkpoint_name(name: str) -> None:
    if not re.fullmatch(r"best|last|step-[0-9]+", name):
        raise UsageError(f"checkpoint '{name}': give best, last or step-N, for example step-500")
