"""The events of a training; `nmtcli.training.run.train` calls its `on_event` with each of them.

    train(config, data, "runs/one", on_event=lambda event: print(event))

Warnings are not events; they go to the logger `nmtcli`.
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
    """Everything is built; the first update, or the next update of a resumed run, follows."""

    run: Path
    description: TrainingDescription


@dataclass(frozen=True)
class WeightsInitialized:
    """The model starts with weights of another run; `text` says which run, and how many."""

    text: str


@dataclass(frozen=True)
class Resumed:
    """The training resumes from the checkpoint of `step`; `finished` is why it had ended, or ""."""

    step: int
    finished: str


@dataclass(frozen=True)
class StepLogged:
    """Measurements since the previous event; one event follows every `training.log_every` updates.

    epoch: as a fraction, such as 1.25.
    loss: the mean per target token; perplexity: exp of the mean -log p.
    learning_rate, gradient_norm: values of update `step`, the norm before clipping.
    tokens_per_second: target tokens per second.
    seconds, tokens: sums over the whole training so far.
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
    """A line of the validation text, its reference and the model's translation."""

    source: str
    reference: str
    translation: str


@dataclass(frozen=True)
class Validated:
    """The model was validated after update `step`; `is_best` says whether it is the best so far."""

    step: int
    result: ValidationResult
    is_best: bool
    samples: list[SampleTranslation]


@dataclass(frozen=True)
class CheckpointsAveraged:
    """The last checkpoints were averaged at the end of the training.

    made_of: the names of these checkpoints.
    is_best: whether the average is now the best checkpoint.
    result: the result of the average's validation; None without validation text.
    metric: the name of the monitored metric; best_before: its best value in the training, or None.
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
