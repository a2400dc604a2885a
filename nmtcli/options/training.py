"""Options of the training and of its validation."""

from dataclasses import dataclass

from nmtcli.options.declare import option


@dataclass(frozen=True)
class TrainingConfig:
    """How the model is trained."""

    seed: int = option(1, "Seed of everything random.", minimum=0, maximum=2**31 - 1)
    batch_tokens: int = option(
        3000, "Target positions of a batch, padding included.", unit="tokens", minimum=1
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
        choices=("constant", "inverse-sqrt", "linear", "cosine"),
    )
    adam_beta_1: float = option(0.9, "Adam's first decay rate.", minimum=0.0, maximum=0.9999)
    adam_beta_2: float = option(0.998, "Adam's second decay rate.", minimum=0.0, maximum=0.99999)
    clip_norm: float = option(1.0, "Largest norm of the gradient; 0 is none.", minimum=0.0)
    label_smoothing: float = option(
        0.1, "Probability mass spread over all pieces.", minimum=0.0, maximum=0.9
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
        "bleu", "The score that decides.", choices=("bleu", "perplexity", "none")
    )
    patience: int = option(8, "Validations without a gain before stopping.", minimum=1)
