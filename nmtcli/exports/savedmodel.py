"""Export a trained run as a TensorFlow SavedModel that takes and returns text.

Serving it needs TensorFlow and tensorflow-text (for the operations of the subword model), but not
this package:

    import tensorflow as tf, tensorflow_text
    served = tf.saved_model.load("runs/one/export/savedmodel").signatures["serving_default"]
    served(text=tf.constant(["two dogs run"]))  # {"translation": ..., "score": ...}

    serving_default  text (B,) string -> translation (B,) string, score (B,) float32
    tokenize         text (B,) string -> ids (B, S) int32, padded with 0, lengths (B,) int32

A text is one line without its end. Unlike in `nmt translate`, a text that is longer than
`search.max_source_pieces` is not split, so split long texts into sentences first. The beam size,
the length penalty and the length limit are part of the graph.
"""

import math
from pathlib import Path

import numpy as np

from nmtcli import backend
from nmtcli.config import SearchConfig
from nmtcli.decoding.batching import pad
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.constraints import max_translation_length
from nmtcli.decoding.engine import Hypothesis, StepEngine
from nmtcli.decoding.scoring import Scoring
from nmtcli.engines.load import load_model
from nmtcli.errors import NmtError, UsageError
from nmtcli.exports.checks import (
    TOLERANCE,
    check_possible,
    sample_texts,
    versions,
    write_description,
)
from nmtcli.inference.loading import find_tags
from nmtcli.runs.atomic import atomic_directory
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.lines import one_line
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import NO_TAGS, SourceTags, with_tag

# The options of the search that are part of the graph.
BAKED = ("beam", "length_penalty", "length_penalty_kind", "max_length_factor", "max_length_margin")
# Texts on which tokenizers differ: empty text, spaces, spelled-out control tokens, the mark of a
# space, decomposed and compatibility Hangul, characters that only some programs treat as a space.
HARD_TEXTS = (
    "",
    "   ",
    " a  b ",
    "<s> </s> <pad> <unk>",
    "▁ a▁b ▁▁",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 한글",
    "ㅋㅋ ㅠㅠ",
    "e\u0301 \ufb01 ½ Ａ",
    "😀 👩\u200d👩\u200d👧",
    "a\tb\u00a0c\u3000d\u0085e\u2028f\x0bg\ufeffh",
    "\u200b\u3164\u200d",
    "a\u00adb\u200bc\u034f\u0301",
)


def export_savedmodel(run: RunDirectory, checkpoint: str, search: SearchConfig, output) -> dict:
    """Write a SavedModel and check it; an older one at `output` stays until it is complete.

    Args:
        run: a trained run.
        checkpoint: `best`, `last` or `step-N`.
        search: the options of the search, which become part of the graph.
        output: the folder to make, or an older export.

    Returns:
        the content of `nmt.json` in the folder.

    Raises:
        UsageError: not on TensorFlow, no tensorflow-text, or `output` is something else.
        NmtError: it could not be written, or it translates differently from the run.
    """
    output = check_possible("a SavedModel", output, run=run)
    graphs = _text_graph()
    from nmtcli.engines.keras_engine import KerasEngine

    step, model = load_model(run, checkpoint)
    (source, target), tags = run.load_subwords(), find_tags(run)
    facts = {
        "format": "savedmodel",
        "checkpoint": checkpoint,
        "step": step,
        "search": {name: getattr(search, name) for name in BAKED},
        "versions": versions(["tensorflow-text"]),
    }
    with atomic_directory(output, replace=True) as folder:
        with backend.quiet_stderr():  # SentencePiece reports that it does not normalise
            models = source.model_proto, target.model_proto
            _save(graphs.TextGraph(model, *models, search, source.rule, tags), folder)
            difference = find_difference(folder, KerasEngine(model), source, target, search, tags)
        if difference is not None:
            raise NmtError(f"the export {difference}; nothing was written")
        write_description(folder, facts)
    return facts


def _text_graph():
    """Import the module that needs tensorflow-text."""
    import tensorflow as tf

    try:
        with backend.quiet_stderr():
            from nmtcli.exports import savedmodel_graph as text_graph
    except (ImportError, tf.errors.NotFoundError) as error:  # built for another TensorFlow
        reason = str(error).splitlines()[0]
        raise UsageError(
            "a SavedModel needs tensorflow-text of TensorFlow's own version,"
            f" {tf.__version__} ({reason}): pip install tensorflow-text, which Linux and Macs with"
            " Apple's processors have; nmt export --format onnx needs it nowhere"
        ) from None
    return text_graph


def _save(graph, folder: Path) -> None:
    import tensorflow as tf

    signatures = {"serving_default": graph.translate, "tokenize": graph.tokenize}
    try:
        tf.saved_model.save(graph, str(folder), signatures=signatures)
    except tf.errors.OpError as error:  # TensorFlow reports a full disk so
        reason = error.message.splitlines()[0]
        raise NmtError(f"{folder.parent}: cannot be written ({reason}); nothing was kept") from None


def find_difference(
    folder: Path,
    engine: StepEngine,
    source: Subwords,
    target: Subwords,
    search: SearchConfig,
    tags: SourceTags = NO_TAGS,
) -> str | None:
    """Load a SavedModel and compare it with the package: ids of hard texts, and translations.

    Args:
        folder: the SavedModel.
        engine: an engine with the same model.
        source, target: the subwords of each side.
        search: the options that the graph was made with.
        tags: the tags of the run.

    Returns:
        a description of the difference, or None.
    """
    import tensorflow as tf

    def encode(text: str) -> list[int]:
        line = tags.of_line(source.normalise(text))
        return source.encode(with_tag(line.tag, line.text))

    signatures = tf.saved_model.load(str(folder)).signatures
    samples = sample_texts(source)
    texts = [*HARD_TEXTS, *samples]
    served = signatures["tokenize"](text=tf.constant(texts))
    for text, ids, length in zip(texts, served["ids"].numpy(), served["lengths"].numpy()):
        if ids[:length].tolist() != encode(text):
            return f"cuts {text!r} into other pieces than the run"
    served = signatures["serving_default"](text=tf.constant(samples))
    other_texts = 0
    for text, words, score in zip(samples, served["translation"].numpy(), served["score"].numpy()):
        expected = _translate(engine, encode(text), search)
        if not math.isclose(score, expected.score, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return f"scores {text!r} {score:.4f}, the run {expected.score:.4f}"
        other_texts += words.decode() != one_line(target.decode(expected.ids))
    if other_texts > len(samples) // 2:
        return "translates otherwise than the run"
    return None


def _translate(engine: StepEngine, ids: list[int], search: SearchConfig) -> Hypothesis:
    source_ids, longest = pad([[*ids, EOS_ID]]), max_translation_length(search, len(ids))
    scoring = Scoring.from_options(search)
    return beam_search(engine, source_ids, search.beam, scoring, np.array([longest]))[0][0]
