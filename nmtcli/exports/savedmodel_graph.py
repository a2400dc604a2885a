"""One TensorFlow graph from text to text: subwords, model and beam search.

Only this module imports tensorflow-text, which not every machine with TensorFlow has; so import
this module only where it is used.

Letters: B texts, S source tokens, K beam.
"""

import hashlib
import re

import tensorflow as tf
import tensorflow_text as text_ops

from nmtcli.config import SearchConfig
from nmtcli.decoding.scoring import Scoring
from nmtcli.models.beam_search import best_translations, run_beam
from nmtcli.text import normalization
from nmtcli.text.special_tokens import EOS_ID, PAD_ID
from nmtcli.text.tags import SourceTags


def pattern_of(ranges: normalization.Ranges) -> str:
    """Return a pattern for one of these code points."""
    return "[" + "".join(f"\\x{{{a:X}}}-\\x{{{b:X}}}" for a, b in ranges) + "]"


# The characters that Python's str.strip removes, so that the same texts are empty; RE2's are ASCII.
BLANK = "[" + "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "]*"
UNSEEN = f"{pattern_of(normalization.UNSEEN)}*"


TEXTS = tf.TensorSpec([None], tf.string, name="text")


class TextGraph(tf.Module):
    """A translator with its variables, subword models and search in one graph.

    Args:
        model: an `RNNTranslator` in float32, on TensorFlow.
        source_model: the source's SentencePiece model, serialised.
        target_model: the target's SentencePiece model, serialised.
        search: the options; the beam, the length penalty and the length limit count.
        rule: how text is normalised, see `nmtcli.text.normalization`.
        tags: the tags of the source.
    """

    def __init__(
        self,
        model,
        source_model: bytes,
        target_model: bytes,
        search: SearchConfig,
        rule: str,
        tags: SourceTags,
    ):
        super().__init__(name="translator")
        self._rule, self._tag = rule, tags.default
        self._own_tag = f" *({'|'.join(map(re.escape, tags.known))}) *" if tags.known else None
        # The model itself is not an attribute: Keras would save its own graphs with it.
        self.weights = [variable.value for variable in model.variables]
        self._source = _tokenizer(source_model)
        self._target = self._source if source_model == target_model else _tokenizer(target_model)
        self._search = search
        # A closure for the same reason: the graph uses the model, but no attribute holds it.
        self.translate = tf.function(
            lambda text: self._translate(model, text), input_signature=[TEXTS], autograph=False
        )
        self.tokenize = tf.function(self._tokenize, input_signature=[TEXTS], autograph=False)

    def _tokenize(self, text):
        """Encode text (B,): ids (B, S) int32, without EOS, padded with PAD; lengths (B,) int32."""
        pieces = self._source.tokenize(self._tagged(normalised(text, self._rule)))  # ragged (B, S)
        lengths = tf.cast(pieces.row_lengths(), tf.int32)
        return {"ids": pieces.to_tensor(PAD_ID), "lengths": lengths}

    def _translate(self, model, text):
        """Translate text (B,): translation (B,), score (B,) float32; "" and 0 for a blank text."""
        text = self._tagged(normalised(text, self._rule))
        pieces = self._source.tokenize(text)  # ragged (B, S)
        blank = tf.strings.regex_full_match(text, BLANK)
        lengths = tf.where(blank, 0, tf.cast(pieces.row_lengths(), tf.int32))
        ends = tf.fill([tf.shape(text)[0], 1], EOS_ID)
        source_ids = tf.concat([pieces, ends], axis=1).to_tensor(PAD_ID)  # (B, S)
        # One more position, because a model reads at least one, even if there is no text.
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

    def _tagged(self, text):
        """Put the tag of the run before each text, unless it is blank or begins with a tag."""
        tagged = text
        if self._tag:
            tagged = tf.strings.join([self._tag, text], separator=" ")
        if self._own_tag:
            is_own = tf.strings.regex_full_match(text, f"(?s){self._own_tag}.*")
            own = tf.strings.regex_replace(text, f"^{self._own_tag}", r"\1 ", replace_global=False)
            untagged = tf.strings.regex_replace(own, f"^{self._own_tag}", "", replace_global=False)
            tagged = tf.where(is_own, own, tagged)
            text = tf.where(is_own, untagged, text)
        return tf.where(tf.strings.regex_full_match(text, BLANK), "", tagged)

    def _longest(self, lengths):
        """Compute the most tokens of a translation, including EOS: (B,) -> (B,)."""
        factor, margin = self._search.max_length_factor, self._search.max_length_margin
        return tf.cast(tf.cast(lengths, tf.float64) * factor, tf.int32) + margin


def check_numbers(sums) -> None:
    """Check log-probabilities when the graph runs.

    Raises:
        tf.errors.InvalidArgumentError: a log-probability is not a number.
    """
    are_numbers = tf.logical_not(tf.reduce_any(tf.math.is_nan(sums)))
    tf.debugging.Assert(are_numbers, ["the model's probabilities are not numbers"])


def _tokenizer(model: bytes):
    """Make a tokenizer with a unique name.

    Tokenizers of the same name become one when they are loaded, from one SavedModel or from several
    in a process (tensorflow/text#1304). Only those of the same content may share a name.
    """
    name = f"subwords_{hashlib.sha256(model).hexdigest()}"
    return text_ops.SentencepieceTokenizer(model=model, name=name)


def normalised(text, rule: str):
    """Normalise text as `nmtcli.text.normalization` does; invalid UTF-8 becomes U+FFFD."""
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
    if rule == normalization.CLEAN:
        text = tf.strings.regex_replace(text, pattern_of(normalization.BECOME_SPACE), " ")
        text = tf.strings.regex_replace(text, pattern_of(normalization.GO), "")
        text = tf.where(tf.strings.regex_full_match(text, UNSEEN), "", text)
    return text_ops.normalize_utf8(text, "NFC")
