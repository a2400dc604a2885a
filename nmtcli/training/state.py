"""The state of a training, which a checkpoint stores, and how much is left to do."""

from dataclasses import asdict, dataclass, fields

from nmtcli.config import TrainingConfig
from nmtcli.errors import NmtError


@dataclass
class TrainerState:
    """The state of a training after update `step`; each checkpoint stores it.

    epoch, batch: the place of the next batch, both from 0.
    seconds: time of training so far, including validation and earlier sessions.
    best: the best value of the monitored metric, higher is better, see `monitored_metric`;
        best_step: its step; bad_validations: the number of validations since then.
    plateau_scale: factor on the learning rate of the schedule plateau; plateau_bad_validations:
        the number of validations without a gain since it last changed.
    rate_scale: factor on the learning rate, halved at each recovery; recoveries: how many.
    micro_batches_per_batch: a power of two, more than one after memory was not enough.
    loss, nll, tokens, rate_seconds: sums since the last progress line.
    finished: the reason why the training has ended, or an empty string.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    best: list[float] | None = None
    best_step: int = 0
    bad_validations: int = 0
    plateau_scale: float = 1.0
    plateau_bad_validations: int = 0
    rate_scale: float = 1.0
    recoveries: int = 0
    micro_batches_per_batch: int = 1
    loss: float = 0.0
    nll: float = 0.0
    tokens: int = 0
    total_tokens: int = 0
    rate_seconds: float = 0.0
    finished: str = ""

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "TrainerState":
        """Return the state of a checkpoint.

        Raises:
            NmtError: a value has another type than it should have.
        """
        state = cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})
        for f in fields(cls):
            value, kind = getattr(state, f.name), f.type
            numbers = value if isinstance(value, list) else []
            fits = (
                all(isinstance(number, int | float) for number in numbers)
                if f.name == "best" and isinstance(value, list | None)
                else type(value) in {int: (int,), float: (int, float), str: (str,)}.get(kind, ())
            )
            if not fits:
                raise NmtError(
                    f"the checkpoint's state is damaged ({f.name} is {value!r}); train again, or"
                    " restore the checkpoint from a copy"
                )
        return state

    def advance(self, batches: int, planned: int) -> None:
        """Move past the next `batches` of an epoch of `planned` ones."""
        self.batch += batches
        if self.batch >= planned:
            self.epoch, self.batch = self.epoch + 1, 0

    def reset_sums(self) -> None:
        self.loss = self.nll = self.rate_seconds = 0.0
        self.tokens = 0

    def limit_reached(self, options: TrainingConfig) -> str:
        """Name the limit that ends the training now, or return an empty string."""
        if options.max_steps and self.step >= options.max_steps:
            return f"{options.max_steps} steps"
        if options.max_epochs and self.epoch >= options.max_epochs:
            return f"{options.max_epochs} epochs"
        if options.max_minutes and self.seconds >= 60 * options.max_minutes:
            return f"{options.max_minutes:g} minutes"
        return ""

    def seconds_left(self, options: TrainingConfig, batches: int) -> float | None:
        """Estimate the time to the nearest limit at the speed so far; None without a limit."""
        if not self.step:
            return None
        pace = self.seconds / self.step
        left = []
        if options.max_steps:
            left.append((options.max_steps - self.step) * pace)
        if options.max_epochs:
            todo = (options.max_epochs - self.epoch) * batches - self.batch
            left.append(todo / options.accumulate * pace)
        if options.max_minutes:
            left.append(60 * options.max_minutes - self.seconds)
        return max(0.0, min(left)) if left else None
