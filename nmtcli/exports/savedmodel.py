"""A trained run as a TensorFlow SavedModel that takes and returns text.

Whoever serves it needs TensorFlow and tensorflow-text (for the operations of the subword model),
not this package:

    import tensorflow as tf, tensorflow_text
    served = tf.saved_model.load("runs/one/export/savedmodel").signatures["serving_default"]
    served(text=tf.constant(["two dogs run"]))  # {"translation": ..., "score": ...}

    serving_default  text (B,) string -> translation (B,) string, score (B,) float32
    tokenize         text (B,) string -> ids (B, S) int32, padded with 0, lengths (B,) int32

A text is one line without its end. Unlike `nmt translate`, a text over `search.max_source_pieces`
is not split but translated whole, so cut long ones into sentences first. The width of the beam,
the length penalty and the longest translation are part of the graph.
"""

import importlib.metadata
import json
from pathlib import Path

from nmtcli import __version__, backend
from nmtcli.config import SearchConfig
from nmtcli.engines.load import load_model
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import atomic_directory
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import DESCRIPTION, check_place, require_tensorflow
from nmtcli.text.subwords import load_sides


def export_savedmodel(
    run: RunDirectory,
    checkpoint: str,
    search: SearchConfig,
    output,
) -> dict:
    """Write a SavedModel and check it; an older one at `output` stays until the new one is whole.

    Args:
        run: a trained run.
        checkpoint: `best`, `last` or `step-N`.
        search: what becomes part of the graph.
        output: the folder to make, or an older export.

    Returns:
        what `nmt.json` in the folder says.

    Raises:
        UsageError: not on TensorFlow, no tensorflow-text, or `output` is something else.
        NmtError: it could not be written, or translates otherwise than the run does.
    """
    require_tensorflow("a SavedModel")
    output = Path(output)
    check_place(output)
    graphs = _text_graph()
    from nmtcli.engines.keras_engine import KerasEngine
    from nmtcli.exports.savedmodel_check import find_difference

    step, model = load_model(run, checkpoint)
    source, target = load_sides(run.source_subwords, run.target_subwords)
    facts = _describe(checkpoint, step, search)
    with atomic_directory(output, replace=True) as folder:
        with backend.quiet_stderr():  # SentencePiece reports that it does not normalise
            graph = graphs.TextGraph(model, source.model_proto, target.model_proto, search)
            _save(graph, folder)
            difference = find_difference(folder, KerasEngine(model), source, target, search)
        if difference is not None:
            raise NmtError(f"the export {difference}; nothing was written")
        (folder / DESCRIPTION).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def _text_graph():
    """The module that needs tensorflow-text."""
    import tensorflow as tf

    try:
        with backend.quiet_stderr():
            from nmtcli.exports import savedmodel_graph as text_graph
    except (ImportError, tf.errors.NotFoundError) as error:  # not found: of another TensorFlow
        reason = str(error).splitlines()[0]
        raise UsageError(
            "a SavedModel needs tensorflow-text of TensorFlow's own version,"
            f" {tf.__version__} ({reason}): pip install tensorflow-text"
        ) from None
    return text_graph


def _save(graph, folder: Path) -> None:
    import tensorflow as tf

    signatures = {"serving_default": graph.translate, "tokenize": graph.tokenize}
    try:
        tf.saved_model.save(graph, str(folder), signatures=signatures)
    except tf.errors.OpError as error:  # how TensorFlow reports a full disk
        reason = error.message.splitlines()[0]
        raise NmtError(f"{folder.parent}: cannot be written ({reason}); nothing was kept") from None


def _describe(checkpoint: str, step: int, search: SearchConfig) -> dict:
    """What a person who finds the folder wants to know."""
    import keras
    import tensorflow as tf

    penalties = ("length_penalty", "length_penalty_kind")
    baked = ("beam", *penalties, "max_length_factor", "max_length_margin")
    return {
        "format": "savedmodel",
        "checkpoint": checkpoint,
        "step": step,
        "search": {name: getattr(search, name) for name in baked},
        "versions": {
            "nmtcli": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "tensorflow-text": importlib.metadata.version("tensorflow-text"),
        },
    }
