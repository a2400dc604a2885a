"""What a training is made of, from the configuration and the prepared data."""

import math
from dataclasses import replace

from nmtcli import __version__, backend
from nmtcli import config as configuration
from nmtcli.config import Config
from nmtcli.errors import UsageError


def with_data_options(config: Config, prepared) -> Config:
    """The configuration with the options that the prepared data were made with.

    Raises:
        UsageError: options that do not go together.
    """
    values = configuration.as_dict(config)
    values.update(prepared.facts["config"])
    if not prepared.joint and values["model"]["tied_embeddings"] == "all":
        values["model"]["tied_embeddings"] = "target"
    config = configuration.from_dict(values)
    last, kept = config.training.average_last, config.training.keep_checkpoints
    if last == 1:
        raise UsageError("training.average_last=1: an average is of two checkpoints at least")
    if last > kept:
        raise UsageError(
            f"training.average_last={last} needs so many checkpoints: set"
            f" training.keep_checkpoints={last} too, or more; it is {kept}"
        )
    return config


def build_models(config: Config, prepared):
    """Precision, and two models of the same fresh weights: to train, and in float32 to validate."""
    backend.choose()
    backend.make_deterministic()
    from nmtcli.models.factory import build_model
    from nmtcli.training.freeze import freeze
    from nmtcli.training.requirements import check_recipe

    options = config.training
    sizes = prepared.facts["vocabulary"]["source"], prepared.facts["vocabulary"]["target"]
    precision = backend.resolve_precision(options.precision)
    models = [
        build_model(config.model, *sizes, dtype=dtype, seed=options.seed)
        for dtype in (backend.keras_policy(precision), "float32")
    ]
    check_recipe(config, models[0], prepared.train)
    freeze(models[0], options.freeze)
    return precision, models


def describe_training(config: Config, prepared, precision: str, model) -> dict:
    """What the first line of a training says; `model` is one of which nothing is frozen."""
    from nmtcli.models.factory import count_parameters

    return {
        "version": __version__,
        "backend": backend.version(),
        "device": backend.device(),
        "precision": precision,
        "parameters": count_parameters(model),
        "attention": configuration.describe_model(config.model),
        "pairs": len(prepared.train),
    }


def parameters_by_part(model) -> dict[str, int]:
    """How many numbers are learnt in embedding, encoder, decoder and output.

    A matrix that embedding and output layer share counts as embedding; the bridge between encoder
    and decoder counts as decoder.
    """
    counts = dict.fromkeys(("embedding", "encoder", "decoder", "output"), 0)
    for variable in model.weights:
        name = variable.path.removeprefix("translator/")
        part = "embedding" if name.endswith("_embedding") else name.partition("_")[0]
        part = part.partition("/")[0]
        counts[part if part in counts else "decoder"] += math.prod(variable.shape)
    return counts


def make_validator(model, prepared, config: Config):
    """The `Validator` that the configuration asks for, or None without validation text."""
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.text.subwords import Subwords
    from nmtcli.training.validation import Validator

    if prepared.valid is None:
        return None
    engine = KerasEngine(model)
    subwords = Subwords(prepared.source_model), Subwords(prepared.target_model)
    translate = _translator(engine, subwords, config) if config.validation.bleu else None
    return Validator(engine, prepared, translate, config.validation, config.training.batch_tokens)


def _translator(engine, subwords, config: Config):
    """Function from lines to translated lines, by the path of `nmt translate`."""
    from nmtcli.decoding.search import StepwiseSearch
    from nmtcli.inference.translator import Translator

    search = replace(config.search, beam=config.validation.beam, nbest=1)
    translator = Translator(StepwiseSearch(engine), *subwords, search)
    return lambda lines: [translation.text for translation in translator.translate_lines(lines)]
