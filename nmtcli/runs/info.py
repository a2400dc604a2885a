"""Description of a run from its files; a missing or damaged file gives None, not an error."""

from pathlib import Path

from nmtcli.config import as_dict
from nmtcli.errors import NmtError
from nmtcli.runs.checkpoints import averages, read_json, steps, target
from nmtcli.runs.metrics_log import read_metrics
from nmtcli.runs.monitored_metric import best_validation
from nmtcli.text.subwords import Subwords


def describe(run) -> dict:
    """Return a description of a `RunDirectory` from its files; unknown values are None.

    Raises:
        UsageError, NmtError: there is no such run, or its `run.json` is unreadable.
    """
    facts = run.read_facts()
    metrics = read_metrics(run.metrics)
    config = _read_config(run)
    last_of_kind = {line.get("kind"): line for line in metrics}
    models = {"source": run.source_subwords, "target": run.target_subwords}
    names = [f"step-{step}" for step in steps(run.checkpoints)] + averages(run.checkpoints)
    checkpoints = [_describe_checkpoint(run.checkpoints / name) for name in names]
    early_stopping = config["validation"]["early_stopping"] if config else "bleu"
    done = [*metrics, *checkpoints]  # a short training has a checkpoint, and no line of metrics
    return {
        "run": str(run.path),
        "config": config,
        "vocabulary": {side: _vocabulary_size(model) for side, model in models.items()},
        "last_step": _highest(done, "step"),
        "last_epoch": _highest(done, "epoch"),
        "last_training": last_of_kind.get("train"),
        "best_validation": best_validation(metrics, early_stopping),
        "last_validation": last_of_kind.get("validation"),
        "checkpoints": checkpoints,
        "best": target(run.checkpoints, "best"),
        "last": target(run.checkpoints, "last"),
        "bytes": _size(run.path),
        "facts": facts,
    }


def _read_config(run) -> dict | None:
    try:
        return as_dict(run.read_config())
    except NmtError:
        return None


def _highest(lines: list[dict], name: str) -> int | None:
    return max((line[name] for line in lines if isinstance(line.get(name), int)), default=None)


def _vocabulary_size(model: Path) -> int | None:
    try:
        return Subwords(model).size
    except (NmtError, ImportError):
        return None


def _describe_checkpoint(folder: Path) -> dict:
    """Return step, epoch, size, and whether a file is missing or differs from the manifest."""
    state = read_json(folder / "state.json")
    manifest = read_json(folder / "manifest.json")
    files = manifest.get("files")
    problem = None if isinstance(files, dict) and files else "manifest.json missing or damaged"
    for name, entry in (files if problem is None else {}).items():
        path = folder / Path(name).name
        expected = entry.get("bytes") if isinstance(entry, dict) else None
        if not path.is_file():
            problem = f"{name} missing"
        elif expected is not None and path.stat().st_size != expected:
            problem = f"{name} has {path.stat().st_size} bytes, not {expected}"
    return {
        "name": folder.name,
        "step": state.get("step", manifest.get("step")),
        "epoch": state.get("epoch"),
        "average_of": state.get("average_of"),
        "bytes": _size(folder),
        "problem": problem,
    }


def _size(folder: Path) -> int:
    """Return the bytes of all files in the folder; links are not followed."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files)
