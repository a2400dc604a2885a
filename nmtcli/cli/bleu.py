"""`nmt bleu`: score translations against references with sacrebleu."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from nmtcli.cli.bleu_input import Texts, read_parallel
from nmtcli.cli.bleu_options import BleuFlags, ChrfFlags, ComparisonOptions, TerFlags
from nmtcli.cli.bleu_report import Form, print_scores, print_sentences
from nmtcli.cli.options import flag, with_options
from nmtcli.errors import UsageError
from nmtcli.metrics.sacrebleu_scores import (
    METRICS,
    BleuOptions,
    MetricOptions,
    corpus_scores,
    looks_tokenized,
    sentence_scores,
)
from nmtcli.metrics.tokenizer import USUAL, choose_tokenizer
from nmtcli.text.unseen_differences import unseen_differences


@with_options()
def bleu(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="REF... HYP",
            help="The references and then the translation; - is stdin. To compare systems: REF"
            " HYP...",
        ),
    ],
    form: Form,
    comparison: ComparisonOptions,
    of_bleu: BleuFlags,
    of_chrf: ChrfFlags,
    of_ter: TerFlags,
    metrics: list[str] = flag(
        "Compute these metrics, of bleu, chrf and ter: with commas between, or repeated.",
        "-m",
        default=["bleu"],
    ),
) -> None:
    """Compute BLEU, chrF and TER of a translation, with one or several references.

    Scores and signatures are sacrebleu's: nmt bleu REF HYP prints what sacrebleu REF -i HYP prints.

    To compare systems, give REF HYP... and --by-length, --confidence or --paired: the first file is
    the reference (--references N: the first N are), and each other file is a system.
    """
    given = of_bleu.options(), of_chrf.options(), of_ter.options()
    options = _wanted(metrics, given)
    _check_form(options, form)
    if of_ter.asian_support and not (of_ter.normalized or of_ter.no_punct):
        print(
            "nmt: note: --ter-asian-support has no effect in sacrebleu without --ter-normalized or"
            " --ter-no-punct",
            file=sys.stderr,
        )
    compares = comparison.given()
    count = source = None
    if compares:
        from nmtcli.cli.bleu_compare import Comparison, check_comparison, compare  # rarely needed

        comparison = Comparison(**vars(comparison))
        count, source = comparison.reference_count, comparison.source
        check_comparison(comparison, files[count:], options, form)
    texts = read_parallel(files, count, source)
    if isinstance(options[0], BleuOptions) and not of_bleu.force:
        if of_bleu.tokenize is None and not form.score_only:
            _say_what_suits(texts)
        if of_bleu.tokenize != "none":
            _warn_if_tokenized(files[len(texts.references) :], texts)
    _say_what_is_unseen(files[len(texts.references) :], texts)
    with _no_cycle_collection():
        if compares and not form.sentence_level:
            compare(comparison, files, texts, options, form)
        else:
            _score(texts, options, form)


def _score(texts: Texts, options: list[MetricOptions], form: Form) -> None:
    """Score one system and print it."""
    references, (hypotheses,) = texts.references, texts.systems
    if form.sentence_level:
        print_sentences(sentence_scores(references, hypotheses, options[0]), form)
    else:
        print_scores(corpus_scores(references, hypotheses, options), len(hypotheses), form)


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Disable garbage collection: n-gram counts have no cycles, and searching them takes time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _wanted(metrics: Sequence[str], given: Sequence[MetricOptions]) -> list[MetricOptions]:
    """Return the options of the chosen metrics in sacrebleu's order; refuse options of others."""
    names = [name.strip().lower() for text in metrics for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            hint = "; chrF++ is chrf with --chrf-word-order 2" if name.startswith("chrf") else ""
            raise UsageError(f"--metrics must be from {', '.join(METRICS)}, not '{name}'{hint}")
    for one in given:
        if one.metric not in names and one != type(one)():
            raise UsageError(f"options of {one.metric} are given, but --metrics does not name it")
    return [one for one in given if one.metric in names]


def _check_form(options: Sequence[MetricOptions], form: Form) -> None:
    if form.sentence_level and len(options) > 1:
        raise UsageError("--sentence-level takes one metric")
    if form.score_only and form.as_json:
        raise UsageError("--score-only and --json exclude each other: leave one of them out")


def _say_what_suits(texts: Texts) -> None:
    """Recommend a tokenizer if 13a does not suit the text; the score stays sacrebleu's."""
    choice = choose_tokenizer(texts.references[0])
    if choice.language:
        better = f": --tokenize {choice.name} suits them better than {USUAL}"
        print(f"nmt: note: {choice.reason}{better * (choice.name != USUAL)}", file=sys.stderr)


def _say_what_is_unseen(names: Sequence[str], texts: Texts) -> None:
    """Say if a translation would agree more with a reference after normalisation."""
    for name, hypotheses in zip(names, texts.systems):
        for reference in texts.references:
            found = unseen_differences(hypotheses, reference)
            if found.lines:
                shown = "the translation" if len(texts.systems) == 1 else name
                kinds = f" ({', '.join(found.kinds)})" * bool(found.kinds)
                print(
                    f"nmt: note: {found.lines} of {len(reference)} lines of {shown} and the"
                    f" reference (the first: {found.first}) differ in what cannot be seen{kinds};"
                    " normalise both, since the score is of the text as it is",
                    file=sys.stderr,
                )
                break


def _warn_if_tokenized(names: Sequence[str], texts: Texts) -> None:
    for name, hypotheses in zip(names, texts.systems):
        if looks_tokenized(hypotheses):
            shown = "the translation" if len(texts.systems) == 1 else name
            print(
                f"nmt: warning: {shown} looks tokenised (many lines end in ' .'), which changes "
                "BLEU: detokenise it, or give --tokenize none or --force",
                file=sys.stderr,
            )
