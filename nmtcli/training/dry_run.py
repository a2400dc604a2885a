"""Try out a training: run an update with the largest batch, and estimate time and memory."""

import statistics
import time
from dataclasses import dataclass

from nmtcli.config import Config
from nmtcli.data.batching import make_arrays, plan_epoch
from nmtcli.runs.hardware import peak_device_memory, peak_memory
from nmtcli.training.micro_batches import describe_memory_backoff, run_with_memory_backoff
from nmtcli.training.setup import (
    TrainingDescription,
    build_models,
    describe_training,
    open_data,
    parameters_by_part,
)


@dataclass(frozen=True)
class DryRun:
    """The measurements of a trial of a training.

    description: a `TrainingDescription`.
    parameters: counts for the model's components, see `parameters_by_part`.
    shape: (B, S, T) of the largest batch.
    first_seconds, seconds: time of the first update, which compiles, and of one more.
    memory, device_memory: peak use in bytes; None if it is not measured.
    updates: updates in an epoch; total: in the whole training, None without a limit.
    left: seconds that the whole training will take, without validations; None if unknown.
    advice: options to set if memory was not enough.
    """

    description: TrainingDescription
    parameters: dict[str, int]
    shape: tuple[int, int, int]
    first_seconds: float
    seconds: float
    memory: int | None
    device_memory: int | None
    updates: int
    total: int | None
    left: float | None
    advice: str


def dry_run(config: Config, data) -> DryRun:
    """Build the model and update it with the largest batch; write nothing.

    Args:
        config: all options; `data` and `subwords` are taken from the prepared data.
        data: the folder that `preprocess` made.

    Raises:
        UsageError: the data or the options cannot be used.
        NmtError: memory is not enough for a single sentence.
    """
    config, prepared = open_data(config, data)
    options = config.training
    lengths = prepared.train.source_lengths, prepared.train.target_lengths
    plan = plan_epoch(*lengths, options.batch_tokens, options.seed, 0)
    precision, models = build_models(config, prepared)
    largest = sorted(plan, key=_positions)[-options.accumulate :]
    seconds, advice = _update_twice(models[0], config, prepared.train, largest)
    memory, device_memory = peak_memory(), peak_device_memory()
    updates = -(-len(plan) // options.accumulate)
    # A batch of half the positions takes about half the time.
    share = statistics.mean(map(_positions, plan)) / statistics.mean(map(_positions, largest))
    limits = [options.max_steps, options.max_epochs * updates]
    total = min((limit for limit in limits if limit), default=None)
    return DryRun(
        describe_training(config, prepared, precision, models[1]),
        parameters_by_part(models[1]),
        (largest[-1].rows, largest[-1].source_length, largest[-1].target_length),
        *seconds,
        memory,
        device_memory,
        updates,
        total,
        _left(options, total, seconds[1] * share),
        advice,
    )


def _positions(batch) -> int:
    return batch.rows * (batch.source_length + batch.target_length)


def _update_twice(model, config: Config, pairs, batches) -> tuple[list[float], str]:
    from nmtcli.training.train_step import TrainStep

    options, seconds, micro_batches = config.training, [], 1
    train_step = TrainStep(model, options)
    guided = options.guided_alignment > 0
    for step in (1, 2):
        begun = time.monotonic()
        _, micro_batches = run_with_memory_backoff(
            lambda parts, step=step: train_step(
                [make_arrays(pairs, part, with_alignment=guided) for part in parts],
                options.learning_rate,
                step,
            ),
            batches,
            micro_batches,
        )
        seconds.append(time.monotonic() - begun)
    advice = describe_memory_backoff(options, micro_batches) if micro_batches > 1 else ""
    return seconds, advice


def _left(options, total: int | None, pace: float) -> float | None:
    ends = [total * pace] if total is not None else []
    if options.max_minutes:
        ends.append(60 * options.max_minutes)
    return min(ends, default=None)
