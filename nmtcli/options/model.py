"""Options of the model."""

from dataclasses import dataclass

from nmtcli import mechanisms
from nmtcli.options.declare import option


@dataclass(frozen=True)
class ModelConfig:
    """The model."""

    architecture: str = option("rnn", "Family of models.", choices=("rnn",))
    attention: str = option(
        "bahdanau", "Attention mechanism, by its paper.", choices=tuple(mechanisms.PRESETS)
    )
    attention_score: str = option(
        "preset",
        "Score function, instead of the one of the mechanism.",
        choices=("preset", *mechanisms.SCORES),
    )
    attention_scope: str = option(
        "preset",
        "All source positions, or a window around t (local-m) or a predicted one (local-p).",
        choices=("preset", *mechanisms.SCOPES),
    )
    attention_placement: str = option(
        "preset",
        "Whether attention stands before the decoder's cell or after it.",
        choices=("preset", *mechanisms.PLACEMENTS),
    )
    attention_window: int = option(
        10, "D, positions on each side of a local window's centre.", unit="pieces", minimum=1
    )
    attention_heads: int = option(
        0, "Heads of scaled-dot attention; 0 is the mechanism's.", minimum=0, maximum=64
    )
    attention_positions: int = option(
        256, "Source positions that the score location can see.", unit="pieces", minimum=1
    )
    input_feeding: bool = option(
        False, "Feed the attentional state of a step to the next one (after the cell)."
    )
    coverage: bool = option(
        False, "Let the score see what has been attended to (additive and concat)."
    )
    cell: str = option("gru", "Recurrent cell.", choices=("gru", "lstm"))
    embedding_size: int = option(256, "Size of a piece's embedding.", minimum=1)
    encoder_size: int = option(512, "Size of the encoder's states, both directions.", minimum=2)
    decoder_size: int = option(512, "D, size of the decoder's states.", minimum=1)
    attention_size: int = option(
        256, "A, size of the alignment space: additive, concat, local-p, heads.", minimum=1
    )
    readout_size: int = option(
        0, "Size of what the output layer sees; 0 is the embedding's.", minimum=0
    )
    encoder_layers: int = option(1, "Stacked encoder layers.", unit="layers", minimum=1)
    decoder_layers: int = option(1, "Stacked decoder layers.", unit="layers", minimum=1)
    bidirectional: bool = option(True, "The first encoder layer reads both ways.")
    tied_embeddings: str = option(
        "all",
        "Share the target embedding with the output layer, or with the source too.",
        choices=("none", "target", "all"),
    )
    dropout: float = option(
        0.3, "Rate on embeddings, states and readout.", minimum=0.0, maximum=0.95
    )
