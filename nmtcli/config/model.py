"""Options of the model."""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from nmtcli.config import attention
from nmtcli.config.attention import PLACEMENTS, PRESETS, SCOPES, SCORES
from nmtcli.config.option import Flag, option
from nmtcli.errors import UsageError

RNN, TRANSFORMER = "rnn", "transformer"
PANEL = "Model"
rnn_option = partial(option, only=RNN)
transformer_option = partial(option, only=TRANSFORMER)


@dataclass(frozen=True)
class ModelConfig:
    """The options of the model."""

    architecture: str = option(
        RNN,
        "Build a model of this architecture.",
        choices=(RNN, TRANSFORMER),
        flag=Flag("--architecture", PANEL),
    )
    attention: str = rnn_option(
        "bahdanau",
        "Use the attention mechanism of this name.",
        choices=tuple(PRESETS),
        flag=Flag("--attention", PANEL, "NAME"),
        cli_help=f"Use this attention mechanism: {', '.join(PRESETS)}; transformer selects that"
        " architecture.",
    )
    attention_score: str = rnn_option(
        "preset",
        "Replace the attention mechanism's score function by this one.",
        choices=("preset", *SCORES),
    )
    attention_scope: str = rnn_option(
        "preset",
        "Attend to all positions, or to a window around t (local-m) or a predicted one (local-p).",
        choices=("preset", *SCOPES),
    )
    attention_placement: str = rnn_option(
        "preset",
        "Attend before or after the decoder's recurrent cell.",
        choices=("preset", *PLACEMENTS),
    )
    attention_window: int = rnn_option(
        10,
        "Attend to this many positions (D) on each side of a local window's centre.",
        unit="tokens",
        minimum=1,
    )
    attention_heads: int = option(
        0,
        "Use this many attention heads; 0 is the mechanism's own, or D / 64 in a Transformer.",
        minimum=0,
        maximum=64,
    )
    attention_positions: int = rnn_option(
        256,
        "Let the score location see at most this many source positions.",
        unit="tokens",
        minimum=1,
    )
    input_feeding: bool = rnn_option(
        False,
        "Feed each step's attentional state to the next one; attention must be after the cell.",
    )
    coverage: bool = rnn_option(
        False, "Let the scores additive and concat see which positions were attended to so far."
    )
    cell: str = rnn_option("gru", "Use this recurrent cell.", choices=("gru", "lstm"))
    embedding_size: int = option(
        256, "Set the size of embeddings, which is the model size D of a Transformer.", minimum=1
    )
    encoder_size: int = rnn_option(
        512, "Set the size of the encoder's states, both directions together.", minimum=2
    )
    decoder_size: int = rnn_option(512, "Set the size of the decoder's states.", minimum=1)
    attention_size: int = rnn_option(
        256,
        "Set the size of the alignment space of additive, concat, local-p and multi-head.",
        minimum=1,
    )
    readout_size: int = rnn_option(
        0, "Set the size of the output layer's input; 0 is that of the embeddings.", minimum=0
    )
    encoder_layers: int = option(1, "Stack this many encoder layers.", unit="layers", minimum=1)
    decoder_layers: int = option(1, "Stack this many decoder layers.", unit="layers", minimum=1)
    bidirectional: bool = rnn_option(True, "Let the first encoder layer read in both directions.")
    feed_forward_size: int = transformer_option(
        0, "Set the inner size of the feed-forward layers; 0 is 4 D.", minimum=0
    )
    feed_forward: str = transformer_option(
        "relu",
        "Use this activation in the feed-forward layers; geglu and swiglu have a gate.",
        choices=("relu", "gelu", "geglu", "swiglu"),
    )
    normalization: str = transformer_option(
        "pre",
        "Normalise the input of each sub-layer (pre) or the residual sum after it (post).",
        choices=("pre", "post"),
    )
    positions: str = transformer_option(
        "sinusoidal",
        "Add sinusoidal positions to the embeddings, or rotate queries and keys (rotary).",
        choices=("sinusoidal", "rotary"),
    )
    alignment_layer: int = transformer_option(
        0,
        "Show and align by the attention of this decoder layer; 0 is the last but one.",
        minimum=0,
    )
    alignment_head: int = transformer_option(
        0, "Show and align by this attention head; 0 is the mean of all.", minimum=0
    )
    tied_embeddings: str = option(
        "all",
        "Share the output layer's matrix with the target embedding (target), or with both (all).",
        choices=("none", "target", "all"),
    )
    dropout: float = option(
        0.3, "Drop embeddings, states, sub-layers and readout at this rate.", minimum=0.0,
        maximum=0.95,
    )  # fmt: skip
    embedding_dropout: float | None = option(
        None, "Drop embeddings at this rate; null is model.dropout.", minimum=0.0, maximum=0.95
    )
    attention_dropout: float = option(
        0.0, "Drop attention weights at this rate.", minimum=0.0, maximum=0.95
    )
    recurrent_dropout: float = rnn_option(
        0.0,
        "Drop a cell's recurrent inputs at this rate, the same units at all steps of a sentence.",
        minimum=0.0,
        maximum=0.95,
    )
    feed_forward_dropout: float = transformer_option(
        0.0, "Drop units inside the feed-forward layers at this rate.", minimum=0.0, maximum=0.95
    )

    @property
    def readout_units(self) -> int:
        """R, the size of the readout: its option, or the embedding size."""
        return self.readout_size or self.embedding_size

    @property
    def feed_forward_units(self) -> int:
        """F, the inner size of the feed-forward layers: its option, or 4 D."""
        return self.feed_forward_size or 4 * self.embedding_size

    @property
    def embedding_dropout_rate(self) -> float:
        """The rate on embeddings: its option, or `dropout`."""
        return self.dropout if self.embedding_dropout is None else self.embedding_dropout

    def check(self) -> None:
        """Check that the options fit the architecture and each other.

        Raises:
            UsageError: the architecture does not have an option that is set, or the attention
                mechanism is impossible.
        """
        for spec in fields(self):
            only, value = spec.metadata["only"], getattr(self, spec.name)
            if only not in (None, self.architecture) and value != spec.default:
                raise UsageError(
                    f"model: {spec.name} is an option of architecture {only}; {self.architecture}"
                    f" has none, so leave it at {spec.default}"
                )
        try:
            mechanism_of(self)
        except ValueError as error:
            raise UsageError(f"model: {error}") from None


def heads_of(model: ModelConfig) -> int:
    """Return H of a Transformer: its option, or one head for 64 units."""
    return model.attention_heads or max(1, model.embedding_size // 64)


def mechanism_of(model: ModelConfig) -> attention.Mechanism:
    """Return the attention mechanism, from target to source, that the options describe.

    Raises:
        ValueError: the mechanism is impossible; the message says why.
    """
    if model.architecture == TRANSFORMER:
        return attention.Mechanism("scaled-dot", "after", heads=heads_of(model))
    axes = ("score", "scope", "placement", "window", "heads")
    chosen: dict[str, Any] = {axis: getattr(model, f"attention_{axis}") for axis in axes}
    chosen |= {"input_feeding": model.input_feeding, "coverage": model.coverage}
    mechanism = attention.compose(model.attention, **chosen)
    sizes = model.decoder_size, model.encoder_size
    if mechanism.score in ("dot", "scaled-dot") and mechanism.heads == 1 and len({*sizes}) == 2:
        raise ValueError(
            f"the {mechanism.score} score needs a decoder_size like the encoder_size, not"
            f" {sizes[0]} and {sizes[1]}; general has a matrix between them"
        )
    if mechanism.heads > 1 and model.attention_size % mechanism.heads:
        raise ValueError(
            f"attention_size {model.attention_size} cannot be shared by {mechanism.heads} heads;"
            " give a multiple of the heads"
        )
    return mechanism


def describe_model(model: ModelConfig) -> str:
    """Describe architecture and attention in a few words, for a name or a headline."""
    if model.architecture == TRANSFORMER:
        return TRANSFORMER
    return attention.describe(model.attention, mechanism_of(model))
