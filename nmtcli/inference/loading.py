"""The trained runs that a command names, and the one engine that they make together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nmtcli.config import SearchConfig, read_settings
from nmtcli.decoding.engine import Engine, SearchEngine
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.engines.runtime import AUTOMATIC, Runtime
from nmtcli.errors import UsageError
from nmtcli.runs.checkpoints import check_checkpoint_name
from nmtcli.runs.directory import RunDirectory, find_run


class Member(NamedTuple):
    """A trained model: a run, and the name of one of its checkpoints."""

    run: RunDirectory
    checkpoint: str


def find_members(
    runs: str | Sequence[str] | None = None, checkpoints: str | Sequence[str] = "best"
) -> list[Member]:
    """The models that are meant: one, or several for an ensemble.

    Args:
        runs: a folder or several; None or none at all is the newest run here.
        checkpoints: `best`, `last` or `step-N`: one for all runs, one for each of them, or several
            of a single run.

    Raises:
        UsageError: no such run, a name that is none, numbers that do not fit, or runs that cut
            text into other pieces.
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
            f"{len(found)} runs but {len(names)} checkpoints: give one checkpoint for all runs, or"
            " one for each run in the same order"
        )
    members = [Member(run, name) for run, name in zip(found, names)]
    for other in members[1:]:
        _check_same_pieces(members[0].run, other.run)
    return members


def load_members(
    members: Sequence[Member],
    kind: str = "log",
    runtime: Runtime = AUTOMATIC,
) -> Engine:
    """The engine of a model, or of several that translate as one.

    Args:
        members: of `find_members`.
        kind: how an ensemble takes the mean, as of `nmtcli.engines.ensemble.Ensemble`.
        runtime: what runs the models.

    Raises:
        UsageError: no such checkpoint, an export that cannot be used, or a shortlist for several.
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
    members: Sequence[Member],
    kind: str = "log",
    runtime: Runtime = AUTOMATIC,
) -> SearchEngine:
    """What finds the translations of a model, or of several; as of `load_members`."""
    if runtime.engine == "ctranslate2" and len(members) == 1:
        from nmtcli.engines.load import load_ctranslate2

        return load_ctranslate2(*members[0], runtime)
    return StepwiseSearch(load_members(members, kind, runtime))


def search_options(
    run: RunDirectory, config_file=None, assignments: Iterable[str] = (), overrides=None
) -> SearchConfig:
    """The search options of a run < a YAML file < assignments < overrides.

    Sampling needs no beam: one that only the run has is left out.

    Raises:
        UsageError: one of them is wrong, or is not an option of the search.
    """
    assignments = list(assignments)
    for text in assignments:
        if not text.strip().startswith("search."):
            raise UsageError(f"{text}: the run is trained; only search.* can be set now")
    given = read_settings(config_file, assignments, {"search": overrides or {}})
    trained = run.read_settings()
    merged = trained.below(given)
    if merged.get("search", "sample"):
        merged = trained.without("search", "beam").below(given)
    return merged.build().search


def translates_back(run: RunDirectory, other: RunDirectory) -> bool:
    """Does `other` translate the other way round?

    It does where its training text or its pieces are those of `run` with source and target swapped;
    where neither are the same in any order nothing can be told, and the answer is no.
    """
    for sides in (_training_text, _pieces):
        ours, theirs = sides(run), sides(other)
        if ours and theirs and ours[0] != ours[1] and theirs == ours[::-1]:
            return True
    return False


def _training_text(run: RunDirectory) -> list[str] | None:
    """Hashes of source and target; None of a run that does not tell such two."""
    try:
        source, target = run.read_facts()["data"]["sha256"]["text"]["train"]
    except (KeyError, TypeError, ValueError):
        return None
    return [source, target] if isinstance(source, str) else None


def _pieces(run: RunDirectory) -> list[bytes] | None:
    """The models of source and target."""
    files = [run.source_subwords, run.target_subwords]
    return [path.read_bytes() for path in files] if all(path.is_file() for path in files) else None


def _check_same_pieces(first: RunDirectory, other: RunDirectory) -> None:
    if first.path == other.path:
        return
    for side in ("source", "target"):
        models = [getattr(run, f"{side}_subwords") for run in (first, other)]
        if models[0].read_bytes() != models[1].read_bytes():
            raise UsageError(
                f"{first.path} and {other.path} cut the {side} into other pieces, so their"
                " probabilities have no mean; an ensemble needs runs trained on the same prepared"
                " data (reranking combines any two)"
            )
