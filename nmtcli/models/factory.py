"""From the configuration to a model: the one place that knows which architecture is asked for."""

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
        source_vocabulary: how many pieces the source side has.
        target_vocabulary: V, how many pieces the target side has.
        dtype: Keras policy.
        seed: of the initial weights.

    Raises:
        UsageError: options that do not fit together.
    """
    kind = TransformerTranslator if config.architecture == TRANSFORMER else RNNTranslator
    try:
        return kind(config, source_vocabulary, target_vocabulary, seed=seed, dtype=dtype)
    except ValueError as error:
        raise UsageError(f"config: model: {' '.join(str(error).split())}") from None


def count_parameters(model) -> int:
    """Count the numbers that are learnt."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
