"""Options of the model."""

from dataclasses import dataclass

from nmtcli.config import attention
from nmtcli.config.attention import PLACEMENTS, PRESETS, SCOPES, SCORES
from nmtcli.config.option import option

RNN, TRANSFORMER = "rnn", "transformer"


@dataclass(frozen=True)
class ModelConfig:
    """The model."""

    architecture: str = option(RNN, "Family of models.", choices=(RNN, TRANSFORMER))
    attention: str = option(
        "bahdanau",
        "Attention mechanism, by its paper.",
        choices=tuple(PRESETS),
        only=RNN,
    )
    attention_score: str = option(
        "preset",
        "Score function, instead of the one of the mechanism.",
        choices=("preset", *SCORES),
        only=RNN,
    )
    attention_scope: str = option(
        "preset",
        "All source positions, or a window around t (local-m) or a predicted one (local-p).",
        choices=("preset", *SCOPES),
        only=RNN,
    )
    attention_placement: str = option(
        "preset",
        "Whether attention stands before the decoder's cell or after it.",
        choices=("preset", *PLACEMENTS),
        only=RNN,
    )
    attention_window: int = option(
        10,
        "D, positions on each side of a local window's centre.",
        unit="pieces",
        minimum=1,
        only=RNN,
    )
    attention_heads: int = option(
        0,
        "H, heads of scaled-dot attention; 0 is the mechanism's, or D / 64 of a Transformer.",
        minimum=0,
        maximum=64,
    )
    attention_positions: int = option(
        256, "Source positions that the score location can see.", unit="pieces", minimum=1, only=RNN
    )
    input_feeding: bool = option(
        False, "Feed the attentional state of a step to the next one (after the cell).", only=RNN
    )
    coverage: bool = option(
        False, "Let the score see what has been attended to (additive and concat).", only=RNN
    )
    cell: str = option("gru", "Recurrent cell.", choices=("gru", "lstm"), only=RNN)
    embedding_size: int = option(
        256, "Size of a piece's embedding; D, the size of everything, in a Transformer.", minimum=1
    )
    encoder_size: int = option(
        512, "Size of the encoder's states, both directions.", minimum=2, only=RNN
    )
    decoder_size: int = option(512, "D, size of the decoder's states.", minimum=1, only=RNN)
    attention_size: int = option(
        256,
        "A, size of the alignment space: additive, concat, local-p, heads.",
        minimum=1,
        only=RNN,
    )
    readout_size: int = option(
        0, "Size of what the output layer sees; 0 is the embedding's.", minimum=0, only=RNN
    )
    encoder_layers: int = option(1, "Stacked encoder layers.", unit="layers", minimum=1)
    decoder_layers: int = option(1, "Stacked decoder layers.", unit="layers", minimum=1)
    bidirectional: bool = option(True, "The first encoder layer reads both ways.", only=RNN)
    feed_forward_size: int = option(
        0, "F, inner size of the feed-forward layers; 0 is 4 D.", minimum=0, only=TRANSFORMER
    )
    feed_forward: str = option(
        "relu",
        "Activation of the feed-forward layers; geglu and swiglu have a gate.",
        choices=("relu", "gelu", "geglu", "swiglu"),
        only=TRANSFORMER,
    )
    normalization: str = option(
        "pre",
        "Whether each sub-layer normalises its input, or the sum behind it.",
        choices=("pre", "post"),
        only=TRANSFORMER,
    )
    positions: str = option(
        "sinusoidal",
        "How positions are told: added to the embeddings, or by rotating queries and keys.",
        choices=("sinusoidal", "rotary"),
        only=TRANSFORMER,
    )
    alignment_layer: int = option(
        0,
        "Decoder layer whose attention is shown and aligned by; 0 is the last but one.",
        minimum=0,
        only=TRANSFORMER,
    )
    alignment_head: int = option(
        0, "Head that is shown and aligned by; 0 is the mean of all.", minimum=0, only=TRANSFORMER
    )
    tied_embeddings: str = option(
        "all",
        "Share the target embedding with the output layer, or with the source too.",
        choices=("none", "target", "all"),
    )
    dropout: float = option(
        0.3, "Rate on embeddings, states, sub-layers and readout.", minimum=0.0, maximum=0.95
    )
    embedding_dropout: float | None = option(
        None, "Rate on embeddings; null is model.dropout.", minimum=0.0, maximum=0.95
    )
    attention_dropout: float = option(
        0.0, "Rate on the attention's weights.", minimum=0.0, maximum=0.95
    )
    recurrent_dropout: float = option(
        0.0,
        "Rate on what a cell reads of its own state; the same units in all steps of a sentence.",
        minimum=0.0,
        maximum=0.95,
        only=RNN,
    )
    feed_forward_dropout: float = option(
        0.0,
        "Rate inside the feed-forward layers.",
        minimum=0.0,
        maximum=0.95,
        only=TRANSFORMER,
    )

    @property
    def readout_units(self) -> int:
        """R, the size of the readout: its option, or that of the embedding."""
        return self.readout_size or self.embedding_size

    @property
    def feed_forward_units(self) -> int:
        """F, the inner size of the feed-forward layers: its option, or 4 D."""
        return self.feed_forward_size or 4 * self.embedding_size

    @property
    def embedding_dropout_rate(self) -> float:
        """The rate on embeddings: its option, or `dropout`."""
        return self.dropout if self.embedding_dropout is None else self.embedding_dropout


def heads_of(model: ModelConfig) -> int:
    """H of a Transformer: its option, or one head for 64 units."""
    return model.attention_heads or max(1, model.embedding_size // 64)


def mechanism_of(model: ModelConfig) -> attention.Mechanism:
    """The attention mechanism that the options compose, between target and source.

    Raises:
        ValueError: they compose one that cannot be; the message says why.
    """
    if model.architecture == TRANSFORMER:
        return attention.Mechanism("scaled-dot", "after", heads=heads_of(model))
    mechanism = attention.compose(
        model.attention,
        model.attention_score,
        model.attention_scope,
        model.attention_placement,
        model.attention_window,
        model.attention_heads,
        model.input_feeding,
        model.coverage,
    )
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
    """Architecture and attention, in the words that a name or a headline has room for."""
    if model.architecture == TRANSFORMER:
        return TRANSFORMER
    return attention.describe(model.attention, mechanism_of(model))
