"""The options of `nmt bleu` for comparisons and for each metric.

The fields have the same names as the metrics' options in `nmtcli.metrics`.
"""

from nmtcli.cli.options import flag, group
from nmtcli.metrics.sacrebleu_scores import BleuOptions, ChrfOptions, TerOptions
from nmtcli.metrics.tokenizer import USUAL

COMPARE = "Compare systems: the files are REF HYP..."
BLEU, CHRF, TER = "Options of BLEU", "Options of chrF", "Options of TER"


@group
class ComparisonOptions:
    """The options that compare systems, unchecked; None or False if not given."""

    references: int | None = flag(
        None,
        "Read references from the first N files, and systems from all others; the default is 1"
        " with the options below.",
        "--references",
        metavar="N",
        panel=COMPARE,
        minimum=1,
    )
    by_length: str | None = flag(
        None,
        "Score BLEU by sentence length, in buckets up to these numbers of words, such as"
        " 10,20,30,40,50.",
        "--by-length",
        metavar="N,N,...",
        panel=COMPARE,
    )
    source: str | None = flag(
        None,
        "Count the length of these lines instead of the first reference's.",
        "--source",
        metavar="FILE",
        panel=COMPARE,
    )
    confidence: bool = flag(
        False, "Add the 95 % bootstrap interval of each score.", "--confidence", panel=COMPARE
    )
    paired: bool = flag(
        False,
        "Test each system against the first one by paired bootstrap resampling.",
        "--paired",
        panel=COMPARE,
    )
    bootstrap: int | None = flag(
        None,
        "Resample this many times; the default is 1000, and 0 leaves intervals out. The environment"
        " variable SACREBLEU_SEED sets the seed.",
        "--bootstrap",
        metavar="N",
        panel=COMPARE,
    )
    plot: str | None = flag(
        None, "Draw BLEU by length into FILE.png or FILE.svg.", "--plot", metavar="FILE",
        panel=COMPARE,
    )  # fmt: skip
    title: str | None = flag(
        None, "Put this title above the picture.", "--title", metavar="TEXT", panel=COMPARE
    )

    def given(self) -> bool:
        return any(one is not None and one is not False for one in vars(self).values())


@group
class BleuFlags:
    """The options of BLEU."""

    tokenize: str | None = flag(
        None,
        "Tokenise with this tokenizer: 13a (the default), intl, zh, char, none, ja-mecab or"
        " ko-mecab.",
        *("--tokenize", "-tok"),
        panel=BLEU,
    )
    lowercase: bool = flag(False, "Ignore case in BLEU.", "--lowercase", "-lc", panel=BLEU)
    smooth_method: str = flag(
        "exp", "Smooth by this method: exp, floor, add-k or none.", "--smooth-method", "-s",
        panel=BLEU,
    )  # fmt: skip
    smooth_value: float | None = flag(
        None,
        "Smooth with this value; the default is 0.1 for floor and 1 for add-k.",
        *("--smooth-value", "-sv"),
        panel=BLEU,
    )
    force: bool = flag(
        False, "Do not warn that a translation looks tokenised.", "--force", panel=BLEU
    )

    def options(self) -> BleuOptions:
        tokenize = self.tokenize or USUAL
        return BleuOptions(tokenize, self.lowercase, self.smooth_method, self.smooth_value)


def _order(default: int, help: str, *names: str, minimum: int = 0):
    return flag(default, help, *names, panel=CHRF, minimum=minimum, maximum=100)


@group
class ChrfFlags:
    """The options of chrF."""

    char_order: int = _order(
        6, "Count character n-grams up to this length.", "--chrf-char-order", "-cc", minimum=1
    )
    word_order: int = _order(
        0, "Count word n-grams up to this length; 2 is chrF++.", "--chrf-word-order", "-cw"
    )
    beta: int = _order(
        2, "Weight recall this many times as much as precision.", "--chrf-beta", minimum=1
    )
    whitespace: bool = flag(False, "Count white space too.", "--chrf-whitespace", panel=CHRF)
    lowercase: bool = flag(False, "Ignore case in chrF.", "--chrf-lowercase", panel=CHRF)
    eps_smoothing: bool = flag(
        False, "Smooth as chrF++.py, NLTK and Moses do.", "--chrf-eps-smoothing", panel=CHRF
    )

    def options(self) -> ChrfOptions:
        return ChrfOptions(**vars(self))


@group
class TerFlags:
    """The options of TER."""

    case_sensitive: bool = flag(False, "Respect case in TER.", "--ter-case-sensitive", panel=TER)
    asian_support: bool = flag(
        False, "Treat Asian characters as words.", "--ter-asian-support", panel=TER
    )
    no_punct: bool = flag(False, "Remove punctuation.", "--ter-no-punct", panel=TER)
    normalized: bool = flag(
        False, "Normalise and tokenise the text.", "--ter-normalized", panel=TER
    )

    def options(self) -> TerOptions:
        return TerOptions(**vars(self))
