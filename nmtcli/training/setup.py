"""Open the data of a training, build its models and describe it."""

import math
from dataclasses import dataclass, fields

from nmtcli import __version__, backend
from nmtcli import config as configuration
from nmtcli.config import Config
from nmtcli.errors import UsageError
from nmtcli.training.fine_tuning import freeze


def open_data(config: Config, data):
    """Open prepared data, and copy their options into the configuration.

    Returns:
        the complete configuration, and the `PreparedData`.

    Raises:
        UsageError: the data cannot be used, or they have no training pairs.
    """
    from nmtcli.data.prepared import PreparedData

    prepared = PreparedData(data)
    prepared.check()
    if not len(prepared.train):
        raise UsageError(f"{data}: no training pairs")
    values = configuration.as_dict(config) | prepared.facts["config"]
    if not prepared.joint and values["model"]["tied_embeddings"] == "all":
        values["model"]["tied_embeddings"] = "target"
    return configuration.from_dict(values), prepared


def build_models(config: Config, prepared):
    """Build two models with the same fresh weights: one to train, and one in float32 to validate.

    Returns:
        the precision, and the two models.

    Raises:
        UsageError: an option has no effect on this model and these data.
    """
    backend.choose()
    from nmtcli.models.factory import build_model

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


def check_recipe(config: Config, model, pairs) -> None:
    """Check that every option has an effect on the model and the data.

    Args:
        config: all options.
        model: the model to train.
        pairs: the token ids of the training data on disk, `Pairs`.

    Raises:
        UsageError: R-Drop without dropout or other randomness, or guided alignment without
            attention or alignments.
    """
    options = config.training
    if options.guided_alignment and model.mechanism.score is None:
        raise UsageError(
            "training.guided_alignment: attention none has no weights that alignments could guide;"
            " choose another attention"
        )
    if options.guided_alignment and not pairs.has_links:
        raise UsageError(
            f"{pairs.folder}: no alignments, which training.guided_alignment needs; prepare the"
            " data again with nmt preprocess --alignments FILE"
        )
    rates = [getattr(config.model, f.name) for f in fields(config.model) if "dropout" in f.name]
    rates += [options.source_word_dropout, options.target_word_dropout]
    if options.r_drop and not any(rates):
        raise UsageError(
            "training.r_drop: both passes are the same without dropout; set model.dropout"
        )


@dataclass(frozen=True)
class TrainingDescription:
    """The description of a training for its first line.

    backend: its name and version. device: the device that computes.
    attention: the mechanism, or `transformer`.
    parameters: how many the model has; pairs: how many sentence pairs the training data have.
    """

    version: str
    backend: str
    device: str
    precision: str
    parameters: int
    attention: str
    pairs: int


def describe_training(config: Config, prepared, precision: str, model) -> TrainingDescription:
    """Describe a training; nothing of `model` may be frozen yet."""
    from nmtcli.models.factory import count_parameters

    return TrainingDescription(
        version=__version__,
        backend=backend.version(),
        device=backend.device(),
        precision=precision,
        parameters=count_parameters(model),
        attention=configuration.describe_model(config.model),
        pairs=len(prepared.train),
    )


def parameters_by_part(model) -> dict[str, int]:
    """Count the trainable parameters of embedding, encoder, decoder and output.

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
