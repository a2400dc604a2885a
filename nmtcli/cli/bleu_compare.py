"""`nmt bleu` with several systems or with intervals: checks and computation."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from nmtcli.cli.bleu_input import Texts, printable, short_names
from nmtcli.cli.bleu_options import ComparisonOptions
from nmtcli.cli.bleu_report import Form
from nmtcli.cli.bleu_tables import Report, SystemReport, print_report
from nmtcli.cli.options import group
from nmtcli.cli.streams import check_picture
from nmtcli.errors import UsageError
from nmtcli.metrics.bootstrap import LEAST_SAMPLES, bootstrap_seed, count_statistics
from nmtcli.metrics.by_length import bleu_by_length, check_edges, count_words
from nmtcli.metrics.sacrebleu_scores import MetricOptions
from nmtcli.metrics.significance import paired_bootstrap

logger = logging.getLogger(__name__)

_MOST_SAMPLES = 1_000_000


@group
class Comparison(ComparisonOptions):
    """The checked options that compare systems.

    Raises:
        UsageError: options do not fit together, or a value is out of range.
    """

    def __post_init__(self) -> None:
        if self.by_length is None:
            if self.source is not None:
                raise UsageError("--source gives the lengths for --by-length: give that too")
            if self.plot is not None:
                raise UsageError("--plot draws the table of --by-length: give that too")
        else:
            check_edges(self.edges)
        self._check_samples()
        if self.plot is not None:
            _check_plot(Path(self.plot))
        elif self.title is not None:
            raise UsageError("--title is put above the picture: give --plot too")

    @property
    def edges(self) -> list[int]:
        """The greatest length of each bucket."""
        try:
            return [int(edge) for edge in self.by_length.split(",")]
        except ValueError:
            raise UsageError(
                f"--by-length takes whole numbers, such as 10,20,30, not '{self.by_length}'"
            ) from None

    @property
    def samples(self) -> int:
        """The number of bootstrap resamples; 0 for none."""
        if not self._resamples:
            return 0
        return 1000 if self.bootstrap is None else self.bootstrap

    @property
    def reference_count(self) -> int:
        """The number of files that are references."""
        return 1 if self.references is None else self.references

    @property
    def _resamples(self) -> bool:
        return self.by_length is not None or self.confidence or self.paired

    def _check_samples(self) -> None:
        if self.bootstrap is not None and not self._resamples:
            raise UsageError(
                "--bootstrap needs --by-length, --confidence or --paired: give one of them"
            )
        for option, wanted in ("--confidence", self.confidence), ("--paired", self.paired):
            if wanted and not self.samples:
                raise UsageError(f"{option} needs resamples: leave out --bootstrap 0")
        if self.samples and not LEAST_SAMPLES <= self.samples <= _MOST_SAMPLES:
            raise UsageError(
                f"--bootstrap must be 0 or from {LEAST_SAMPLES} to {_MOST_SAMPLES}, "
                f"not {self.samples}"
            )
        if self.samples:
            bootstrap_seed()


def check_comparison(
    comparison: Comparison, systems: Sequence[str], options: Sequence[MetricOptions], form: Form
) -> None:
    """Check that a comparison fits the files and the other options; raise UsageError if not."""
    if comparison.by_length is not None and options[0].metric != "bleu":
        raise UsageError("--by-length makes a table of BLEU: name bleu in --metrics")
    if comparison.paired and len(systems) < 2:
        raise UsageError("--paired compares systems: give two or more after the reference")
    wide = {
        "--by-length": comparison.by_length is not None,
        "--paired": comparison.paired,
        "several systems": len(systems) > 1,
    }
    for what, given in wide.items():
        if given and form.score_only:
            raise UsageError(
                f"--score-only cannot print the table of {what}: leave one of them out"
            )
    for what, given in ({"--confidence": comparison.confidence} | wide).items():
        if given and form.sentence_level:
            raise UsageError(
                f"leave out --sentence-level with {what}: it scores the lines of one system"
            )
    short_names(systems)


def compare(
    comparison: Comparison,
    files: Sequence[str],
    texts: Texts,
    options: Sequence[MetricOptions],
    form: Form,
) -> None:
    """Score all systems, print the report, and draw the picture if requested."""
    count = len(texts.references)
    report = Report(
        lines=len(texts.systems[0]),
        references=[printable(name) for name in files[:count]],
        systems=_system_reports(comparison, short_names(files[count:]), texts, options),
        samples=comparison.samples,
    )
    if comparison.confidence and report.lines == 1:
        logger.warning("one sentence has no interval: every resample would be that sentence")
    print_report(report, form)
    if comparison.plot is not None:
        _draw(comparison, report)


def _system_reports(
    comparison: Comparison, names: list[str], texts: Texts, options: Sequence[MetricOptions]
) -> list[SystemReport]:
    statistics = [count_statistics(texts.references, texts.systems, one) for one in options]
    samples = comparison.samples if comparison.confidence else 0
    reports = [
        SystemReport(name, [one.score(samples=samples) for one in its])
        for name, *its in zip(names, *statistics)
    ]
    if comparison.by_length is not None:  # BLEU is the first metric then
        lengths = count_words(texts.references[0] if texts.sources is None else texts.sources)
        for report, its in zip(reports, statistics[0]):
            table = bleu_by_length(its, lengths, comparison.edges, comparison.samples)
            report.buckets.extend(table)
    if comparison.paired:
        tested = paired_bootstrap(texts.references, texts.systems, options, comparison.samples)
        for report, scores in zip(reports, tested):
            report.paired.extend(scores)
    return reports


def _check_plot(path: Path) -> None:
    check_picture(path)
    if path.is_dir():
        raise UsageError(f"--plot {path}: is a directory; give the name of a file")
    if find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib: pip install matplotlib")


def _draw(comparison: Comparison, report: Report) -> None:
    from nmtcli.plots.bleu_by_length import figure_by_length, save_figure

    side = "reference" if comparison.source is None else "source"
    signature = report.systems[0].scores[0].signature
    intervals = f"; bands: 95 % of {report.samples} resamples" if report.samples else ""
    figure = figure_by_length(
        [(system.name, system.buckets[:-1]) for system in report.systems],
        x_label=f"words in the {side} (n: sentences)",
        title=comparison.title,
        caption=f"BLEU|{signature}{intervals}",
    )
    save_figure(figure, Path(comparison.plot))
