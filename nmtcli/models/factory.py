"""From the configuration to a model: the one place that knows which family is asked for."""

import math

from nmtcli.config import ModelConfig, heads_of, mechanism_of
from nmtcli.config.model import TRANSFORMER
from nmtcli.errors import UsageError
from nmtcli.models.rnn import Rates, RecurrentTranslator, Sizes
from nmtcli.models.transformer import TransformerRates, TransformerSizes, TransformerTranslator


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
    vocabularies = source_vocabulary, target_vocabulary
    make = _transformer if config.architecture == TRANSFORMER else _recurrent
    try:
        return make(config, vocabularies, seed, dtype)
    except ValueError as error:
        raise UsageError(f"config: model: {' '.join(str(error).split())}") from None


def _recurrent(config: ModelConfig, vocabularies, seed, dtype):
    sizes = Sizes(
        *vocabularies,
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
    rates = Rates(
        embedding=_embedding_dropout(config),
        layer=config.dropout,
        attention=config.attention_dropout,
        recurrent=config.recurrent_dropout,
    )
    return RecurrentTranslator(sizes, mechanism_of(config), rates, seed, dtype)


def _transformer(config: ModelConfig, vocabularies, seed, dtype):
    sizes = TransformerSizes(
        *vocabularies,
        size=config.embedding_size,
        heads=heads_of(config),
        feed_forward=config.feed_forward_size or 4 * config.embedding_size,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        feed_forward_kind=config.feed_forward,
        normalization=config.normalization,
        positions=config.positions,
        tied_embeddings=config.tied_embeddings,
    )
    rates = TransformerRates(
        embedding=_embedding_dropout(config),
        residual=config.dropout,
        attention=config.attention_dropout,
        feed_forward=config.feed_forward_dropout,
    )
    shown = config.alignment_layer, config.alignment_head
    return TransformerTranslator(sizes, rates, shown, seed, dtype)


def _embedding_dropout(config: ModelConfig) -> float:
    return config.dropout if config.embedding_dropout is None else config.embedding_dropout


def count_parameters(model) -> int:
    """How many numbers are learnt."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
