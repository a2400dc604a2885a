"""Measure: score and align given translations; BLEU, chrF and TER."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

from nmtcli.alignment.links import DEFAULT_RULE, LinkRule, WordAlignment
from nmtcli.alignment.symmetrization import DEFAULT_METHOD, check_method
from nmtcli.config import Settings
from nmtcli.config.loading import nearest
from nmtcli.config.paths import AnyPath
from nmtcli.engines.runtime import Runtime
from nmtcli.errors import UsageError
from nmtcli.inference.aligner import TwoWayAlignment, align_both_ways, load_aligner
from nmtcli.inference.loading import Runs
from nmtcli.inference.scorer import CorpusScore, load_scorer
from nmtcli.metrics.sacrebleu_scores import (
    BleuOptions,
    ChrfOptions,
    MetricScore,
    TerOptions,
    corpus_scores,
)
from nmtcli.text.lines import check_lines

Lines: TypeAlias = Iterable[str]


def score(
    sources: Lines,
    targets: Lines,
    run: Runs = None,
    *,
    checkpoint: str | list[str] = "best",
    engine: str = "auto",
    precision: str = "auto",
    ensemble: str | None = None,
    tag: str | None = None,
) -> CorpusScore:
    """Score given translations by teacher forcing: what `nmt score` does.

    Args:
        sources: the lines of the source.
        targets: a translation of each.
        run: the folder of a run; None is the newest run under `./runs`; a list is an ensemble.
        checkpoint, engine, precision: as of `nmtcli.load`.
        ensemble: how an ensemble averages, `log` or `linear`; None is the option of the first run.
        tag: as of `nmtcli.load`.

    Returns:
        the score of each line and of all together.

    Raises:
        UsageError: a run or checkpoint does not exist, or the sides have different numbers of
            lines.

    Example:
        >>> scores = nmtcli.score(["어제 비가 왔어요."], ["It rained yesterday."])
        >>> scores.lines[0].log_prob
        -1.27
        >>> scores.summary.perplexity_per_word
        1.38
    """
    pair = check_lines("sources", sources), check_lines("targets", targets)
    runtime = Runtime(engine, precision)
    runtime.check()
    Settings().update({"search": {} if ensemble is None else {"ensemble": ensemble}})  # checks it
    return load_scorer(run, checkpoint, ensemble, runtime, tag).score_corpus(*pair)


def align(
    sources: Lines,
    targets: Lines,
    run: AnyPath | None = None,
    *,
    reverse_run: AnyPath | None = None,
    checkpoint: str = "best",
    layer: int | None = None,
    head: int | None = None,
    engine: str = "auto",
    precision: str = "auto",
    null: str = DEFAULT_RULE.null,
    shift: int = DEFAULT_RULE.shift,
    normalize: str = DEFAULT_RULE.normalize,
    symmetrize: str | None = None,
    agree: bool = False,
    tag: str | None = None,
) -> list[WordAlignment | TwoWayAlignment]:
    """Align the words of given translations by attention: what `nmt align` does.

    Args:
        sources: the lines of the source.
        targets: a translation of each.
        run: the folder of a run; None is the newest run under `./runs`.
        reverse_run: a run that translates in the other direction, to combine both directions.
        checkpoint, engine, precision: as of `nmtcli.load`.
        layer, head: the layer and head of a Transformer whose attention is used, from 1; head 0 is
            the mean of the layer's heads. None is the run's own choice.
        null, shift, normalize: how links are taken from attention, see
            `nmtcli.alignment.links.LinkRule`.
        symmetrize: how both directions are combined: `intersection`, `union`, `grow-diag`,
            `grow-diag-final` or, if it is None, `grow-diag-final-and`.
        agree: take the links of both directions from the product of their weights.
        tag: as of `nmtcli.load`; the reverse run has its own.

    Returns:
        an alignment of each pair, with its `links` (i, j) of source and target words, from 0; with
        a reverse run a `TwoWayAlignment`.

    Raises:
        UsageError: a run or checkpoint does not exist, the model has no attention, an option is
            wrong or has no effect, or the sides have different numbers of lines.

    Example:
        >>> (alignment,) = nmtcli.align(["어제 비가 왔어요."], ["It rained yesterday."])
        >>> alignment.links
        [(1, 0), (2, 1), (0, 2)]
    """
    if reverse_run is None and (symmetrize is not None or agree):
        name = "agree" if symmetrize is None else "symmetrize"
        raise UsageError(f"{name} combines two directions: give reverse_run too")
    if reverse_run is not None and run is None:
        raise UsageError("reverse_run needs the run of the other direction: give run too")
    method = DEFAULT_METHOD if symmetrize is None else symmetrize
    check_method(method)
    rule, runtime = LinkRule(null, shift, normalize), Runtime(engine, precision)
    runtime.check()
    pair = check_lines("sources", sources), check_lines("targets", targets)
    runs = [(run, tag)] if reverse_run is None else [(run, tag), (reverse_run, None)]
    given = checkpoint, rule, layer, head, runtime
    forward, *reverse = [load_aligner(one, *given, own_tag) for one, own_tag in runs]
    if not reverse:
        return list(forward.align_lines(*pair))
    return list(align_both_ways(forward, reverse[0], *pair, method, agree))


def bleu(references: Lines | Sequence[Lines], hypotheses: Lines, **options: Any) -> MetricScore:
    """Compute corpus BLEU as sacrebleu does: what `nmt bleu` does.

    Args:
        references: the lines of the reference, or a list of several references.
        hypotheses: the translation of each line.
        options: fields of `nmtcli.metrics.sacrebleu_scores.BleuOptions`: `tokenize`, `lowercase`,
            `smooth_method`, `smooth_value`.

    Returns:
        the score: its `value` (0 to 100) and `signature`; as a text, sacrebleu's line.

    Raises:
        UsageError: an option is wrong, the numbers of lines differ, or there are no lines.

    Example:
        >>> score = nmtcli.bleu(["It rained yesterday ."], ["It rained yesterday ."])
        >>> score.value
        100.0
        >>> score.signature
        'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0'
    """
    return _corpus_score(BleuOptions, references, hypotheses, options)


def chrf(references: Lines | Sequence[Lines], hypotheses: Lines, **options: Any) -> MetricScore:
    """Compute corpus chrF as sacrebleu does; `word_order=2` is chrF++.

    Args:
        references, hypotheses: as of `bleu`.
        options: fields of `nmtcli.metrics.sacrebleu_scores.ChrfOptions`.

    Raises:
        UsageError: as of `bleu`.

    Example:
        >>> nmtcli.chrf(["It rained."], ["It rained."], word_order=2).value
        100.0
    """
    return _corpus_score(ChrfOptions, references, hypotheses, options)


def ter(references: Lines | Sequence[Lines], hypotheses: Lines, **options: Any) -> MetricScore:
    """Compute the corpus translation edit rate as sacrebleu does.

    Args:
        references, hypotheses: as of `bleu`.
        options: fields of `nmtcli.metrics.sacrebleu_scores.TerOptions`.

    Raises:
        UsageError: as of `bleu`.

    Example:
        >>> nmtcli.ter(["It rained."], ["It rained."]).value
        0.0
    """
    return _corpus_score(TerOptions, references, hypotheses, options)


def _corpus_score(
    kind: type[BleuOptions] | type[ChrfOptions] | type[TerOptions],
    references: Lines | Sequence[Lines],
    hypotheses: Lines,
    options: dict[str, Any],
) -> MetricScore:
    names = [spec.name for spec in fields(kind)]
    for name in options:
        if name not in names:
            raise UsageError(f"unknown option '{name}'{nearest(name, names)}")
    texts: Any = references if isinstance(references, str) else list(references)
    if all(isinstance(one, str) for one in texts):  # the lines of a single reference
        texts = [texts]
    checked = [check_lines("references", lines) for lines in texts]
    return corpus_scores(checked, check_lines("hypotheses", hypotheses), [kind(**options)])[0]
