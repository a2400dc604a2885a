"""Prepare parallel text and train on it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nmtcli.config import load as load_config
from nmtcli.config.by_name import by_name
from nmtcli.config.data import text_files
from nmtcli.config.paths import AnyPath
from nmtcli.errors import UsageError
from nmtcli.training.events import Event

if TYPE_CHECKING:
    from nmtcli.data.preprocess import Report

Files: TypeAlias = tuple[AnyPath, AnyPath]  # of sources and of targets


@dataclass(frozen=True)
class TrainedRun:
    """What a training has come to.

    path: the folder of the run.
    step: the number of updates.
    best_step: the update with the best validation; None without validation text.
    finished: why the training ended.
    chosen: a line for each option that was chosen because nobody set it, with the reason.
    """

    path: Path
    step: int
    best_step: int | None
    finished: str
    chosen: tuple[str, ...] = ()


def preprocess(
    train: Files | Sequence[Files] = (),
    valid: Files | None = None,
    out: AnyPath = "prepared",
    *,
    keep_rejected: bool = False,
    force: bool = False,
    config: AnyPath | None = None,
    settings: Mapping[str, object] | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    **options: object,
) -> "Report":
    """Clean parallel text, learn subwords and write token ids: what `nmt preprocess` does.

    Args:
        train: the files of sources and targets of the training text, or a list of such pairs.
        valid: the files of sources and targets of the validation text.
        out: the folder of prepared data to make. Data of the same text and options are kept.
        keep_rejected: write the pairs that were dropped to `rejected.tsv`, with the reasons.
        force: replace prepared data that were made from other text or options.
        config: a YAML file with options.
        settings: options by their full names, such as `{"data.max_words": 100}`.
        on_progress: called with a stage (`count`, `filter`, `learn`, `encode`, `shortlist`), and
            how much of how much is done; the last is 0 if it is not known.
        options: options of `data` and `subwords` by their names, such as `vocabulary_size=8000`.

    Returns:
        an `nmtcli.data.preprocess.Report`: what was read, dropped and kept.

    Raises:
        UsageError: the text cannot be used, an option is wrong, or `out` has other contents.
        NmtError: disk space or memory ran out.

    Example:
        >>> report = nmtcli.preprocess(("train.ko", "train.en"), ("valid.ko", "valid.en"))
        >>> report.counts["train"].kept
        9843
    """
    overrides = by_name(options, settings, ("data", "subwords"))
    pairs = [_files("train", pair) for pair in _pairs(train)]
    files = text_files(pairs, None if valid is None else _files("valid", valid))
    overrides["data"] = overrides.get("data", {}) | files
    found = load_config(config, overrides=overrides)
    from nmtcli.data.preprocess import preprocess as use_case
    from nmtcli.text.files import copies_of_pipes

    with copies_of_pipes(Path(out)):
        return use_case(found, Path(out), keep_rejected, force, on_progress)


def train(
    data: AnyPath = "prepared",
    run: AnyPath | None = None,
    *,
    preset: str | None = None,
    config: AnyPath | None = None,
    settings: Mapping[str, object] | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    **options: object,
) -> TrainedRun:
    """Train on prepared data, or resume a training: what `nmt train --no-export` does.

    Args:
        data: the folder that `preprocess` made.
        run: the folder of the run; None is `runs/DATA-ATTENTION`. A run that exists is resumed.
        preset: take sizes and settings from this preset; what is set elsewhere replaces them.
        config: a YAML file with options.
        settings: options by their full names, such as `{"training.label_smoothing": 0.1}`.
        on_event: called with each event of `nmtcli.training.events`, such as `Validated`.
        options: options of `model`, `training` and `validation` by their names, such as
            `attention="luong-general"`.

    Raises:
        UsageError: an option is wrong, or the data or the run cannot be used.
        Interrupted: a signal came; the work so far is saved.
        NmtError: the training failed.

    Example:
        >>> trained = nmtcli.train("prepared", attention="luong-general", max_epochs=10)
        >>> translator = nmtcli.load(trained.path)
    """
    from nmtcli.training.settings import run_name, train_settings

    overrides = by_name(options, settings, ("model", "training", "validation"))
    given = train_settings(preset, config, overrides=overrides)
    built = given.build()  # impossible options are refused before any folder is read or made
    place = Path(data)
    name = run_name(place, built.model, preset)
    path = Path("runs", name) if run is None else Path(run)
    if not place.exists():
        raise UsageError(f"{place}: no such folder; nmt preprocess makes prepared data")
    from nmtcli.training.defaults import resolve_config
    from nmtcli.training.run import train as use_case

    resolved = resolve_config(given, place, path)
    state = use_case(resolved.config, place, path, on_event, resolved.values)
    best_step = None if state.best is None else state.best_step
    return TrainedRun(path, state.step, best_step, state.finished, tuple(resolved.lines))


def _pairs(train: Any) -> Sequence[Files]:
    """Return the pairs of files of the training text, of which there may be one alone."""
    alone = len(train) == 2 and all(isinstance(file, (str, os.PathLike)) for file in train)
    return [train] if alone else train


def _files(name: str, pair: Files) -> tuple[str, str]:
    if isinstance(pair, (str, os.PathLike)) or len(pair) != 2:
        raise UsageError(f"{name} must be the files of sources and targets, not {pair!r}")
    source, target = pair
    return os.fspath(source), os.fspath(target)
