"""Build the model that a configuration describes; only this module chooses the architecture."""

import math

from nmtcli.config import ModelConfig, mechanism_of
from nmtcli.config.model import TRANSFORMER
from nmtcli.errors import UsageError
from nmtcli.models.rnn import RNNTranslator
from nmtcli.models.transformer import TransformerTranslator


def build_model(config: ModelConfig, source_vocabulary, target_vocabulary, *, dtype, seed=1):
    """Build a model with fresh weights.

    Args:
        config: the `model` section.
        source_vocabulary: the number of tokens in the source vocabulary.
        target_vocabulary: V, the number of tokens in the target vocabulary.
        dtype: a Keras policy.
        seed: seed of the initial weights.

    Raises:
        UsageError: the options do not fit together.
    """
    kind = TransformerTranslator if config.architecture == TRANSFORMER else RNNTranslator
    try:
        return kind(config, source_vocabulary, target_vocabulary, seed=seed, dtype=dtype)
    except ValueError as error:
        raise UsageError(f"config: model: {' '.join(str(error).split())}") from None


def at_most_parameters(config: ModelConfig, source_vocabulary: int, target_vocabulary: int) -> int:
    """Return a number that the parameters of a model do not exceed, without building it.

    It is a few times too high, since it supposes that each layer has all that it may have.

    Args:
        config: the `model` section.
        source_vocabulary, target_vocabulary: V of each side.
    """
    embedding, layers = config.embedding_size, (config.encoder_layers, config.decoder_layers)
    if config.architecture == TRANSFORMER:
        feed = 3 * (embedding + 1) * (config.feed_forward_units + 1)
        inside = (layers[0] + layers[1]) * (8 * (embedding + 1) ** 2 + feed)
        widest = embedding
    else:
        memory, state = config.encoder_size, config.decoder_size
        widest = max(embedding, config.readout_units)
        encoder = 4 * memory * (embedding + memory + 2) + 8 * layers[0] * memory * (memory + 1)
        decoder = 4 * state * (embedding + memory + widest + state + 2)
        decoder += 8 * layers[1] * state * (state + memory + 1)
        mechanism = mechanism_of(config)
        is_sized = mechanism.score in ("additive", "concat") or mechanism.heads > 1
        inner = config.attention_size if is_sized or mechanism.scope == "local-p" else 0
        inner += config.attention_positions if mechanism.score == "location" else 0
        attention = 4 * (inner + state) * (inner + state + memory + 2)
        readout = 2 * widest * (state + memory + embedding + 1)
        inside = encoder + decoder + attention + readout
    return inside + (widest + 1) * (source_vocabulary + 2 * target_vocabulary)


def count_parameters(model) -> int:
    """Count the trainable parameters."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
