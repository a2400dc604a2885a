"""Find the trained runs that a command names, and load them as one engine."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import NamedTuple, TypeAlias

from nmtcli.config import SearchConfig, Settings, read_settings
from nmtcli.config.paths import AnyPath
from nmtcli.decoding.engine import Engine, SearchEngine
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import UsageError
from nmtcli.runs.checkpoints import check_checkpoint_name
from nmtcli.runs.directory import RunDirectory, find_run
from nmtcli.text.tags import SourceTags, source_tags

Runs: TypeAlias = AnyPath | Sequence[AnyPath] | None  # several are an ensemble; None: the newest


class Member(NamedTuple):
    """A trained model: a run, and the name of one of its checkpoints."""

    run: RunDirectory
    checkpoint: str


def find_members(runs: Runs = None, checkpoints: str | Sequence[str] = "best") -> list[Member]:
    """Find the models that are named: one, or several for an ensemble.

    Args:
        runs: one folder or several; None or an empty list means the newest run under `./runs`.
        checkpoints: `best`, `last` or `step-N`: one for all runs, one for each of them, or several
            for a single run.

    Raises:
        UsageError: a run does not exist, a checkpoint name is invalid, the numbers of runs and
            checkpoints do not match, or the runs have different subword models.
    """
    paths = [runs] if runs is None or not isinstance(runs, (list, tuple)) else list(runs) or [None]
    names = [checkpoints] if isinstance(checkpoints, str) else list(checkpoints) or ["best"]
    found = [find_run(path) for path in paths]
    for name in names:
        check_checkpoint_name(name)
    if len(found) == 1:
        found = found * len(names)
    elif len(names) == 1:
        names = names * len(found)
    if len(found) != len(names):
        raise UsageError(
            f"there are {len(found)} runs but {len(names)} checkpoints; give one checkpoint for all"
            " runs, or one for each run in the same order"
        )
    members = [Member(run, name) for run, name in zip(found, names)]
    for other in members[1:]:
        _check_same_subwords(members[0].run, other.run)
    return members


def load_members(
    members: Sequence[Member], kind: str = "log", runtime: Runtime = AUTOMATIC
) -> Engine:
    """Load the engine of one model, or of several models as an ensemble.

    Args:
        members: the models, from `find_members`.
        kind: how an ensemble averages, see `nmtcli.engines.ensemble.Ensemble`.
        runtime: the engine and precision that run the models.

    Raises:
        UsageError: a checkpoint does not exist, an export cannot be used, or an ensemble is
            combined with a shortlist.
    """
    if runtime.shortlist and len(members) > 1:
        raise UsageError(
            "a shortlist belongs to one run and cannot be used for an ensemble: leave it out"
        )
    from nmtcli.engines.ensemble import combined
    from nmtcli.engines.load import load_engine

    engines = [load_engine(run, name, runtime=runtime) for run, name in members]
    return combined(engines, kind)


def load_search(
    members: Sequence[Member], kind: str = "log", runtime: Runtime = AUTOMATIC
) -> SearchEngine:
    """What finds the translations of a model, or of several; as of `load_members`."""
    if runtime.engine == "ctranslate2" and len(members) == 1:
        from nmtcli.engines.load import load_ctranslate2

        return load_ctranslate2(*members[0], runtime)
    return StepwiseSearch(load_members(members, kind, runtime))


def search_options(
    run: RunDirectory,
    config_file: AnyPath | None = None,
    assignments: Iterable[str] = (),
    overrides: dict | None = None,
) -> SearchConfig:
    """The search options of a run < a YAML file < assignments < overrides.

    Raises:
        UsageError: one of them is wrong, or is not an option of the search.
    """
    assignments = list(assignments)
    check_search_only(assignments)
    given = read_settings(config_file, assignments, {"search": overrides or {}})
    return _changed(run.read_settings(), given)


def change_search(search: SearchConfig, overrides: dict) -> SearchConfig:
    """Return search options with some of them changed; `overrides` are fields by name.

    Raises:
        UsageError: one of them is wrong.
    """
    usual = Settings().update({"search": asdict(search)})
    return _changed(usual, read_settings(overrides={"search": overrides}))


def find_tags(run: RunDirectory, given: str | None = None) -> SourceTags:
    """Return the tags with which a run was trained; for `given` see `nmtcli.text.tags`.

    Raises:
        UsageError: the run was not trained with the tag that is given.
    """
    return source_tags(run.read_config().data.tags, given, run.path)


def check_search_only(names: Iterable[str]) -> None:
    """Check that all options are of the search: only those may change after the training.

    Raises:
        UsageError: one begins with another section.
    """
    for name in names:
        if not name.strip().startswith("search."):
            raise UsageError(f"{name}: the run is trained; only search.* can be set now")


def _changed(usual: Settings, given: Settings) -> SearchConfig:
    """Build changed search options; sampling needs no beam, so a usual one is left out."""
    merged = usual.below(given)
    if merged.get("search", "sample"):
        merged = usual.without("search", "beam").below(given)
    return merged.build().search


def translates_back(run: RunDirectory, other: RunDirectory) -> bool:
    """Return whether `other` is known to translate in the opposite direction of `run`.

    It is if its training text or its subword models are those of `run` with source and target
    swapped. If neither can be compared, the result is False.
    """
    for sides in (_training_text, _subword_models):
        ours, theirs = sides(run), sides(other)
        if ours and theirs and ours[0] != ours[1] and theirs == ours[::-1]:
            return True
    return False


def _training_text(run: RunDirectory) -> list[str] | None:
    """Return the hashes of source and target; None if the run has not recorded exactly two."""
    try:
        source, target = run.read_facts()["data"]["sha256"]["text"]["train"]
    except (KeyError, TypeError, ValueError):
        return None
    return [source, target] if isinstance(source, str) else None


def _subword_models(run: RunDirectory) -> list[bytes] | None:
    """Return the subword models of source and target as bytes; None if one is missing."""
    files = [run.source_subwords, run.target_subwords]
    return [path.read_bytes() for path in files] if all(path.is_file() for path in files) else None


def _check_same_subwords(first: RunDirectory, other: RunDirectory) -> None:
    if first.path == other.path:
        return
    for side in ("source", "target"):
        models = [getattr(run, f"{side}_subwords") for run in (first, other)]
        if models[0].read_bytes() != models[1].read_bytes():
            raise UsageError(
                f"{first.path} and {other.path} have different {side} subwords, so they cannot be"
                " an ensemble; give runs trained on the same prepared data, or use reranking, which"
                " combines any two"
            )
