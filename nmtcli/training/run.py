"""Train a model on prepared data, or resume an interrupted training."""

import platform

from nmtcli import __version__, backend
from nmtcli import config as configuration
from nmtcli.config import Config, Difference
from nmtcli.errors import UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.atomic import write_atomically
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.hardware import describe_hardware
from nmtcli.runs.locks import check_unlocked
from nmtcli.runs.metrics_log import Metrics, read_metrics
from nmtcli.runs.model_card import write_card
from nmtcli.runs.monitored_metric import is_better, monitored_metric
from nmtcli.training import events
from nmtcli.training.averaging import NAME, choose, made_of, write_average
from nmtcli.training.fine_tuning import initialize_weights
from nmtcli.training.setup import build_models, describe_training, open_data, parameters_by_part

# The options that may change when a run is resumed: limits and intervals, not what is learnt.
CHANGEABLE = {
    "training": {
        "max_steps", "max_epochs", "max_minutes", "log_every", "keep_checkpoints",
        "sample_translations", "recoveries", "average_last",
    },
    "validation": {"patience"},
    "search": {"batch_tokens", "window"},
    "data": {"train_source", "train_target", "valid_source", "valid_target"},  # their hashes count
}  # fmt: skip


def train(config: Config, data, run_path, on_event=lambda event: None, chosen=None, command=()):
    """Train until the configuration's limits, early stopping, or a signal.

    Args:
        config: all options; `data` and `subwords` are taken from the prepared data.
        data: the folder that `preprocess` made.
        run_path: the folder of the run; an existing run resumes from its last checkpoint.
        on_event: a function that is called with each event of `nmtcli.training.events`.
        chosen: the options that nobody set, section -> key -> value; the run stores them.
        command: the words of the command line, which the run records; empty if there is none.

    Returns:
        the `TrainerState` at the end.

    Raises:
        UsageError: the data or the run cannot be used, options differ from the run's, or another
            process is working in the run.
        Interrupted: a signal came; the work so far is saved.
        NmtError: the training failed.
    """
    config, prepared = open_data(config, data)
    run = RunDirectory(run_path)
    check_unlocked(run.path)
    _check_run(run, config, prepared)
    with backend.deterministic():
        precision, models = build_models(config, prepared)
        more = {"command": list(command), "chosen": chosen or {}}
        more |= _initialize(run, config, prepared, models[0])
        run.make()
        with run.locked():
            _check_run(run, config, prepared)  # another training may have ended meanwhile
            _open_run(run, config, prepared, more)
            return _run_training(run, config, prepared, precision, models, on_event)


def _check_run(run: RunDirectory, config: Config, prepared) -> None:
    """Check that the folder is free or holds this training."""
    if not run.exists():
        run.check_free()
        return
    facts, old = run.read_facts(), configuration.as_dict(run.read_config())
    changed = configuration.differences(old, configuration.as_dict(config))
    forbidden = [str(one) for one in changed if not _changeable(one, config)]
    if (facts.get("data") or {}).get("sha256") != _hashes(prepared):
        forbidden.append("the prepared data are other ones")
    if forbidden:
        raise UsageError(
            f"{run.path}: goes on only with its own options; {'; '.join(forbidden)}."
            " Give another folder, or the old options; another folder with --init-from"
            f" {run.path} begins with the weights of this one"
        )


def _initialize(run: RunDirectory, config: Config, prepared, model) -> dict:
    """Copy another run's weights into the model of a new run; return the facts to store."""
    if config.training.init_from is None or checkpoints.steps(run.checkpoints):
        return {}
    subwords = {"source": prepared.source_model, "target": prepared.target_model}
    initial = initialize_weights(model, config.training.init_from, subwords)
    return {"init_from": {**initial.facts(), "text": initial.describe()}}


def _open_run(run: RunDirectory, config: Config, prepared, more: dict) -> None:
    """Write the files of a new run, `run.json` last, or those that an existing one lacks; store
    the options, which may change in a resumed run."""
    is_new = not run.exists()
    copies = {
        run.source_subwords: prepared.source_model,
        run.target_subwords: prepared.target_model,
        run.shortlist: prepared.shortlist,
    }
    for copy, original in copies.items():
        if original.exists() and (is_new or not copy.exists()):
            write_atomically(copy, original.read_bytes())
    write_atomically(run.config, configuration.dump(config))
    if is_new:
        run.create({**_facts(config, prepared), **more})


def _hashes(prepared) -> dict:
    return {"text": prepared.facts["inputs"], "subwords": prepared.facts["models"]}


def _changeable(changed: Difference, config: Config) -> bool:
    decays_to_the_end = config.training.schedule in ("linear", "cosine")
    if decays_to_the_end and changed.key in ("max_steps", "max_epochs"):
        return False  # earlier steps would have differed
    return changed.key in CHANGEABLE.get(changed.section, ())


def _facts(config: Config, prepared) -> dict:
    import keras

    return {
        "seed": config.training.seed,
        "versions": {
            "nmtcli": __version__,
            "keras": keras.__version__,
            "backend": backend.version(),
            "python": platform.python_version(),
        },
        "vocabulary": prepared.facts["vocabulary"],
        "data": {
            "prepared": str(prepared.path),
            "sha256": _hashes(prepared),
            "pairs": len(prepared.train),
            "counts": prepared.facts["counts"],
            "command": prepared.facts.get("command"),
        },
    }


def _run_training(run: RunDirectory, config: Config, prepared, precision, models, on_event):
    from nmtcli.training.train_step import TrainStep
    from nmtcli.training.trainer import Trainer
    from nmtcli.training.validation import Validator

    description = describe_training(config, prepared, precision, models[1])
    kept = ("device", "precision", "parameters", "attention")
    facts = run.read_facts() | {name: getattr(description, name) for name in kept}
    facts |= {"parameters_by_part": parameters_by_part(models[1]), "hardware": describe_hardware()}
    run.write_facts(facts)
    on_event(events.TrainingStarted(run.path, description))
    if facts.get("init_from") and not checkpoints.steps(run.checkpoints):
        on_event(events.WeightsInitialized(facts["init_from"]["text"]))
    validator = Validator(models[1], prepared, config) if prepared.has_valid else None

    def on_event_with_card(event):
        if isinstance(event, events.Validated):
            write_card(run)
        on_event(event)

    train_step = TrainStep(models[0], config.training)
    state = Trainer(run, config, prepared.train, train_step, validator, on_event_with_card).train()
    if config.training.average_last:
        _average_last(run, config, state, validator, on_event)
    write_card(run)
    return state


def _average_last(run: RunDirectory, config: Config, state, validator, on_event) -> None:
    """Average the last checkpoints; the mean becomes `best` if its validation is the best.

    The line of metrics is written last: without it, a training that is started again does all of
    this once more.
    """
    there = checkpoints.steps(run.checkpoints)
    names = choose(run, last=min(config.training.average_last, len(there))) if there[1:] else []
    if not names or (made_of(run) == names and (validator is None or _is_scored(run, names))):
        return
    write_average(run, names, NAME)
    if validator is None:
        on_event(events.CheckpointsAveraged(state.step, names, is_best=False))
        return
    result = validator(checkpoints.load(run.checkpoints, NAME)[1]["model"])
    scores = result.scores()
    metric, value = monitored_metric(scores, config.validation.early_stopping)
    is_best = is_better(value, state.best)
    if is_best:
        checkpoints.point(run.checkpoints, "best", NAME)
    metrics = Metrics(run.metrics, state.step)
    metrics.write("average", state.step, made_of=names, best=is_best, **scores)
    metrics.sync()
    metrics.close()
    best_before = None if state.best is None else abs(state.best[0])  # perplexity is negative there
    on_event(events.CheckpointsAveraged(state.step, names, is_best, result, metric, best_before))


def _is_scored(run: RunDirectory, names: list[str]) -> bool:
    """Return whether the metrics have the score of the average of these checkpoints."""
    averages = [line for line in read_metrics(run.metrics) if line.get("kind") == "average"]
    return any(line.get("made_of") == names for line in averages)
