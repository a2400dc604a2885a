"""Is a SavedModel what its run is? Asked before it is put in its place."""

import math
from pathlib import Path

import numpy as np

from nmtcli.config import SearchConfig
from nmtcli.decoding.batching import pad
from nmtcli.decoding.beam import beam_search
from nmtcli.decoding.constraints import max_translation_length
from nmtcli.decoding.engine import Hypothesis, StepEngine
from nmtcli.decoding.scoring import Scoring
from nmtcli.text.lines import one_line
from nmtcli.text.special_tokens import EOS_ID
from nmtcli.text.subwords import Subwords

# Texts on which tokenizers differ: nothing, spaces, control pieces spelled out, the mark of a
# space, decomposed and compatibility Hangul, what only some programs take for a space.
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
)
SAMPLES = 8  # texts of random pieces, to be translated
# Programs that add in another order may choose differently between equals: that changes a text now
# and then, but no score by more than this.
TOLERANCE = 1e-3


def find_difference(
    folder: Path, engine: StepEngine, source: Subwords, target: Subwords, search: SearchConfig
) -> str | None:
    """Load a SavedModel and compare it with the package: ids of hard texts, translations of others.

    Args:
        folder: the SavedModel.
        engine: runs the same model.
        source, target: subwords.
        search: what the graph was made with.

    Returns:
        what it does otherwise than the package, or None.
    """
    import tensorflow as tf

    signatures = tf.saved_model.load(str(folder)).signatures
    samples = sample_texts(source)
    texts = [*HARD_TEXTS, *samples]
    served = signatures["tokenize"](text=tf.constant(texts))
    for text, ids, length in zip(texts, served["ids"].numpy(), served["lengths"].numpy()):
        if ids[:length].tolist() != source.encode(text):
            return f"cuts {text!r} into other pieces than the run"
    served = signatures["serving_default"](text=tf.constant(samples))
    other_texts = 0
    for text, words, score in zip(samples, served["translation"].numpy(), served["score"].numpy()):
        expected = _translate(engine, source.encode(text), search)
        if not math.isclose(score, expected.score, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return f"scores {text!r} {score:.4f}, the run {expected.score:.4f}"
        other_texts += words.decode() != one_line(target.decode(expected.ids))
    if other_texts > len(samples) // 2:
        return "translates otherwise than the run"
    return None


def sample_texts(subwords: Subwords) -> list[str]:
    """Texts of 1 to `SAMPLES` random pieces, the same each time."""
    random = np.random.default_rng(1)
    pieces = [random.integers(EOS_ID + 1, subwords.size, n + 1) for n in range(SAMPLES)]
    return [text for text in map(subwords.decode, pieces) if text.strip()]


def _translate(engine: StepEngine, ids: list[int], search: SearchConfig) -> Hypothesis:
    source_ids, longest = pad([[*ids, EOS_ID]]), max_translation_length(search, len(ids))
    scoring = Scoring.from_options(search)
    return beam_search(engine, source_ids, search.beam, scoring, np.array([longest]))[0][0]
