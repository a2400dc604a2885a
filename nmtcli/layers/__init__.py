"""Keras layers: attention and score functions, recurrent cells, and the Transformer's layers."""

from nmtcli.layers.attention import Attention, MultiHeadAttention
from nmtcli.layers.feed_forward import FeedForward, LayerNorm
from nmtcli.layers.local_attention import MonotonicWindow, PredictiveWindow
from nmtcli.layers.readout import Readout
from nmtcli.layers.recurrent import GRUCell, LSTMCell
from nmtcli.layers.scores import AdditiveScore, ConcatScore, DotScore, GeneralScore, LocationScore
from nmtcli.layers.self_attention import CrossAttention, SelfAttention
from nmtcli.layers.transformer import DecoderLayer, EncoderLayer

__all__ = [
    "AdditiveScore",
    "Attention",
    "ConcatScore",
    "CrossAttention",
    "DecoderLayer",
    "DotScore",
    "EncoderLayer",
    "FeedForward",
    "GRUCell",
    "GeneralScore",
    "LSTMCell",
    "LayerNorm",
    "LocationScore",
    "MonotonicWindow",
    "MultiHeadAttention",
    "PredictiveWindow",
    "Readout",
    "SelfAttention",
]
