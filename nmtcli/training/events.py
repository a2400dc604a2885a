"""What happens in a training: `nmtcli.training.run.train` calls its `on_event` with one of these.

    train(config, data, "runs/one", on_event=lambda event: print(event))

Warnings are no events, but go to the logger `nmtcli`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nmtcli.training.setup import TrainingDescription
    from nmtcli.training.validation import ValidationResult


@dataclass(frozen=True)
class TrainingStarted:
    """Everything is built, and the first update, or the next one, comes after this."""

    run: Path
    description: TrainingDescription


@dataclass(frozen=True)
class WeightsInitialized:
    """The model began with weights of another run; `text` says of which, and how many."""

    text: str


@dataclass(frozen=True)
class Resumed:
    """The training goes on from the checkpoint of `step`; `finished` is why it had ended, or ""."""

    step: int
    finished: str


@dataclass(frozen=True)
class StepLogged:
    """Measurements since the event before; there is one every `training.log_every` updates.

    epoch: as a fraction, such as 1.25.
    loss: mean per target token; perplexity: exp of the mean -log p.
    learning_rate, gradient_norm: of update `step`, the norm before clipping.
    tokens_per_second: target tokens.
    seconds, tokens: of the whole training so far.
    seconds_left: until the nearest limit; None without a limit.
    """

    step: int
    epoch: float
    loss: float
    perplexity: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    seconds: float
    tokens: int
    seconds_left: float | None


class SampleTranslation(NamedTuple):
    """A line of the validation text, its reference, and how the model translates it."""

    source: str
    reference: str
    translation: str


@dataclass(frozen=True)
class Validated:
    """The model was validated after update `step`; `is_best`: better than ever before."""

    step: int
    result: ValidationResult
    is_best: bool
    samples: list[SampleTranslation]


@dataclass(frozen=True)
class CheckpointsAveraged:
    """The last checkpoints were averaged at the end of the training.

    made_of: their names.
    is_best: whether the average is the best checkpoint now.
    result: of the average's validation; None without validation text.
    metric: name of the monitored metric; best_before: its best value in the training, or None.
    """

    step: int
    made_of: list[str]
    is_best: bool
    result: ValidationResult | None = None
    metric: str = ""
    best_before: float | None = None


Event = (
    TrainingStarted | WeightsInitialized | Resumed | StepLogged | Validated | CheckpointsAveraged
)
