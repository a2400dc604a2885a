"""Options of the training and of its validation."""

from dataclasses import dataclass

from nmtcli.config.option import option


@dataclass(frozen=True)
class TrainingConfig:
    """How the model is trained."""

    seed: int = option(1, "Seed of everything random.", minimum=0, maximum=2**31 - 1)
    batch_tokens: int = option(
        3000, "Target positions of a batch, padding included.", unit="tokens", minimum=1
    )
    accumulate: int = option(
        1, "Batches whose gradients make one update.", unit="batches", minimum=1, maximum=10_000
    )
    max_steps: int = option(0, "Stop after so many updates; 0 is no limit.", minimum=0)
    max_epochs: int = option(30, "Stop after so many epochs; 0 is no limit.", minimum=0)
    max_minutes: float = option(
        0.0, "Stop after so much training time; 0 is no limit.", unit="min", minimum=0
    )
    learning_rate: float = option(0.002, "Highest learning rate of Adam.", minimum=0.0)
    warmup_steps: int = option(400, "Updates of linear warm-up.", unit="steps", minimum=0)
    schedule: str = option(
        "inverse-sqrt",
        "Decay after the warm-up.",
        choices=("constant", "inverse-sqrt", "linear", "cosine", "plateau"),
    )
    plateau_factor: float = option(
        0.5, "What plateau multiplies the rate by.", minimum=0.01, maximum=0.99
    )
    plateau_patience: int = option(
        2, "Validations without a gain before plateau lowers the rate.", minimum=1
    )
    plateau_floor: float = option(
        0.01, "Plateau ends the training below this share of the highest rate.",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    adam_beta_1: float = option(0.9, "Adam's first decay rate.", minimum=0.0, maximum=0.9999)
    adam_beta_2: float = option(0.998, "Adam's second decay rate.", minimum=0.0, maximum=0.99999)
    weight_decay: float = option(
        0.0, "Decoupled decay of matrices, times the learning rate (AdamW).", minimum=0.0
    )
    clip_norm: float = option(1.0, "Largest norm of the gradient; 0 is none.", minimum=0.0)
    label_smoothing: float = option(
        0.1, "Probability mass spread over all pieces.", minimum=0.0, maximum=0.9
    )
    r_drop: float = option(
        0.0,
        "Weight of the divergence between two passes with different dropout, such as 5.",
        minimum=0.0,
    )
    source_word_dropout: float = option(
        0.0, "Share of source pieces that the encoder reads as unknown.", minimum=0.0, maximum=0.95
    )
    target_word_dropout: float = option(
        0.0, "Share of target pieces that the decoder reads as unknown.", minimum=0.0, maximum=0.95
    )
    average_decay: float = option(
        0.0,
        "Decay of the average of the weights that validates and translates, such as 0.999.",
        minimum=0.0,
        maximum=0.999999,
    )
    guided_alignment: float = option(
        0.0, "Weight of the loss that guides attention to given alignments.", minimum=0.0
    )
    guided_until: int = option(
        0, "Updates during which alignments guide; 0 is all.", unit="steps", minimum=0
    )
    freeze: tuple[str, ...] = option(
        (), "Names of weights that stay as they are; * stands for any part."
    )
    subword_sampling: float = option(
        0.0,
        "Cut training text anew each epoch: smoothing of unigram, dropout of bpe, such as 0.1.",
        minimum=0.0,
        maximum=1.0,
    )
    subword_sampling_sides: str = option(
        "both", "The sides that are cut anew.", choices=("both", "source", "target")
    )
    coverage_loss: float = option(
        1.0, "Weight of the coverage loss, for a model with coverage.", minimum=0.0
    )
    coverage_from: int = option(
        0, "Updates before the coverage loss acts; its paper adds it at the end.", minimum=0
    )
    precision: str = option(
        "auto",
        "Of the matrix products; auto is bfloat16 where the processor has it.",
        choices=("auto", "float32", "bfloat16"),
    )
    log_every: int = option(50, "Updates between progress lines.", unit="steps", minimum=1)
    save_every: int = option(500, "Updates between checkpoints.", unit="steps", minimum=1)
    keep_checkpoints: int = option(3, "Newest checkpoints kept.", minimum=2)
    sample_translations: int = option(5, "Validation lines shown.", unit="lines", minimum=0)
    recoveries: int = option(3, "Returns to a good checkpoint after NaN.", minimum=0)
    average_last: int = option(
        0, "Average so many last checkpoints at the end of the training; 0 is not to.", minimum=0
    )
    init_from: str | None = option(
        None, "Begin with the weights of RUN or RUN:CHECKPOINT, where names and shapes agree."
    )


@dataclass(frozen=True)
class ValidationConfig:
    """When and how the model is validated."""

    every: int = option(500, "Updates between validations.", unit="steps", minimum=1)
    bleu: bool = option(True, "Translate the validation text and score it.")
    beam: int = option(1, "Beam of the validation's translations.", minimum=1, maximum=100)
    max_lines: int = option(
        0, "Translate so many lines at most; 0 is all.", unit="lines", minimum=0
    )
    tokenize: str = option(
        "13a",
        "Tokenizer of BLEU; `none` for text that is tokenised already.",
        choices=("13a", "intl", "zh", "char", "none", "ko-mecab", "ja-mecab"),
    )
    early_stopping: str = option(
        "bleu", "The score that decides.", choices=("bleu", "chrf", "perplexity", "none")
    )
    patience: int = option(8, "Validations without a gain before stopping.", minimum=1)
