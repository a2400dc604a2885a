"""How far a SavedModel is from the run that it was made of."""

from unittest import mock

import numpy as np

from helpers.mechanism_cases import MECHANISMS, options_of
from helpers.tiny_run import make_tiny_run, tiny_corpus
from helpers.transformer_cases import TRANSFORMERS
from helpers.transformer_cases import options_of as transformer_options_of
from nmtcli.config import load as load_config
from nmtcli.exports.savedmodel import HARD_TEXTS, export_savedmodel
from nmtcli.inference.translator import load_translator

SERVER = """
import json, sys
import tensorflow as tf, tensorflow_text

def serve(signatures, texts):
    texts = tf.constant([t.encode("latin-1") for t in texts], tf.string)
    outputs = {**signatures["serving_default"](text=texts), **signatures["tokenize"](text=texts)}
    outputs["translation"] = [t.decode("utf-8") for t in outputs["translation"].numpy()]
    return {k: v if isinstance(v, list) else v.numpy().tolist() for k, v in outputs.items()}

task = json.load(sys.stdin)
loaded = {name: tf.saved_model.load(folder) for name, folder in task["folders"].items()}
result = {
    name: [serve(model.signatures, batch) for batch in task["batches"]]
    for name, model in loaded.items()
}
assert "nmtcli" not in sys.modules
json.dump(result, sys.stdout)
"""


RUNS = {
    "bahdanau-joint-bytes": {"joint": True, "byte_fallback": True, "beam": 4},
    "none-lstm": {"attention": "none", "cell": "lstm", "beam": 4, "end_bias": 9.0, "seed": 2},
    "luong-dot-deep": {"attention": "luong-dot", "layers": 2, "beam": 1, "end_bias": 1.0},
}


HARD = [*HARD_TEXTS, "\t", "\u3000", "\u2028 ", "\x1c\x85", "</s>", "\ufeff가나", "a\x00b", "⁇ \r"]


PLAIN = [korean for korean, _ in tiny_corpus(20, seed=5)]


BROKEN = [b"\xea\xb0 \xff\xfe ab", b"\xed\xa0\x80 \xf4\x90\x80\x80 \xc3"]


def export_difference(name, folder):
    """How far the scores of a mechanism's SavedModel are from the package's, at most. The
    translations must be the same texts."""
    if name in TRANSFORMERS:
        options = transformer_options_of(name)
    else:
        options = options_of(MECHANISMS[name]) | {"attention_positions": 9}
    run = make_tiny_run(folder / "run", model=options, beam=3, end_bias=1.0)
    # Its own comparison with the run is left out, for this is one.
    with mock.patch("nmtcli.exports.savedmodel.find_difference", return_value=None):
        export_savedmodel(run, "best", load_config(run.config).search, folder / "savedmodel")
    served = _answers(folder / "savedmodel", PLAIN[:10])
    expected = list(load_translator(run.path).translate_lines(PLAIN[:10]))
    assert [text.decode() for text in served["translation"].tolist()] == [t.text for t in expected]
    assert len({t.text for t in expected}) > 5, "the test tests little"
    return np.abs(served["score"] - [t.score for t in expected]).max()


def _answers(folder, texts):
    """What a SavedModel says in this process: arrays by name."""
    import tensorflow as tf

    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return {name: x.numpy() for name, x in signature(text=tf.constant(texts)).items()}
