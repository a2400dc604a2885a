"""Options of training and validation."""

from dataclasses import dataclass

from nmtcli.config.option import Flag, option
from nmtcli.errors import UsageError

MODEL, LIMITS = "Model", "How long"


@dataclass(frozen=True)
class TrainingConfig:
    """The options of the training."""

    seed: int = option(
        1,
        "Set the seed of everything random in the training.",
        minimum=0,
        maximum=2**31 - 1,
        flag=Flag("--seed", MODEL),
    )
    batch_tokens: int = option(
        3000,
        "Fill a batch with at most this many target positions, including padding.",
        unit="tokens",
        minimum=1,
    )
    accumulate: int = option(
        1,
        "Accumulate the gradients of this many batches for each update.",
        unit="batches",
        minimum=1,
        maximum=10_000,
    )
    max_steps: int = option(
        0, "Stop after this many updates; 0 sets no limit.", minimum=0, flag=Flag("--steps", LIMITS)
    )
    max_epochs: int = option(
        30,
        "Stop after this many epochs; 0 sets no limit.",
        minimum=0,
        flag=Flag("--epochs", LIMITS),
    )
    max_minutes: float = option(
        0.0,
        "Stop after this many minutes of training; 0 sets no limit.",
        unit="min",
        minimum=0,
        flag=Flag("--minutes", LIMITS),
    )
    learning_rate: float = option(0.002, "Set the highest learning rate of Adam.", minimum=0.0)
    warmup_steps: int = option(
        400, "Raise the learning rate linearly during this many updates.", unit="steps", minimum=0
    )
    schedule: str = option(
        "inverse-sqrt",
        "Decay the learning rate in this way after the warm-up.",
        choices=("constant", "inverse-sqrt", "linear", "cosine", "plateau"),
    )
    plateau_factor: float = option(
        0.5, "Multiply the learning rate by this on a plateau.", minimum=0.01, maximum=0.99
    )
    plateau_patience: int = option(
        2, "Lower the rate on a plateau of this many validations without improvement.", minimum=1
    )
    plateau_floor: float = option(
        0.01, "End the training when plateau takes the rate below this share of the highest rate.",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip
    adam_beta_1: float = option(
        0.9, "Set Adam's decay rate of the first moment.", minimum=0.0, maximum=0.9999
    )
    adam_beta_2: float = option(
        0.998, "Set Adam's decay rate of the second moment.", minimum=0.0, maximum=0.99999
    )
    weight_decay: float = option(
        0.0, "Decay matrices by this times the learning rate (AdamW); 0 is none.", minimum=0.0
    )
    clip_norm: float = option(
        1.0, "Clip the gradient to this global norm; 0 does not clip.", minimum=0.0
    )
    label_smoothing: float = option(
        0.1, "Spread this probability mass over all tokens.", minimum=0.0, maximum=0.9
    )
    r_drop: float = option(
        0.0,
        "Weight the divergence of two passes with other dropout (R-Drop), such as 5; 0 is none.",
        minimum=0.0,
    )
    source_word_dropout: float = option(
        0.0, "Hide this share of source tokens from the encoder.", minimum=0.0, maximum=0.95
    )
    target_word_dropout: float = option(
        0.0, "Hide this share of target tokens from the decoder.", minimum=0.0, maximum=0.95
    )
    average_decay: float = option(
        0.0,
        "Validate the exponential moving average of the weights with this decay, such as 0.999.",
        minimum=0.0,
        maximum=0.999999,
    )
    guided_alignment: float = option(
        0.0, "Weight the loss that guides attention by given word alignments; 0 is none.",
        minimum=0.0,
    )  # fmt: skip
    guided_until: int = option(
        0, "Guide attention during this many updates; 0 guides it to the end.", unit="steps",
        minimum=0,
    )  # fmt: skip
    freeze: tuple[str, ...] = option(
        (), "Freeze the weights with these names; * stands for any part of a name."
    )
    subword_sampling: float = option(
        0.0,
        "Sample subwords each epoch: unigram smoothing, or rate of BPE-dropout; 0 samples none.",
        minimum=0.0,
        maximum=1.0,
    )
    subword_sampling_sides: str = option(
        "both", "Sample the subwords of these sides.", choices=("both", "source", "target")
    )
    coverage_loss: float = option(
        1.0, "Weight the coverage loss by this, for a model with coverage.", minimum=0.0
    )
    coverage_from: int = option(
        0, "Add the coverage loss after this many updates; its paper adds it at the end.", minimum=0
    )
    precision: str = option(
        "auto",
        "Multiply matrices in this precision; auto is bfloat16 where the hardware supports it.",
        choices=("auto", "float32", "bfloat16"),
        flag=Flag("--precision", MODEL),
    )
    log_every: int = option(
        50, "Print a line of progress every so many updates.", unit="steps", minimum=1
    )
    save_every: int = option(
        500, "Save a checkpoint every so many updates.", unit="steps", minimum=1
    )
    keep_checkpoints: int = option(3, "Keep this many of the newest checkpoints.", minimum=2)
    sample_translations: int = option(
        5, "Show the translations of this many validation lines.", unit="lines", minimum=0
    )
    recoveries: int = option(
        3, "Return to a good checkpoint at most this many times after NaN.", minimum=0
    )
    average_last: int = option(
        0, "Average this many of the last checkpoints at the end of the training; 0 averages none.",
        minimum=0,
    )  # fmt: skip
    init_from: str | None = option(
        None,
        "Fine-tune from the weights of RUN or RUN:CHECKPOINT, where names and shapes agree.",
        flag=Flag("--init-from", MODEL, "RUN[:CHECKPOINT]"),
        cli_help="Fine-tune: begin with the weights of another run where names and shapes agree.",
    )

    def check(self) -> None:
        """Check that the options fit together.

        Raises:
            UsageError: the training would average checkpoints that it does not keep.
        """
        last, kept = self.average_last, self.keep_checkpoints
        if last == 1:
            raise UsageError("training.average_last must be at least 2, or 0 for no average, not 1")
        if last > kept:
            raise UsageError(
                f"training.average_last={last} needs as many checkpoints, but"
                f" training.keep_checkpoints is {kept}: set it to at least {last}"
            )


@dataclass(frozen=True)
class ValidationConfig:
    """The options of the validation."""

    every: int = option(500, "Validate every so many updates.", unit="steps", minimum=1)
    bleu: bool = option(True, "Translate the validation text and compute BLEU.")
    beam: int = option(
        1, "Translate the validation text with a beam of this width.", minimum=1, maximum=100
    )
    max_lines: int = option(
        0, "Translate at most this many validation lines; 0 translates all.", unit="lines",
        minimum=0,
    )  # fmt: skip
    tokenize: str = option(
        "13a",
        "Tokenise for BLEU with this tokenizer; none is for text that is tokenised already.",
        choices=("13a", "intl", "zh", "char", "none", "ko-mecab", "ja-mecab"),
    )
    early_stopping: str = option(
        "bleu",
        "Monitor this metric to pick the best checkpoint and to stop early.",
        choices=("bleu", "chrf", "perplexity", "none"),
    )
    patience: int = option(
        8, "Stop early after this many validations without improvement.", minimum=1
    )
