"""The options of `nmt bleu` for comparisons and for each metric.

The fields have the same names as the metrics' options in `nmtcli.metrics`.
"""

from functools import partial

from nmtcli.cli.options import flag, group, switch
from nmtcli.metrics.sacrebleu_scores import BleuOptions, ChrfOptions, TerOptions
from nmtcli.metrics.tokenizer import USUAL

_order = partial(flag, minimum=1, maximum=100)


@group
class ComparisonOptions:
    """The options that compare systems, unchecked; None or False if not given."""

    panel = "Compare systems: the files are REF HYP..."
    references: int | None = flag(
        "Read references from the first N files, and systems from all others; the default is 1"
        " with the options below.",
        metavar="N",
        minimum=1,
    )
    by_length: str | None = flag(
        "Score BLEU by sentence length, in buckets up to these numbers of words, such as"
        " 10,20,30,40,50.",
        metavar="N,N,...",
    )
    source: str | None = flag(
        "Count the length of these lines instead of the first reference's.", metavar="FILE"
    )
    confidence: bool = switch("Add the 95 % bootstrap interval of each score.")
    paired: bool = switch("Test each system against the first one by paired bootstrap resampling.")
    bootstrap: int | None = flag(
        "Resample this many times; the default is 1000, and 0 leaves intervals out. The environment"
        " variable SACREBLEU_SEED sets the seed.",
        metavar="N",
    )
    plot: str | None = flag("Draw BLEU by length into FILE.png or FILE.svg.", metavar="FILE")
    title: str | None = flag("Put this title above the picture.", metavar="TEXT")

    def given(self) -> bool:
        return any(one is not None and one is not False for one in vars(self).values())


@group
class BleuFlags:
    """The options of BLEU."""

    panel = "Options of BLEU"
    tokenize: str | None = flag(
        "Tokenise with this tokenizer: 13a (the default), intl, zh, char, none, ja-mecab or"
        " ko-mecab.",
        "-tok",
    )
    lowercase: bool = switch("Ignore case in BLEU.", "-lc")
    smooth_method: str = flag(
        "Smooth by this method: exp, floor, add-k or none.", "-s", default="exp"
    )
    smooth_value: float | None = flag(
        "Smooth with this value; the default is 0.1 for floor and 1 for add-k.", "-sv"
    )
    force: bool = switch("Do not warn that a translation looks tokenised.")

    def options(self) -> BleuOptions:
        tokenize = self.tokenize or USUAL
        return BleuOptions(tokenize, self.lowercase, self.smooth_method, self.smooth_value)


@group
class ChrfFlags:
    """The options of chrF."""

    panel = "Options of chrF"
    char_order: int = _order(
        "Count character n-grams up to this length.", "--chrf-char-order", "-cc", default=6
    )
    word_order: int = _order(
        "Count word n-grams up to this length; 2 is chrF++.",
        *("--chrf-word-order", "-cw"),
        default=0,
        minimum=0,
    )
    beta: int = _order(
        "Weight recall this many times as much as precision.", "--chrf-beta", default=2
    )
    whitespace: bool = switch("Count white space too.", "--chrf-whitespace")
    lowercase: bool = switch("Ignore case in chrF.", "--chrf-lowercase")
    eps_smoothing: bool = switch("Smooth as chrF++.py, NLTK and Moses do.", "--chrf-eps-smoothing")

    def options(self) -> ChrfOptions:
        return ChrfOptions(**vars(self))


@group
class TerFlags:
    """The options of TER."""

    panel = "Options of TER"
    case_sensitive: bool = switch("Respect case in TER.", "--ter-case-sensitive")
    asian_support: bool = switch("Treat Asian characters as words.", "--ter-asian-support")
    no_punct: bool = switch("Remove punctuation.", "--ter-no-punct")
    normalized: bool = switch("Normalise and tokenise the text.", "--ter-normalized")

    def options(self) -> TerOptions:
        return TerOptions(**vars(self))
