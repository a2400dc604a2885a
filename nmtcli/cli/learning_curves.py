"""Draw the learning curves of runs for `nmt inspect --plot`."""

import logging
from pathlib import Path

from nmtcli.errors import UsageError

logger = logging.getLogger(__name__)


def draw_curves(runs, path: Path, by: str) -> None:
    """Draw the runs that have metrics; name the others on stderr.

    Args:
        runs: `RunDirectory` objects.
        path: the file of the picture.
        by: the unit of the x axis.

    Raises:
        UsageError: none of the runs has metrics.
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
    """Return the names of the folders, or whole paths for folders of the same name."""
    names = [path.resolve().name for path in paths]
    return [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths)]


def _of(metrics: list[dict], by: str) -> str:
    """Explain why a run with measurements may have none of this kind."""
    return (
        f" of {by}, which older versions of nmt did not count" if metrics and by == "tokens" else ""
    )
