"""Train a model on prepared data, or go on with an interrupted training."""

import platform
import shutil
import sys
from pathlib import Path

from nmtcli import __version__, backend
from nmtcli import config as configuration
from nmtcli.config import Config, Difference
from nmtcli.errors import UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory, write_atomically
from nmtcli.runs.hardware import describe_hardware
from nmtcli.runs.model_card import write_card
from nmtcli.training.averaging import NAME, choose, made_of, save_mean
from nmtcli.training.fine_tuning import take_weights
from nmtcli.training.setup import (
    build_models,
    describe_training,
    make_validator,
    parameters_by_part,
    with_data_options,
)

# What may differ when a run goes on: how long and how often, but not what is learnt.
CHANGEABLE = {
    "training": {
        "max_steps", "max_epochs", "max_minutes", "log_every", "keep_checkpoints",
        "sample_translations", "recoveries", "average_last",
    },
    "validation": {"patience"},
    "search": {"batch_tokens", "window"},
    "data": {"train_source", "train_target", "valid_source", "valid_target"},  # their hashes count
}  # fmt: skip


def train(config: Config, data, run_path, tell=lambda event: None, chosen=None):
    """Train until the configuration's limits, early stopping, or a signal.

    Args:
        config: all options; `data` and `subwords` are taken from the prepared data.
        data: folder that `preprocess` made.
        run_path: folder of the run; an existing run goes on from its last checkpoint.
        tell: called with an `Event` for each thing worth showing.
        chosen: what of the options nobody set, section -> key -> value; a run remembers it.

    Returns:
        the `Progress` at the end.

    Raises:
        UsageError: data or run that cannot be used, or options other than the run's.
        Interrupted: a signal came; the work so far is saved.
        NmtError: the training failed.
    """
    from nmtcli.data.prepared import PreparedData

    prepared = PreparedData(data)
    prepared.check()
    if not len(prepared.train):
        raise UsageError(f"{data}: no training pairs")
    config = with_data_options(config, prepared)
    run = RunDirectory(run_path)
    _check_run(run, config, prepared)
    precision, models = build_models(config, prepared)
    more = {"chosen": chosen or {}, **_initial(run, config, prepared, models[0], tell)}
    _open_run(run, config, prepared, more)
    return _run_training(run, config, prepared, precision, models, tell)


def _check_run(run: RunDirectory, config: Config, prepared) -> None:
    """Refuse a place that holds something else, or another training."""
    if not run.exists():
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise UsageError(f"{run.path}: exists and is not a run; choose another --run")
        return
    facts, old = run.read_facts(), configuration.as_dict(run.read_config())
    changed = configuration.differences(old, configuration.as_dict(config))
    forbidden = [str(one) for one in changed if not _changeable(one, config)]
    if facts["data"]["sha256"] != _hashes(prepared):
        forbidden.append("the prepared data are other ones")
    if forbidden:
        raise UsageError(
            f"{run.path}: goes on only with its own options; {'; '.join(forbidden)}."
            " Give another --run, or the old options"
        )


def _initial(run: RunDirectory, config: Config, prepared, model, tell) -> dict:
    """Take the weights of another run into the model of one that has none yet; the facts of it."""
    if config.training.init_from is None or checkpoints.steps(run.checkpoints):
        return {}

    subwords = {"source": prepared.source_model, "target": prepared.target_model}
    taken = take_weights(
        model,
        config.training.init_from,
        subwords,
    )
    return {"init_from": {**taken.facts(), "text": taken.describe()}}


def _open_run(run: RunDirectory, config: Config, prepared, more: dict) -> None:
    """Make the folder of a new run; write down the options, which an old run may have changed."""
    if not run.exists():
        run.create({**_facts(config, prepared), **more})
        shutil.copyfile(prepared.source_model, run.source_subwords)
        shutil.copyfile(prepared.target_model, run.target_subwords)
        if prepared.shortlist.exists():
            shutil.copyfile(prepared.shortlist, run.shortlist)
    write_atomically(run.config, configuration.dump(config))


def _hashes(prepared) -> dict:
    return {"text": prepared.facts["inputs"], "subwords": prepared.facts["models"]}


def _changeable(changed: Difference, config: Config) -> bool:
    if changed.key in ("max_steps", "max_epochs") and config.training.schedule in (
        "linear",
        "cosine",
    ):
        return False  # the decay ends there, so the steps before it would have been other ones
    return changed.key in CHANGEABLE.get(changed.section, ())


def _facts(config: Config, prepared) -> dict:
    backend.choose()
    import keras

    return {
        "command": ["nmt", *sys.argv[1:]],
        "seed": config.training.seed,
        "versions": {
            "nmtcli": __version__,
            "keras": keras.__version__,
            "backend": backend.version(),
            "python": platform.python_version(),
        },
        "vocabulary": dict(prepared.facts["vocabulary"]),
        "data": {
            "prepared": str(Path(prepared.path)),
            "sha256": _hashes(prepared),
            "pairs": len(prepared.train),
            "counts": prepared.facts["counts"],
            "command": prepared.facts.get("command"),
        },
    }


def _run_training(run: RunDirectory, config: Config, prepared, precision, models, tell):
    from nmtcli.runs.metrics_log import Metrics
    from nmtcli.training.train_step import make_train_step
    from nmtcli.training.trainer import Event, Training

    header = describe_training(config, prepared, precision, models[1])
    kept = ("device", "precision", "parameters", "attention")
    run.write_facts(
        {
            **run.read_facts(),
            **{key: header[key] for key in kept},
            "parameters_by_part": parameters_by_part(models[1]),
            "hardware": describe_hardware(),
        }
    )
    tell(Event("start", header))
    initial = run.read_facts().get("init_from")
    if initial and not checkpoints.steps(run.checkpoints):
        tell(Event("initial", initial))
    validate = make_validator(models[1], prepared, config)
    training = Training(
        run, config, prepared.train, make_train_step(models[0], config.training), validate,
        lambda step: Metrics(run.metrics, step), _with_card(run, tell),
    )  # fmt: skip
    progress = training()
    if config.training.average_last:
        _average_last(run, config, progress, validate, tell)
    write_card(run)
    return progress


def _with_card(run: RunDirectory, tell):
    """`tell`, which also writes the model card at each validation."""

    def tell_and_write(event):
        if event.kind == "validation":
            write_card(run)
        tell(event)

    return tell_and_write


def _average_last(run: RunDirectory, config: Config, progress, validate, tell) -> None:
    """Average the last checkpoints; the mean becomes `best` if its validation is the best."""
    from nmtcli.runs.metrics_log import Metrics
    from nmtcli.runs.monitored_metric import deciding_score
    from nmtcli.training.trainer import Event

    there = checkpoints.steps(run.checkpoints)
    names = choose(run, last=min(config.training.average_last, len(there))) if there[1:] else []
    if not names or made_of(run) == names:  # which says that a finished training was started again
        return
    save_mean(run, names)
    values = {"step": progress.step, "made_of": names, "best": False}
    if validate is not None:
        found = validate(checkpoints.load(run.checkpoints, NAME)[1]["model"])
        found.pop("translations")
        name, value = deciding_score(found, config.validation.early_stopping)
        values |= {**found, "name": name, "before": progress.best}
        values["best"] = progress.best is None or value > progress.best
        metrics = Metrics(run.metrics, progress.step)
        metrics.write("average", progress.step, made_of=names, best=values["best"], **found)
        metrics.close()
    if values["best"]:
        checkpoints.point(run.checkpoints, "best", NAME)
    tell(Event("average", values))
