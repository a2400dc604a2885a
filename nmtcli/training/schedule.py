"""Learning rates: a linear warm-up, then a decay. Pure functions of the step."""

import math


def learning_rate(step, *, highest, warmup, schedule, total=0):
    """The learning rate of update `step`, which counts from 1.

    Args:
        highest: the rate at the end of the warm-up.
        warmup: updates of linear growth from 0.
        schedule: `constant`; `plateau`, constant too but for what validations make of it, see
            `training.early_stopping`; `inverse-sqrt`, highest * sqrt(warmup / step) as in Vaswani
            et al. (2017), arXiv:1706.03762, section 5.3; `linear` to 0 at `total`; `cosine` to 0 at
            `total`, Loshchilov and Hutter (2017), arXiv:1608.03983, equation 5.
        total: the last update, for `linear` and `cosine`.

    Raises:
        ValueError: an unknown schedule, or no total where one is needed.
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
