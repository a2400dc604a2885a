"""Load trained runs: as a translator, or as a Keras model."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nmtcli.alignment.links import DEFAULT_RULE, LinkRule
from nmtcli.config.by_name import by_name
from nmtcli.config.paths import AnyPath
from nmtcli.engines.runtime import Runtime
from nmtcli.errors import UsageError
from nmtcli.inference.line_translator import LineTranslator
from nmtcli.inference.loading import Runs, check_search_only, find_members
from nmtcli.inference.translator import load_translator
from nmtcli.runs.checkpoints import check_checkpoint_name
from nmtcli.runs.directory import find_run

if TYPE_CHECKING:
    import keras


def load(
    run: Runs = None,
    *,
    checkpoint: str | list[str] = "best",
    engine: str = "auto",
    precision: str = "auto",
    threads: int = 0,
    shortlist: bool = False,
    null: str = DEFAULT_RULE.null,
    shift: int = DEFAULT_RULE.shift,
    normalize: str = DEFAULT_RULE.normalize,
    rerank: AnyPath | None = None,
    rerank_reverse: AnyPath | None = None,
    tag: str | None = None,
    config: AnyPath | None = None,
    settings: Mapping[str, object] | None = None,
    **search: object,
) -> LineTranslator:
    """Load a trained run as a translator: what `nmt translate` does.

    Args:
        run: the folder of a run; None is the newest run under `./runs`. A list of runs with the
            same subwords is an ensemble.
        checkpoint: `best`, `last` or `step-N`; a list for an ensemble.
        engine: `onnx` or `ctranslate2` (an export of the run), `keras`, or `auto`.
        precision: `float32`, `int8` (exports only), `bfloat16` (Keras only), or `auto`.
        threads: how many searches run at once with an export; 0 is one for each processor.
        shortlist: restrict translations to likely tokens (onnx only).
        null, shift, normalize: how word alignments are taken from attention, see
            `nmtcli.alignment.links.LinkRule`.
        rerank: a run whose score of each translation counts too.
        rerank_reverse: the same, for a run that translates in the other direction.
        tag: the tag of each line that has none, such as `<2ko>`; empty for none. A run whose
            training text has only one tag has that one by default.
        config: a YAML file with a section `search`.
        settings: options by their full names, such as `{"search.max_length_factor": 3.0}`.
        search: options of the search by their names, such as `beam=8`.

    Raises:
        UsageError: a run or checkpoint does not exist, runs do not fit together, or an option is
            wrong.

    Example:
        >>> translator = nmtcli.load("runs/one", beam=8)
        >>> translator("어제 비가 왔어요.")
        'It rained yesterday.'
    """
    if rerank is not None and rerank_reverse is not None:
        raise UsageError("only one run can rerank: give rerank or rerank_reverse, not both")
    reranking = rerank if rerank_reverse is None else rerank_reverse
    overrides = by_name(search, settings, ("search",))
    check_search_only(f"{section}.{key}" for section in overrides for key in overrides[section])
    if overrides.get("search", {}).get("rerank_weight") is not None and reranking is None:
        raise UsageError("rerank_weight needs a run that reranks: give rerank too")
    runtime = Runtime(engine, precision, threads, shortlist)
    runtime.check()
    rule = LinkRule(null, shift, normalize)
    asked_for = None if rule == DEFAULT_RULE else rule  # then a model without attention is refused
    given = config, (), overrides.get("search")
    translator = load_translator(run, checkpoint, *given, asked_for, runtime, tag)
    if translator.engine.has_attention:
        translator = replace(translator, link_rule=rule)
    if reranking is None:
        return translator
    from nmtcli.inference.reranker import load_reranker

    first = find_members(run, checkpoint)[0].run.path
    return load_reranker(translator, first, reranking, rerank_reverse is not None, runtime, tag)


def load_model(run: AnyPath | None = None, checkpoint: str = "best") -> "keras.Model":
    """Load the Keras model of a trained run, to look into it or to go on with it.

    Args:
        run: the folder of a run; None is the newest run under `./runs`.
        checkpoint: `best`, `last` or `step-N`.

    Returns:
        an `nmtcli.models.RNNTranslator` or `TransformerTranslator` in float32.

    Raises:
        UsageError: the run or the checkpoint does not exist.

    Example:
        >>> model = nmtcli.load_model("runs/one")
        >>> model.summary()
    """
    found = find_run(run)
    check_checkpoint_name(checkpoint)
    from nmtcli.engines.load import load_model as load_checkpoint

    return load_checkpoint(found, checkpoint)[1]
