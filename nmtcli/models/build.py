"""From the configuration to a model: the one place that knows which family is asked for."""

import math

from nmtcli.config import ModelConfig, mechanism_of
from nmtcli.errors import UsageError
from nmtcli.models.recurrent import RecurrentTranslator, Sizes


def build_model(config: ModelConfig, source_vocabulary, target_vocabulary, *, dtype, seed=1):
    """A model with fresh weights.

    Args:
        config: the `model` section.
        source_vocabulary: pieces of the source side.
        target_vocabulary: V, pieces of the target side.
        dtype: Keras policy.
        seed: of the initial weights.

    Raises:
        UsageError: options that do not fit together.
    """
    sizes = Sizes(
        source_vocabulary=source_vocabulary,
        target_vocabulary=target_vocabulary,
        embedding=config.embedding_size,
        encoder=config.encoder_size,
        decoder=config.decoder_size,
        attention=config.attention_size,
        positions=config.attention_positions,
        readout=config.readout_size or config.embedding_size,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        bidirectional=config.bidirectional,
        cell=config.cell,
        tied_embeddings=config.tied_embeddings,
    )
    try:
        return RecurrentTranslator(sizes, mechanism_of(config), config.dropout, seed, dtype)
    except ValueError as error:
        raise UsageError(f"config: model: {' '.join(str(error).split())}") from None


def count_parameters(model) -> int:
    """How many numbers are learnt."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
