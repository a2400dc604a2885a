"""`nmt inspect`: what a run is."""

import json as json_module
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from nmtcli.cli.streams import quiet_ends


def inspect(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Folder of a run; newest here if not given."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what a run is: model, data, progress, scores, checkpoints, versions, size.

    A file that is missing or damaged leaves a gap, not an error.
    """
    from nmtcli.run_directory import find_run

    with quiet_ends("nothing was changed"):
        about = describe(find_run(run))
        if json:
            print(json_module.dumps(about, ensure_ascii=False, indent=2))
            return
        rows = list(_rows(about))
        width = max(len(name) for name, _ in rows)
        for name, text in rows:
            print(f"{name:<{width}}  {text}")


def describe(run) -> dict:
    """What the files of a `RunDirectory` say; None where they say nothing.

    Raises:
        UsageError, NmtError: there is no such run, or its `run.json` is unreadable.
    """
    facts = run.read_facts()
    metrics = _read_metrics(run.metrics)
    validations = [line for line in metrics if line.get("kind") == "validation"]
    trained = [line for line in metrics if line.get("kind") == "train"]
    return {
        "run": str(run.path),
        "config": _read_config(run),
        "vocabulary": {
            "source": _vocabulary_size(run.source_subwords),
            "target": _vocabulary_size(run.target_subwords),
        },
        "last_step": _highest(metrics, "step"),
        "last_epoch": _highest(metrics, "epoch"),
        "last_training": trained[-1] if trained else None,
        "best_validation": _best(validations),
        "last_validation": validations[-1] if validations else None,
        "checkpoints": [_describe_checkpoint(folder) for folder in _steps(run.checkpoints)],
        "best": _link(run.checkpoints / "best"),
        "last": _link(run.checkpoints / "last"),
        "bytes": _size(run.path),
        "facts": facts,
    }


def _read_config(run) -> dict | None:
    from nmtcli.config import as_dict
    from nmtcli.errors import NmtError

    try:
        return as_dict(run.read_config())
    except NmtError:
        return None


def _read_metrics(path: Path) -> list[dict]:
    """The lines that can be read; the last one may be half written."""
    found = []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for line in text.split("\n"):
        try:
            value = json_module.loads(line)
        except json_module.JSONDecodeError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _highest(metrics: list[dict], name: str) -> int | None:
    return max((line[name] for line in metrics if isinstance(line.get(name), int)), default=None)


def _best(validations: list[dict]) -> dict | None:
    """The highest BLEU, or else the lowest perplexity."""
    with_bleu = [line for line in validations if isinstance(line.get("bleu"), int | float)]
    if with_bleu:
        return max(with_bleu, key=lambda line: line["bleu"])
    with_perplexity = [
        line for line in validations if isinstance(line.get("perplexity"), int | float)
    ]
    return min(with_perplexity, key=lambda line: line["perplexity"], default=None)


def _vocabulary_size(model: Path) -> int | None:
    from nmtcli.errors import NmtError
    from nmtcli.text.subwords import Subwords

    try:
        return Subwords(model).size
    except (NmtError, ImportError):
        return None


def _steps(checkpoints: Path) -> list[Path]:
    folders = [path for path in checkpoints.glob("step-*") if path.name[5:].isdigit()]
    return sorted(folders, key=lambda path: int(path.name[5:]))


def _describe_checkpoint(folder: Path) -> dict:
    """Step, epoch, size and whether the files are there with the sizes that the manifest says."""
    state = _read_json(folder / "state.json")
    files = _read_json(folder / "manifest.json").get("files")
    problem = None if isinstance(files, dict) and files else "manifest.json missing or damaged"
    for name, entry in (files if problem is None else {}).items():
        path = folder / name
        expected = entry.get("bytes") if isinstance(entry, dict) else None
        if not path.is_file():
            problem = f"{name} missing"
        elif expected is not None and path.stat().st_size != expected:
            problem = f"{name} has {path.stat().st_size} bytes, not {expected}"
    return {
        "name": folder.name,
        "step": state.get("step", int(folder.name[5:])),
        "epoch": state.get("epoch"),
        "bytes": _size(folder),
        "problem": problem,
    }


def _read_json(path: Path) -> dict:
    try:
        value = json_module.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _link(path: Path) -> str | None:
    return path.resolve().name if path.exists() else None


def _size(folder: Path) -> int:
    """Bytes of the files below; what a link points to is counted where it is."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files)


def _rows(about: dict) -> Iterator[tuple[str, str]]:
    """Name and text of each line that is printed."""
    yield "run", about["run"]
    yield from _config_rows(about["config"])
    sizes = about["vocabulary"]
    yield "vocabulary", f"{_or_dash(sizes['source'])} source, {_or_dash(sizes['target'])} target"
    yield "trained", f"step {_or_dash(about['last_step'])}, epoch {_or_dash(about['last_epoch'])}"
    yield "best validation", _scores(about["best_validation"])
    yield "last validation", _scores(about["last_validation"])
    if not about["checkpoints"]:
        yield "checkpoint", "none"
    for checkpoint in about["checkpoints"]:
        marks = [mark for mark in ("best", "last") if about[mark] == checkpoint["name"]]
        yield "checkpoint", _checkpoint(checkpoint, marks)
    yield "on disk", _megabytes(about["bytes"])
    for name, value in about["facts"].items():
        if name == "data" and isinstance(value, dict):  # hashes are for programs: in --json
            value = {key: inner for key, inner in value.items() if key != "sha256"}
        if name != "vocabulary":  # shown above
            yield name, _flat(value)


def _config_rows(config: dict | None) -> Iterator[tuple[str, str]]:
    if config is None:
        yield "config", "missing or damaged"
        return
    model, data = config["model"], config["data"]
    yield (
        "model",
        f"{model['architecture']}, attention {model['attention']}, cell {model['cell']},"
        f" {model['encoder_layers']}+{model['decoder_layers']} layers,"
        f" embedding {model['embedding_size']}, encoder {model['encoder_size']},"
        f" decoder {model['decoder_size']}",
    )
    for side in ("train", "valid"):
        yield f"{side} text", f"{data[side + '_source']} -> {data[side + '_target']}"


def _checkpoint(checkpoint: dict, marks: list[str]) -> str:
    parts = [checkpoint["name"]]
    if checkpoint["epoch"] is not None:
        parts.append(f"epoch {checkpoint['epoch']}")
    parts.append(_megabytes(checkpoint["bytes"]))
    parts.append(f"DAMAGED: {checkpoint['problem']}" if checkpoint["problem"] else "complete")
    return ", ".join(parts) + (f" ({', '.join(marks)})" if marks else "")


def _scores(line: dict | None) -> str:
    if line is None:
        return "-"
    parts = [f"step {_or_dash(line.get('step'))}"]
    for name, title in (("bleu", "BLEU"), ("perplexity", "perplexity")):
        if isinstance(line.get(name), int | float):
            parts.append(f"{title} {line[name]:.2f}")
    return ", ".join(parts)


def _flat(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return " ".join(_flat(inner) for inner in value)
    return str(value)


def _or_dash(value) -> str:
    return "-" if value is None else str(value)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
