"""`nmt align`: print word alignments of given translations, and their alignment error rate."""

import sys
from collections.abc import Iterator

from nmtcli.cli.alignment_options import LinkOptions
from nmtcli.cli.heatmap_options import HeatmapOptions
from nmtcli.cli.heatmaps import Pictures
from nmtcli.cli.options import flag, group, switch, with_options
from nmtcli.cli.run_options import TAG_OPTION, RuntimeOptions
from nmtcli.cli.streams import STANDARD, Source, Target, check_streams, open_output, quiet_ends
from nmtcli.errors import UsageError

GOLD = "Gold"


@group
class AlignmentSource:
    """The model that aligns, or one model for each direction, or files of alignments.

    Raises:
        UsageError: options do not fit together.
    """

    panel = "Model"
    run: str | None = flag(
        "Align with the model in this run's folder; the default is the newest run here.",
        metavar="DIR",
    )
    checkpoint: str | None = flag(
        "Use this checkpoint: best (the default), last or step-N.", metavar="NAME"
    )
    reverse_run: str | None = flag(
        "Align in the other direction too, with the model in this run's folder, and combine both.",
        metavar="DIR",
    )
    layer: int | None = flag(
        "Use the attention of this decoder layer of a Transformer, counted from 1; the default is"
        " the last but one.",
        metavar="N",
        minimum=1,
    )
    head: int | None = flag(
        "Use this attention head of that layer, counted from 1; the default is the mean of all.",
        metavar="N",
        minimum=0,
    )
    tag: str | None = TAG_OPTION
    alignment: list[str] = flag(
        "Read links from this file instead of using a model; give two files for both directions."
        " All links are source-target.",
        default=[],
        metavar="FILE",
    )
    symmetrize: str | None = flag(
        "Combine both directions by this method: intersection, union, grow-diag, grow-diag-final or"
        " grow-diag-final-and (the default).",
        metavar="METHOD",
        panel=LinkOptions.panel,
    )
    agree: bool = switch(
        "Take the links of both directions from the product of their attention weights; needs"
        " --reverse-run.",
        panel=LinkOptions.panel,
    )

    def __post_init__(self) -> None:
        if len(self.alignment) > 2:
            raise UsageError("--alignment can be given at most twice, once for each direction")
        if self.reverse_run is not None and self.run is None and not self.alignment:
            raise UsageError("--reverse-run needs the run of the other direction: give --run DIR")
        if self.symmetrize is not None:
            from nmtcli.alignment.symmetrization import check_method

            check_method(self.symmetrize)
            if self.reverse_run is None and len(self.alignment) != 2:
                raise UsageError(
                    "--symmetrize combines two directions: give --reverse-run DIR, or --alignment"
                    " twice"
                )
        if self.agree and self.reverse_run is None:
            raise UsageError("--agree compares two directions: give --reverse-run DIR too")

    @property
    def method(self) -> str:
        """The method that combines two directions."""
        from nmtcli.alignment.symmetrization import DEFAULT_METHOD

        return self.symmetrize or DEFAULT_METHOD

    def check_files_alone(self, *others: bool) -> None:
        """Check that no options of models are given together with files of alignments.

        Raises:
            UsageError: both are given; `others` says whether further options are given.
        """
        own = self.run, self.checkpoint, self.reverse_run, self.layer, self.head
        if self.alignment and (any(others) or any(option is not None for option in own)):
            raise UsageError(
                "--alignment takes the place of a model: leave out --run, --checkpoint,"
                " --reverse-run, --layer, --head, --engine, --precision, --null, --shift,"
                " --normalize, --plot, --show and --tag"
            )


@with_options()
def align(
    source: Source,
    target: Target,
    by: AlignmentSource,
    runtime_options: RuntimeOptions,
    links: LinkOptions,
    heatmaps: HeatmapOptions,
    json: bool = switch("Print a JSON object for each pair, with words and weights."),
    gold: str | None = flag(
        "Compare with this gold alignment and print precision, recall and AER on stderr; a link 1-2"
        " is sure, 1?2 is possible.",
        metavar="FILE",
        panel=GOLD,
    ),
    summary_only: bool = switch("Print only precision, recall and AER, on stdout.", panel=GOLD),
) -> None:
    """Align words of given translations: print links i-j of each pair, source-target, from 0.

    Words are separated by spaces after normalisation. Each target word is linked to the source word
    that the model attends to most when it produces the target word: attention is summed over the
    subwords of a source word and averaged over those of a target word. An empty line has no links.
    """
    with quiet_ends("the lines printed so far are complete"):
        runtime = runtime_options.runtime()
        from nmtcli.cli.parallel_input import read_gold_file, read_pair

        engine_given = any(value is not None for value in vars(runtime_options).values())
        others = bool(links.given()), heatmaps.wanted, by.tag is not None
        by.check_files_alone(engine_given, *others)
        if summary_only and gold is None:
            raise UsageError("--summary-only prints the result of a comparison: give --gold FILE")
        check_streams(source, target, gold, *by.alignment)
        pair = _normalised(by, read_pair(source, target))
        gold_links = None if gold is None else read_gold_file(gold, *pair)
        if by.alignment:
            lines = _from_files(by, pair, json)
        else:
            aligners = _load(by, links, runtime)
            lines = _from_models(aligners, by, pair, json, heatmaps)
        _print(lines, gold_links, json, summary_only)


def _normalised(by: AlignmentSource, pair) -> list[list[str]]:
    """Normalise both sides by the rule of the run, so that links count the words it sees."""
    from nmtcli.runs.directory import find_run
    from nmtcli.text.normalization import CLEAN, normalise

    rule = CLEAN if by.alignment else find_run(by.run).read_config().data.normalization
    return [[normalise(line, rule) for line in side] for side in pair]


def _load(by: AlignmentSource, links: LinkOptions, runtime) -> list:
    """Load one aligner, or one for each direction."""
    rule = links.rule()
    from nmtcli.inference.aligner import load_aligner

    runs = [(by.run, by.tag)]
    if by.reverse_run is not None:
        runs.append((by.reverse_run, None))  # the tag is that of the source
    checkpoint, which = by.checkpoint or "best", (by.layer, by.head)
    return [load_aligner(run, checkpoint, rule, *which, runtime, own) for run, own in runs]


def _from_models(
    aligners: list, by: AlignmentSource, pair, json: bool, heatmaps: HeatmapOptions
) -> Iterator[tuple[list, str]]:
    """Align each pair with the models, draw it, and yield its links and the line to print."""
    from nmtcli.cli.align_report import line_of
    from nmtcli.inference.aligner import align_both_ways

    if len(aligners) == 1:
        found = aligners[0].align_lines(*pair)
    else:
        found = align_both_ways(*aligners, *pair, by.method, by.agree)
    pictures = Pictures(heatmaps, aligners[0].engine.has_window) if heatmaps.wanted else None
    for number, one in enumerate(found, start=1):
        if pictures is not None:
            pictures.add(number, one if len(aligners) == 1 else one.forward)
        yield one.links, line_of(one, json)
    if pictures is not None:
        pictures.finish()


def _from_files(by: AlignmentSource, pair, json: bool) -> Iterator[tuple[list, str]]:
    """Yield links and line of each pair from files of alignments."""
    from nmtcli.alignment.symmetrization import symmetrize
    from nmtcli.cli.align_report import line_of_links
    from nmtcli.cli.parallel_input import read_link_file

    ways = [read_link_file(path, *pair) for path in by.alignment]
    for source, target, *links in zip(*pair, *ways):
        if len(links) == 2:
            links = [symmetrize(*links, by.method)]
        yield links[0], line_of_links(source, target, links[0], json)


def _print(
    lines: Iterator[tuple[list, str]], gold: list | None, json: bool, summary_only: bool
) -> None:
    from nmtcli.alignment.error_rate import AlignmentScore
    from nmtcli.cli.align_report import summary_of

    score = AlignmentScore()
    with open_output(STANDARD) as output:
        for number, (links, line) in enumerate(lines):
            if gold is not None:
                score = score.plus(links, gold[number])
            if not summary_only:
                output.write(line.encode("utf-8"))
    if gold is not None:
        print(summary_of(score, json), file=sys.stdout if summary_only else sys.stderr)
