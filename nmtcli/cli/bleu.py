"""`nmt bleu`: score a translation against references, as sacrebleu does."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from nmtcli.cli.bleu_input import read_parallel
from nmtcli.cli.bleu_report import Form, print_scores, print_sentences
from nmtcli.errors import UsageError
from nmtcli.evaluation.bleu import (
    METRICS,
    BleuOptions,
    ChrfOptions,
    MetricOptions,
    TerOptions,
    corpus_scores,
    looks_tokenized,
    sentence_scores,
)
from nmtcli.evaluation.by_length import bleu_by_length, check_edges, count_words

_BLEU, _CHRF, _TER = "Options of BLEU", "Options of chrF", "Options of TER"


def _flag(help: str, *names: str, panel: str | None = None):
    return Annotated[bool, typer.Option(*names, help=help, rich_help_panel=panel)]


def _order(help: str, *names: str, low: int = 0):
    return Annotated[int, typer.Option(*names, help=help, min=low, max=100, rich_help_panel=_CHRF)]


Files = Annotated[
    list[str],
    typer.Argument(metavar="REF... HYP", help="References, then the translation; - is stdin."),
]
Metrics = Annotated[
    list[str],
    typer.Option("--metrics", "-m", help="Of bleu, chrf, ter: a comma list, or repeated."),
]
Width = Annotated[
    int | None,
    typer.Option(
        "--width", "-w", min=0, max=17, help="Decimals: 1 if not given; in JSON then all."
    ),
]
ScoreOnly = _flag("Print nothing but the number.", "--score-only", "-b")
SentenceLevel = _flag("One score for each line.", "--sentence-level", "-sl")
Json = _flag("Print JSON; with --sentence-level one object a line.", "--json")
ByLength = Annotated[
    str | None,
    typer.Option(metavar="N,N,...", help="Also BLEU by sentence length, such as 10,20,30,40,50."),
]
Source = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Lengths are of these lines, else of the first reference's."),
]
Tokenize = Annotated[
    str,
    typer.Option(
        "--tokenize",
        "-tok",
        help="13a, intl, zh, char, none, ja-mecab or ko-mecab.",
        rich_help_panel=_BLEU,
    ),
]
Lowercase = _flag("BLEU without regard to case.", "--lowercase", "-lc", panel=_BLEU)
SmoothMethod = Annotated[
    str,
    typer.Option("--smooth-method", "-s", help="exp, floor, add-k or none.", rich_help_panel=_BLEU),
]
SmoothValue = Annotated[
    float | None,
    typer.Option(
        "--smooth-value",
        "-sv",
        help="Of floor (else 0.1) or add-k (else 1).",
        rich_help_panel=_BLEU,
    ),
]
Force = _flag("The translation is detokenised: do not warn.", "--force", panel=_BLEU)
CharOrder = _order("Longest character n-gram.", "--chrf-char-order", "-cc", low=1)
WordOrder = _order("Longest word n-gram; 2 is chrF++.", "--chrf-word-order", "-cw")
Beta = _order("Weight of recall against precision.", "--chrf-beta", low=1)
ChrfSpace = _flag("Count white space too.", "--chrf-whitespace", panel=_CHRF)
ChrfLower = _flag("chrF without regard to case.", "--chrf-lowercase", panel=_CHRF)
ChrfEps = _flag("Smooth as chrF++.py, NLTK and Moses do.", "--chrf-eps-smoothing", panel=_CHRF)
TerCase = _flag("Regard case.", "--ter-case-sensitive", panel=_TER)
TerAsian = _flag("Treat Asian characters as words.", "--ter-asian-support", panel=_TER)
TerNoPunct = _flag("Remove punctuation.", "--ter-no-punct", panel=_TER)
TerNormalized = _flag("Normalise and tokenise.", "--ter-normalized", panel=_TER)


def bleu(
    files: Files,
    metrics: Metrics = ["bleu"],  # noqa: B006 - typer reads it, nothing changes it
    width: Width = None,
    score_only: ScoreOnly = False,
    sentence_level: SentenceLevel = False,
    as_json: Json = False,
    by_length: ByLength = None,
    source: Source = None,
    tokenize: Tokenize = "13a",
    lowercase: Lowercase = False,
    smooth_method: SmoothMethod = "exp",
    smooth_value: SmoothValue = None,
    force: Force = False,
    chrf_char_order: CharOrder = 6,
    chrf_word_order: WordOrder = 0,
    chrf_beta: Beta = 2,
    chrf_whitespace: ChrfSpace = False,
    chrf_lowercase: ChrfLower = False,
    chrf_eps_smoothing: ChrfEps = False,
    ter_case_sensitive: TerCase = False,
    ter_asian_support: TerAsian = False,
    ter_no_punct: TerNoPunct = False,
    ter_normalized: TerNormalized = False,
) -> None:
    """BLEU, chrF and TER of a translation, with several references if you have them.

    Scores and signatures are sacrebleu's: nmt bleu REF HYP prints what sacrebleu REF -i HYP does.
    """
    given = (
        BleuOptions(tokenize, lowercase, smooth_method, smooth_value),
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
    edges = _edges(by_length, source, options)
    _check_form(options, edges, form)
    references, hypotheses, sources = read_parallel(files, source)
    if not force:
        _warn_if_tokenized(hypotheses, options[0])
    with _no_cycle_collection():
        _score(references, hypotheses, sources or references[0], options, edges, form)


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


def _score(
    references: list[list[str]],
    hypotheses: list[str],
    measured: list[str],
    options: list[MetricOptions],
    edges: list[int] | None,
    form: Form,
) -> None:
    """Score and print; `measured` are the lines whose words count as the sentences' lengths."""
    if form.sentence_level:
        print_sentences(sentence_scores(references, hypotheses, options[0]), form)
        return
    scores = corpus_scores(references, hypotheses, options)
    buckets = []
    if edges:
        lengths = count_words(measured)
        buckets = bleu_by_length(references, hypotheses, lengths, edges, options[0])
    print_scores(scores, buckets, len(hypotheses), form)


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


def _edges(
    by_length: str | None, source: str | None, options: Sequence[MetricOptions]
) -> list[int] | None:
    if by_length is None:
        if source is not None:
            raise UsageError("--source gives the lengths of --by-length: give that too")
        return None
    if options[0].metric != "bleu":
        raise UsageError("--by-length is a table of BLEU: name bleu in --metrics")
    try:
        edges = [int(edge) for edge in by_length.split(",")]
    except ValueError:
        raise UsageError(
            f"--by-length takes whole numbers, such as 10,20,30, not '{by_length}'"
        ) from None
    check_edges(edges)
    return edges


def _check_form(options: Sequence[MetricOptions], edges: list[int] | None, form: Form) -> None:
    if form.sentence_level and len(options) > 1:
        raise UsageError("--sentence-level takes one metric")
    if form.sentence_level and edges:
        raise UsageError("--by-length scores sentences together: leave out --sentence-level")
    if form.score_only and edges:
        raise UsageError("--score-only leaves no room for the table of --by-length")
    if form.score_only and form.as_json:
        raise UsageError("choose one of --score-only and --json")


def _warn_if_tokenized(hypotheses: Sequence[str], options: MetricOptions) -> None:
    if getattr(options, "tokenize", "none") == "none":  # not BLEU, or said to be tokenised
        return
    if looks_tokenized(hypotheses):
        print(
            "nmt: warning: the translation looks tokenised (many lines end in ' .'), which changes "
            "BLEU: detokenise it, or give --tokenize none or --force",
            file=sys.stderr,
        )
