"""The picture of `nmt inspect --plot`: the learning curves of runs."""

import logging
from pathlib import Path

from nmtcli.errors import UsageError

logger = logging.getLogger(__name__)

FORMATS = (".png", ".svg")
BY = ("steps", "minutes", "tokens")


def check_plot(path: Path, by: str) -> None:
    """
    Raises:
        UsageError: nothing can be drawn there, or not over that.
    """
    if by not in BY:
        raise UsageError(f"--by must be one of {', '.join(BY)}, not '{by}'")
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot {path}: the name must end in {' or '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {path}: there is no folder {path.parent}; make it first")


def draw_curves(runs, path: Path, by: str) -> None:
    """Draw the runs that have metrics; those without are named on stderr.

    Args:
        runs: `RunDirectory` objects.
        path: of the picture.
        by: what the x axis counts.

    Raises:
        UsageError: none of them has any.
    """
    from nmtcli.plots.bleu_by_length import save_figure
    from nmtcli.plots.learning_curves import curves_of, figure_of_curves
    from nmtcli.runs.metrics_log import read_metrics

    drawn, signatures = [], []
    for run, name in zip(runs, _names([run.path for run in runs])):
        metrics = read_metrics(run.metrics)
        curves = curves_of(name, metrics, by)
        if curves.is_empty:
            logger.warning(
                "%s: there are no measurements%s; the run is not drawn",
                run.metrics,
                _of(metrics, by),
            )
            continue
        drawn.append(curves)
        signatures += [line["signature"] for line in metrics if line.get("signature")]
    if not drawn:
        raise UsageError(
            f"{path}: there is nothing to draw; nmt train writes measurements as it goes"
        )
    figure = figure_of_curves(drawn, by, "  ".join(dict.fromkeys(signatures)) or None)
    save_figure(figure, path)


def _names(paths: list[Path]) -> list[str]:
    """The names of the folders; of two that are called alike, the whole paths."""
    names = [path.resolve().name for path in paths]
    return [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths)]


def _of(metrics: list[dict], by: str) -> str:
    """How a run with measurements can have none of this kind."""
    return (
        f" of {by}, which older versions of nmt did not count" if metrics and by == "tokens" else ""
    )
