"""Learning rate schedules, pure functions of the step: a linear warm-up, then a decay."""

import math


def learning_rate(step, *, highest, warmup, schedule, total=0):
    """Compute the learning rate of update `step`, which counts from 1.

    Args:
        highest: the rate at the end of the warm-up.
        warmup: the number of updates in which the rate grows linearly from 0.
        schedule: `constant`; `plateau`, constant until validations lower it, see
            `training.early_stopping`; `inverse-sqrt`, highest * sqrt(warmup / step) as in Vaswani
            et al. (2017), arXiv:1706.03762, section 5.3; `linear` to 0 at `total`; `cosine` to 0 at
            `total`, Loshchilov and Hutter (2017), arXiv:1608.03983, equation 5.
        total: the last update, for `linear` and `cosine`.

    Raises:
        ValueError: the schedule is unknown, or it needs a total and there is none.
    """
    if step <= warmup:
        return highest * step / warmup
    if schedule in ("constant", "plateau"):
        return highest
    if schedule == "inverse-sqrt":
        return highest * math.sqrt(max(warmup, 1) / step)
    if schedule not in ("linear", "cosine"):
        raise ValueError(f"Unknown schedule. Received: {schedule!r}")
    if total <= 0:
        raise ValueError(f"The schedule {schedule!r} needs a total number of steps.")
    left = 1.0 - min(1.0, (step - warmup) / max(1, total - warmup))
    return highest * (left if schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left)))
