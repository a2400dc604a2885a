"""Build the model that a configuration describes; only this module chooses the architecture."""

import math

from nmtcli.config import ModelConfig
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


def count_parameters(model) -> int:
    """Count the trainable parameters."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
