"""Early stopping and the plateau schedule of the learning rate; both compare validations.

They compare the monitored metric; see `nmtcli.runs.monitored_metric`.
"""

from collections.abc import Mapping

from nmtcli.config.training import TrainingConfig, ValidationConfig
from nmtcli.runs.monitored_metric import TITLES, is_better, monitored_metric
from nmtcli.training.state import TrainerState

NO_BETTER = "no better"  # the reason of an early end begins with this


def record_validation(
    state: TrainerState, scores: Mapping, training: TrainingConfig, validation: ValidationConfig
) -> bool:
    """Record the scores of a validation in the state; return whether they are the best so far.

    Early stopping: after `validation.patience` validations without a gain the training ends.
    Plateau: after `plateau_patience` such validations the learning rate is multiplied by
    `plateau_factor`; below `plateau_floor` the training ends. The warm-up does not count.
    """
    metric, value = monitored_metric(scores, validation.early_stopping)
    is_best = is_better(value, state.best)
    state.bad_validations = 0 if is_best else state.bad_validations + 1
    if is_best:
        state.best, state.best_step = value, state.step
    if validation.early_stopping != "none" and state.bad_validations >= validation.patience:
        state.finished = f"{NO_BETTER} {TITLES[metric]} in {state.bad_validations} validations"
    if training.schedule == "plateau" and state.step > training.warmup_steps:
        _reduce_rate_on_plateau(state, is_best, TITLES[metric], training)
    return is_best


def _reduce_rate_on_plateau(
    state: TrainerState, is_best: bool, title: str, training: TrainingConfig
) -> None:
    state.plateau_bad_validations = 0 if is_best else state.plateau_bad_validations + 1
    if state.plateau_bad_validations < training.plateau_patience:
        return
    scale = state.plateau_scale * training.plateau_factor
    if scale < training.plateau_floor:
        state.finished = f"{NO_BETTER} {title} at the lowest learning rate"
    else:
        state.plateau_scale, state.plateau_bad_validations = scale, 0
