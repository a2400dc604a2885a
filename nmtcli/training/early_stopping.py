"""Early stopping, and the plateau schedule of the learning rate: both wait for a better validation.

The metric that they wait for is the monitored one, see `nmtcli.runs.monitored_metric`.
"""

from collections.abc import Mapping

from nmtcli.config.training import TrainingConfig, ValidationConfig
from nmtcli.runs.monitored_metric import TITLES, is_better, monitored_metric
from nmtcli.training.state import TrainerState

NO_BETTER = "no better"  # what a training that ended early says begins with this


def record_validation(
    state: TrainerState, scores: Mapping, training: TrainingConfig, validation: ValidationConfig
) -> bool:
    """Take the scores of a validation into the state; returns whether they are the best so far.

    Early stopping: `validation.patience` validations without a gain end the training. Plateau:
    `plateau_patience` of them multiply the learning rate by `plateau_factor`, and below
    `plateau_floor` the training ends; validations of the warm-up do not count.
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
