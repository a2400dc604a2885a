"""Train a model on prepared data, or go on with an interrupted training."""

import platform
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from nmtcli import __version__, backend
from nmtcli import config as configuration
from nmtcli.config import Config
from nmtcli.errors import UsageError
from nmtcli.mechanisms import describe
from nmtcli.run_directory import RunDirectory, write_atomically

# What may differ when a run goes on: how long and how often, but not what is learnt.
CHANGEABLE = {
    "training": {
        "max_steps", "max_epochs", "max_minutes", "log_every", "keep_checkpoints",
        "sample_translations", "recoveries",
    },
    "validation": {"patience"},
    "search": {"batch_tokens", "window"},
    "data": {"train_source", "train_target", "valid_source", "valid_target"},  # their hashes count
}  # fmt: skip


def train(config: Config, data, run_path, tell=lambda event: None):
    """Train until the configuration's limits, early stopping, or a signal.

    Args:
        config: all options; `data` and `subwords` are taken from the prepared data.
        data: folder that `preprocess` made.
        run_path: folder of the run; an existing run goes on from its last checkpoint.
        tell: called with an `Event` for each thing worth showing.

    Returns:
        the `Progress` at the end.

    Raises:
        UsageError: data or run that cannot be used, or options other than the run's.
        Interrupted: a signal came; the work so far is saved.
        NmtError: the training failed.
    """
    from nmtcli.batches.prepared import PreparedData

    prepared = PreparedData(data)
    prepared.check()
    if not len(prepared.train):
        raise UsageError(f"{data}: no training pairs")
    config = _with_data_options(config, prepared)
    run = RunDirectory(run_path)
    _check_run(run, config, prepared)
    precision, models = _build_models(config, prepared)
    _open_run(run, config, prepared)
    return _run_training(run, config, prepared, precision, models, tell)


def _with_data_options(config: Config, prepared) -> Config:
    values = configuration.as_dict(config)
    values.update(prepared.facts["config"])
    if not prepared.joint and values["model"]["tied_embeddings"] == "all":
        values["model"]["tied_embeddings"] = "target"
    return configuration.from_dict(values)


def _check_run(run: RunDirectory, config: Config, prepared) -> None:
    """Refuse a place that holds something else, or another training."""
    if not run.exists():
        if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
            raise UsageError(f"{run.path}: exists and is not a run; choose another --run")
        return
    facts, old = run.read_facts(), configuration.as_dict(run.read_config())
    changed = configuration.differences(old, configuration.as_dict(config))
    forbidden = [line for line in changed if not _changeable(line, config)]
    if facts["data"]["sha256"] != _hashes(prepared):
        forbidden.append("the prepared data are other ones")
    if forbidden:
        raise UsageError(
            f"{run.path}: goes on only with its own options; {'; '.join(forbidden)}."
            " Give another --run, or the old options"
        )


def _open_run(run: RunDirectory, config: Config, prepared) -> None:
    """Make the folder of a new run; write down the options, which an old run may have changed."""
    if not run.exists():
        run.create(_facts(config, prepared))
        shutil.copyfile(prepared.source_model, run.source_subwords)
        shutil.copyfile(prepared.target_model, run.target_subwords)
    write_atomically(run.config, configuration.dump(config))


def _hashes(prepared) -> dict:
    return {"text": prepared.facts["inputs"], "subwords": prepared.facts["models"]}


def _changeable(line: str, config: Config) -> bool:
    section, _, rest = line.partition(".")
    key = rest.partition(":")[0]
    if key in ("max_steps", "max_epochs") and config.training.schedule in ("linear", "cosine"):
        return False  # the decay ends there, so the steps before it would have been other ones
    return key in CHANGEABLE.get(section, ())


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
        },
    }


def _build_models(config: Config, prepared):
    """Precision, and two models of the same fresh weights: to train, and in float32 to validate."""
    backend.choose()
    backend.make_deterministic()
    from nmtcli.models.build import build_model

    options = config.training
    sizes = prepared.facts["vocabulary"]["source"], prepared.facts["vocabulary"]["target"]
    precision = backend.resolve_precision(options.precision)
    return precision, [
        build_model(config.model, *sizes, dtype=dtype, seed=options.seed)
        for dtype in (backend.keras_policy(precision), "float32")
    ]


def _run_training(run: RunDirectory, config: Config, prepared, precision, models, tell):
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.models.build import count_parameters
    from nmtcli.text.subwords import Subwords
    from nmtcli.training.loop import Event, Training
    from nmtcli.training.metrics import Metrics
    from nmtcli.training.step import TrainStep, make_optimizer
    from nmtcli.training.validate import Validator

    options, model = config.training, models[0]
    header = {
        "version": __version__,
        "backend": backend.version(),
        "device": backend.device(),
        "precision": precision,
        "parameters": count_parameters(model),
        "attention": describe(config.model.attention, configuration.mechanism_of(config.model)),
        "pairs": len(prepared.train),
    }
    kept = ("device", "precision", "parameters", "attention")
    run.write_facts({**run.read_facts(), **{key: header[key] for key in kept}})
    tell(Event("start", header))
    update = TrainStep(
        model,
        make_optimizer(options),
        smoothing=options.label_smoothing,
        clip_norm=options.clip_norm,
        seed=options.seed,
        coverage_weight=options.coverage_loss,
        coverage_from=options.coverage_from,
    )
    validate = None
    if prepared.valid is not None:
        engine = KerasEngine(models[1])
        subwords = Subwords(run.source_subwords), Subwords(run.target_subwords)
        translate = _translator(engine, subwords, config) if config.validation.bleu else None
        validate = Validator(engine, prepared, translate, config.validation, options.batch_tokens)
    training = Training(
        run, config, prepared.train, update, validate,
        lambda step: Metrics(run.metrics, step), tell,
    )  # fmt: skip
    return training()


def _translator(engine, subwords, config: Config):
    """Function from lines to translated lines, by the path of `nmt translate`."""
    from nmtcli.translate import Translator

    search = replace(config.search, beam=config.validation.beam, nbest=1)
    translator = Translator(engine, *subwords, search)
    return lambda lines: [translation.text for translation in translator.translate_lines(lines)]
