"""From text to text in one TensorFlow graph: subwords, model and beam search.

The one module that imports tensorflow-text, which not every machine with TensorFlow has: import
it where it is used.

Letters: B texts, S source pieces, K beam.
"""

import hashlib

import tensorflow as tf
import tensorflow_text as text_ops

from nmtcli.config import SearchConfig
from nmtcli.decoding.scoring import Scoring
from nmtcli.engines.compiled_beam import best_translations, run_beam
from nmtcli.text.special_tokens import EOS_ID, PAD_ID

# What Python's str.strip takes away, so that the same texts are empty here; RE2 has only ASCII's.
BLANK = "[" + "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "]*"
TEXTS = tf.TensorSpec([None], tf.string, name="text")


class TextGraph(tf.Module):
    """A translator whose variables, subword models and search are all in its graph.

    Args:
        model: an `RNNTranslator` in float32, on TensorFlow.
        source_model: the source's SentencePiece model, serialised.
        target_model: the target's.
        search: `beam`, the length penalty and the longest translation count.
    """

    def __init__(self, model, source_model: bytes, target_model: bytes, search: SearchConfig):
        super().__init__(name="translator")
        # The model itself is not an attribute: Keras would save graphs of its own with it.
        self.weights = [variable.value for variable in model.variables]
        self._source = _tokenizer(source_model)
        self._target = self._source if source_model == target_model else _tokenizer(target_model)
        self._search = search
        # A closure for the same reason: the graph reads the model, and no attribute holds it.
        self.translate = tf.function(
            lambda text: self._translate(model, text), input_signature=[TEXTS], autograph=False
        )
        self.tokenize = tf.function(self._tokenize, input_signature=[TEXTS], autograph=False)

    def _tokenize(self, text):
        """text (B,) -> ids (B, S) int32, without EOS, filled up with PAD; lengths (B,) int32."""
        pieces = self._source.tokenize(_normal(text))  # ragged (B, S)
        lengths = tf.cast(pieces.row_lengths(), tf.int32)
        return {"ids": pieces.to_tensor(PAD_ID), "lengths": lengths}

    def _translate(self, model, text):
        """text (B,) -> translation (B,) string, score (B,) float32; "" and 0 for a blank text."""
        text = _normal(text)
        pieces = self._source.tokenize(text)  # ragged (B, S)
        blank = tf.strings.regex_full_match(text, BLANK)
        lengths = tf.where(blank, 0, tf.cast(pieces.row_lengths(), tf.int32))
        ends = tf.fill([tf.shape(text)[0], 1], EOS_ID)
        source_ids = tf.concat([pieces, ends], axis=1).to_tensor(PAD_ID)  # (B, S)
        # One position more, because a model reads at least one, even where there is no text.
        source_ids = tf.pad(source_ids, [[0, 0], [0, 1]], constant_values=PAD_ID)
        limits = tf.where(lengths > 0, self._longest(lengths), 0)
        most = tf.reduce_max(tf.pad(limits, [[0, 1]], constant_values=1))
        steps = run_beam(model, source_ids, limits, self._search.beam, most, has_attention=False)
        check_numbers(steps.sums)
        found = best_translations(steps, Scoring.from_options(self._search))
        ids = tf.RaggedTensor.from_tensor(found.ids, lengths=found.lengths)
        return {
            "translation": tf.strings.regex_replace(self._target.detokenize(ids), "[\r\n]", " "),
            "score": tf.cast(found.scores, tf.float32),
        }

    def _longest(self, lengths):
        """Most pieces of a translation, EOS counted: (B,) -> (B,)."""
        factor, margin = self._search.max_length_factor, self._search.max_length_margin
        return tf.cast(tf.cast(lengths, tf.float64) * factor, tf.int32) + margin


def check_numbers(sums) -> None:
    """
    Raises:
        tf.errors.InvalidArgumentError: (when the graph runs) a log-probability is not a number.
    """
    are_numbers = tf.logical_not(tf.reduce_any(tf.math.is_nan(sums)))
    tf.debugging.Assert(are_numbers, ["the model's probabilities are not numbers"])


def _tokenizer(model: bytes):
    """A tokenizer with a name of its own.

    Tokenizers of one name become the same one when they are loaded, be they of one SavedModel or
    of several in a process (tensorflow/text#1304); those of one content may.
    """
    name = f"subwords_{hashlib.sha256(model).hexdigest()}"
    return text_ops.SentencepieceTokenizer(model=model, name=name)


def _normal(text):
    """Text in NFC; invalid UTF-8 becomes U+FFFD, as in `nmt translate`."""
    return text_ops.normalize_utf8(tf.strings.unicode_transcode(text, "UTF-8", "UTF-8"), "NFC")
