"""The options of `nmt bleu`, as its help shows them."""

from typing import Annotated

import typer

_COMPARE = "Compare systems: the files are REF HYP..."
_BLEU, _CHRF, _TER = "Options of BLEU", "Options of chrF", "Options of TER"


def _flag(help: str, *names: str, panel: str | None = None):
    return Annotated[bool, typer.Option(*names, help=help, rich_help_panel=panel)]


def _order(help: str, *names: str, low: int = 0):
    return Annotated[int, typer.Option(*names, help=help, min=low, max=100, rich_help_panel=_CHRF)]


def _text(help: str, metavar: str):
    return Annotated[str | None, typer.Option(metavar=metavar, help=help, rich_help_panel=_COMPARE)]


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="REF... HYP",
        help="References, then the translation; - is stdin. To compare systems: REF HYP...",
    ),
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

References = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="The first N files are references, all others systems; 1 with the options below.",
        rich_help_panel=_COMPARE,
    ),
]
ByLength = _text("BLEU by sentence length, such as 10,20,30,40,50.", "N,N,...")
Source = _text("Lengths are of these lines, else of the first reference's.", "FILE")
Confidence = _flag("Add the 95 % bootstrap interval of each score.", "--confidence", panel=_COMPARE)
Paired = _flag("Paired bootstrap test against the first system.", "--paired", panel=_COMPARE)
Bootstrap = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Resamples, 1000 if not given; 0 leaves intervals out. Seed: SACREBLEU_SEED.",
        rich_help_panel=_COMPARE,
    ),
]
Plot = _text("Draw BLEU by length into FILE.png or FILE.svg.", "FILE")
Title = _text("Title of the picture.", "TEXT")

Tokenize = Annotated[
    str | None,
    typer.Option(
        "--tokenize",
        "-tok",
        help="13a if not given, intl, zh, char, none, ja-mecab or ko-mecab.",
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
