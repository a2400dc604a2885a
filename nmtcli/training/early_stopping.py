"""What a validation decides: whether it is the best so far, when to stop, when to learn slower."""

from nmtcli.config.training import TrainingConfig, ValidationConfig
from nmtcli.runs.monitored_metric import TITLES, deciding_score
from nmtcli.training.state import Progress

NO_BETTER = "no better"  # what a training that ended early says begins with this


def judge(
    progress: Progress, found: dict, training: TrainingConfig, validation: ValidationConfig
) -> bool:
    """Take the scores of a validation into `progress`; whether they are the best so far.

    Early stopping: `validation.patience` validations without a gain end the training. Plateau: so
    many as `plateau_patience` lower the learning rate by `plateau_factor`, and below
    `plateau_floor` the training ends; validations of the warm-up do not count.
    """
    p = progress
    name, value = deciding_score(found, validation.early_stopping)
    is_best = p.best is None or value > p.best
    p.waited = 0 if is_best else p.waited + 1
    if is_best:
        p.best, p.best_step = value, p.step
    if validation.early_stopping != "none" and p.waited >= validation.patience:
        p.finished = f"{NO_BETTER} {TITLES[name]} in {p.waited} validations"
    if training.schedule == "plateau" and p.step > training.warmup_steps:
        _wait_on_plateau(p, is_best, TITLES[name], training)
    return is_best


def _wait_on_plateau(p: Progress, is_best: bool, title: str, training: TrainingConfig) -> None:
    p.plateau_waited = 0 if is_best else p.plateau_waited + 1
    if p.plateau_waited < training.plateau_patience:
        return
    lower = p.plateau_scale * training.plateau_factor
    if lower < training.plateau_floor:
        p.finished = f"{NO_BETTER} {title} at the lowest learning rate"
    else:
        p.plateau_scale, p.plateau_waited = lower, 0
