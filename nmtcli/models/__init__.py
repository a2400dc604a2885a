"""Sequence-to-sequence models: recurrent ones and the Transformer."""

from nmtcli.models.cross_entropy import MaskedCrossEntropy
from nmtcli.models.rnn import RNNTranslator
from nmtcli.models.transformer import TransformerTranslator

__all__ = ["MaskedCrossEntropy", "RNNTranslator", "TransformerTranslator"]
