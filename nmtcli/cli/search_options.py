"""Options of `nmt translate` and `nmt score` that say which models there are and how to search."""

import logging
from typing import Annotated

import typer

from nmtcli.errors import UsageError

logger = logging.getLogger(__name__)

PANEL, SAMPLING, MODELS, RUNTIME = "Search", "Sampling", "Several models", "What runs the model"


def _option(flag: str, metavar: str | None, help: str, panel: str):
    return typer.Option(flag, metavar=metavar, help=help, rich_help_panel=panel)


Runs = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        metavar="DIR",
        help="Folder of a run; newest here if not given. Several translate together, as an"
        " ensemble: they must have the same subwords.",
    ),
]
Checkpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--checkpoint",
        metavar="NAME",
        help="best (if not given), last or step-N; several of one run are an ensemble too.",
    ),
]
Beam = Annotated[int | None, _option("--beam", "K", "Width of the beam; 1 is greedy.", PANEL)]
LengthPenalty = Annotated[
    float | None,
    _option("--length-penalty", "X", "Exponent of the length; 0 favours short.", PANEL),
]
LengthPenaltyKind = Annotated[
    str | None,
    _option("--length-penalty-kind", "KIND", "average, gnmt, or reward: each piece adds X.", PANEL),
]
CoveragePenalty = Annotated[
    float | None,
    _option(
        "--coverage-penalty",
        "X",
        "Weight of what the attention left out of the source, for example 0.2.",
        PANEL,
    ),
]
NoRepeatNgram = Annotated[
    int | None,
    _option("--no-repeat-ngram", "N", "No N pieces stand twice in a translation.", PANEL),
]
BySentence = Annotated[
    bool,
    _option(
        "--by-sentence",
        None,
        "Each sentence of a line by itself, for paragraphs and a model that saw sentences.",
        PANEL,
    ),
]
Prefix = Annotated[
    str | None,
    _option(
        "--prefix",
        "FILE",
        "Text that each line's translation begins with. Spaces at its end do not count, and the"
        " translation may go on within its last word. All lines are read before the first is"
        " translated.",
        PANEL,
    ),
]
BatchTokens = Annotated[
    int | None, _option("--batch-tokens", "N", "Beam x positions of a batch.", PANEL)
]
Window = Annotated[int | None, _option("--window", "N", "Lines read ahead and sorted.", PANEL)]

Sample = Annotated[
    bool,
    _option(
        "--sample",
        None,
        "Draw translations instead of searching for the best; --nbest N: N of them, in the order"
        " of the draw.",
        SAMPLING,
    ),
]
Temperature = Annotated[
    float | None,
    _option("--temperature", "X", "Above 0; below 1 the probable becomes more so.", SAMPLING),
]
TopK = Annotated[int | None, _option("--top-k", "K", "From the best K pieces alone.", SAMPLING)]
TopP = Annotated[
    float | None,
    _option("--top-p", "P", "From the fewest pieces with probability P together.", SAMPLING),
]
Seed = Annotated[
    int | None,
    _option("--seed", "N", "The same seed draws the same for a line, in any batch.", SAMPLING),
]

EnsembleKind = Annotated[
    str | None,
    _option(
        "--ensemble", "MEAN", "log: mean of log-probabilities; linear: of probabilities.", MODELS
    ),
]
Rerank = Annotated[
    str | None,
    _option(
        "--rerank",
        "DIR",
        "A run whose score of each translation of the beam, over its length, counts too; scores"
        " are (1 - W) x own + W x its. One that was trained on the same text the other way round"
        " scores the line by its translation.",
        MODELS,
    ),
]
RerankReverse = Annotated[
    str | None,
    _option(
        "--rerank-reverse", "DIR", "The same, with a run that translates the other way.", MODELS
    ),
]
RerankWeight = Annotated[
    float | None, _option("--rerank-weight", "W", "From 0 to 1; 0.5 if not given.", MODELS)
]

Engine = Annotated[
    str | None,
    _option(
        "--engine",
        "NAME",
        "onnx or ctranslate2: an export of the run, which nmt export makes; keras; auto: onnx where"
        " it is there and no GPU or TPU is.",
        RUNTIME,
    ),
]
Precision = Annotated[
    str | None,
    _option(
        "--precision",
        "NAME",
        "float32; int8, of an export; bfloat16, of Keras; auto is float32.",
        RUNTIME,
    ),
]
Threads = Annotated[
    int | None,
    _option("--threads", "N", "With the export; all processors if not given.", RUNTIME),
]
Shortlist = Annotated[
    bool,
    _option(
        "--shortlist",
        None,
        "With the export onnx: look among the pieces that translated these source pieces in"
        " training, and frequent ones, alone. Faster where the vocabulary is large; translations"
        " change now and then.",
        RUNTIME,
    ),
]


def runtime_of(
    engine: str | None, precision: str | None, threads: int | None, shortlist: bool = False
):
    """The `Runtime` of --engine, --precision, --threads and --shortlist.

    Raises:
        UsageError: names that do not exist, or options that do not go together.
    """
    from nmtcli.engines.runtime import Runtime

    found = Runtime(engine or "auto", precision or "auto", threads or 0, shortlist)
    found.check()
    return found


def overrides(parameters: dict) -> dict:
    """What the command line says of `SearchConfig`, by name; None where it says nothing.

    Args:
        parameters: of the command, by name.
    """
    from dataclasses import fields

    from nmtcli.config.search import SearchConfig

    names = {field.name for field in fields(SearchConfig)}
    found = {name: value for name, value in parameters.items() if name in names}
    flags = {name: value or None for name, value in found.items() if isinstance(value, bool)}
    return {**found, **flags}


def read_prefixed(
    input: str, prefix: str | None
) -> tuple[list[str], list[str]] | tuple[None, None]:
    """All lines and their prefixes, equally many; nothing is read without --prefix.

    Raises:
        UsageError: both are stdin, one cannot be read, or the numbers of lines differ.
    """
    if prefix is None:
        return None, None
    from nmtcli.cli.parallel_input import check_streams, read_pair

    check_streams(input, prefix)
    return read_pair(input, prefix)


def check_rerank(rerank: str | None, reverse: str | None, weight: float | None) -> None:
    """
    Raises:
        UsageError: two runs to rerank by, or a weight of none.
    """
    if rerank is not None and reverse is not None:
        raise UsageError("one run reranks: give --rerank or --rerank-reverse, not both")
    if weight is not None and rerank is None and reverse is None:
        raise UsageError("--rerank-weight is of reranking: give --rerank too")


def reranker(translator, runs: list[str] | None, rerank: str | None, reverse: str | None, runtime):
    """The translator, with its candidates in the order that another run has a say in.

    Args:
        translator: `nmtcli.inference.translator.Translator`.
        runs: of --run, the translator's.
        rerank, reverse: of --rerank and --rerank-reverse; the translator itself without both.
        runtime: of `runtime_of`; what is scored is looked for in no shortlist.

    Raises:
        UsageError: no such run.
    """
    path = rerank if reverse is None else reverse
    if path is None:
        return translator
    from nmtcli.inference.loading import translates_back
    from nmtcli.inference.reranker import Reranker
    from nmtcli.inference.scorer import load_scorer
    from nmtcli.runs.directory import find_run

    back = reverse is not None
    if not back and translates_back(find_run(runs[0] if runs else None), find_run(path)):
        logger.warning(
            "%s: translates the other way round, so it scores the source by the translation", path
        )
        back = True
    scorer = load_scorer(path, runtime=runtime._replace(shortlist=False))
    return Reranker(translator, scorer, back)
