"""Keras layers: attention and score functions, recurrent cells, and the Transformer's layers."""

from nmtcli.layers.attention import AdditiveAttention, Attention, MultiHeadAttention
from nmtcli.layers.feed_forward import FeedForward
from nmtcli.layers.local_attention import MonotonicWindow, PredictiveWindow
from nmtcli.layers.positions import PositionalEncoding
from nmtcli.layers.readout import Readout
from nmtcli.layers.recurrent import GRUCell, LSTMCell
from nmtcli.layers.scores import AdditiveScore, ConcatScore, DotScore, GeneralScore, LocationScore
from nmtcli.layers.self_attention import CrossAttention, SelfAttention
from nmtcli.layers.transformer import DecoderLayer, EncoderLayer

__all__ = [
    "AdditiveAttention",
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
    "LocationScore",
    "MonotonicWindow",
    "MultiHeadAttention",
    "PositionalEncoding",
    "PredictiveWindow",
    "Readout",
    "SelfAttention",
]
