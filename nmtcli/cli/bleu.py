"""`nmt bleu`: score translations against references, as sacrebleu does."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nmtcli.cli import bleu_options as on
from nmtcli.cli.bleu_input import Texts, read_parallel
from nmtcli.cli.bleu_report import Form, print_scores, print_sentences
from nmtcli.errors import UsageError
from nmtcli.metrics.sacrebleu_scores import (
    METRICS,
    BleuOptions,
    ChrfOptions,
    MetricOptions,
    TerOptions,
    corpus_scores,
    looks_tokenized,
    sentence_scores,
)
from nmtcli.metrics.tokenizer import USUAL, choose_tokenizer


def bleu(
    files: on.Files,
    metrics: on.Metrics = ["bleu"],  # noqa: B006 - typer reads it, nothing changes it
    width: on.Width = None,
    score_only: on.ScoreOnly = False,
    sentence_level: on.SentenceLevel = False,
    as_json: on.Json = False,
    references: on.References = None,
    by_length: on.ByLength = None,
    source: on.Source = None,
    confidence: on.Confidence = False,
    paired: on.Paired = False,
    bootstrap: on.Bootstrap = None,
    plot: on.Plot = None,
    title: on.Title = None,
    tokenize: on.Tokenize = None,
    lowercase: on.Lowercase = False,
    smooth_method: on.SmoothMethod = "exp",
    smooth_value: on.SmoothValue = None,
    force: on.Force = False,
    chrf_char_order: on.CharOrder = 6,
    chrf_word_order: on.WordOrder = 0,
    chrf_beta: on.Beta = 2,
    chrf_whitespace: on.ChrfSpace = False,
    chrf_lowercase: on.ChrfLower = False,
    chrf_eps_smoothing: on.ChrfEps = False,
    ter_case_sensitive: on.TerCase = False,
    ter_asian_support: on.TerAsian = False,
    ter_no_punct: on.TerNoPunct = False,
    ter_normalized: on.TerNormalized = False,
) -> None:
    """BLEU, chrF and TER of a translation, with several references if you have them.

    Scores and signatures are sacrebleu's: nmt bleu REF HYP prints what sacrebleu REF -i HYP does.

    To compare systems, give REF HYP... and --by-length, --confidence or --paired: the first file is
    the reference (--references N: the first N are), each other one is a system, named by its file.
    """
    given = (
        BleuOptions(tokenize or USUAL, lowercase, smooth_method, smooth_value),
        ChrfOptions(
            chrf_char_order,
            chrf_word_order,
            chrf_beta,
            chrf_lowercase,
            chrf_whitespace,
            chrf_eps_smoothing,
        ),
        TerOptions(ter_normalized, ter_no_punct, ter_asian_support, ter_case_sensitive),
    )
    form = Form(width, score_only, sentence_level, as_json)
    options = _wanted(metrics, given)
    _check_form(options, form)
    compared = (references, by_length, source, confidence, paired, bootstrap, plot, title)
    if all(one is None or one is False for one in compared):
        texts = read_parallel(files)
        if tokenize is None:
            _say_what_suits(texts, options[0], form, force)
        _warn_if_tokenized(files[-1:], texts, options[0], force)
        with _no_cycle_collection():
            _score(texts, options, form)
        return
    from nmtcli.cli.bleu_compare import Comparison, check_comparison, compare  # not always needed

    comparison = Comparison(*compared)
    count = comparison.reference_count
    check_comparison(comparison, files[-1 if count is None else count :], options, form)
    texts = read_parallel(files, count, source)
    if tokenize is None:
        _say_what_suits(texts, options[0], form, force)
    _warn_if_tokenized(files[len(texts.references) :], texts, options[0], force)
    with _no_cycle_collection():
        if form.sentence_level:
            _score(texts, options, form)
        else:
            compare(comparison, files, texts, options, form)


def _score(texts: Texts, options: list[MetricOptions], form: Form) -> None:
    """Score one system and print it."""
    references, (hypotheses,) = texts.references, texts.systems
    if form.sentence_level:
        print_sentences(sentence_scores(references, hypotheses, options[0]), form)
    else:
        print_scores(corpus_scores(references, hypotheses, options), len(hypotheses), form)


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Counting n-grams makes no cycles; looking for them in every n-gram takes time (measured)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _wanted(metrics: Sequence[str], given: Sequence[MetricOptions]) -> list[MetricOptions]:
    """The options of the metrics asked for, in sacrebleu's order; options of others are refused."""
    names = [name.strip().lower() for text in metrics for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            hint = "; chrF++ is chrf with --chrf-word-order 2" if name.startswith("chrf") else ""
            raise UsageError(f"--metrics must be of {', '.join(METRICS)}, not '{name}'{hint}")
    for one in given:
        if one.metric not in names and one != type(one)():
            raise UsageError(f"there are options of {one.metric}, but --metrics does not name it")
    return [one for one in given if one.metric in names]


def _check_form(options: Sequence[MetricOptions], form: Form) -> None:
    if form.sentence_level and len(options) > 1:
        raise UsageError("--sentence-level takes one metric")
    if form.score_only and form.as_json:
        raise UsageError("choose one of --score-only and --json")


def _say_what_suits(texts: Texts, options: MetricOptions, form: Form, force: bool) -> None:
    """A line about the tokenizer of a text that 13a does not suit; the score stays sacrebleu's."""
    if force or form.score_only or not isinstance(options, BleuOptions):
        return
    choice = choose_tokenizer(texts.references[0])
    if choice.language:
        better = f": --tokenize {choice.name} suits them better than {USUAL}"
        print(f"nmt: note: {choice.reason}{better * (choice.name != USUAL)}", file=sys.stderr)


def _warn_if_tokenized(
    names: Sequence[str], texts: Texts, options: MetricOptions, force: bool
) -> None:
    if force or getattr(options, "tokenize", "none") == "none":  # not BLEU, or known to be so
        return
    for name, hypotheses in zip(names, texts.systems):
        if looks_tokenized(hypotheses):
            shown = "the translation" if len(texts.systems) == 1 else name
            print(
                f"nmt: warning: {shown} looks tokenised (many lines end in ' .'), which changes "
                "BLEU: detokenise it, or give --tokenize none or --force",
                file=sys.stderr,
            )
