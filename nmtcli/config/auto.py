"""Choose the values of unset options: the model, the training and the size of the vocabulary.

Model and training
------------------

A small corpus needs a small model, much dropout and many epochs; a large corpus needs the opposite.
There are four classes of corpora, by the number of target tokens:

| class  | target pieces | about        | RNN: embedding, states  | Transformer: layers, D, F, H   |
|--------|---------------|--------------|-------------------------|--------------------------------|
| tiny   | under 200 k   | 10,000 pairs | 128, 256, dropout 0.3   | 4+4, 128, 256, 4, dropout 0.3  |
| small  | under 3 M     | Multi30k     | 256, 512, dropout 0.4   | 4+4, 256, 512, 4, dropout 0.3  |
| medium | under 30 M    | 100 k to 1 M | 512, 1024, dropout 0.3  | 6+6, 512, 1024, 4, dropout 0.3 |
| large  | more          | over 1 M     | the same, 2 layers, 0.2 | 6+6, 512, 2048, 8, dropout 0.1 |

On a CPU, `medium` and `large` are half as wide (256, 512; D 256, F 1024), because training the
full size would take weeks. The `small` Transformer is half as wide too (D 128, F 256), because it
learns more in the same time.

Sources: the tiny Transformer follows Wu et al. (2021), arXiv:2105.14462 (D 128, F 256, 4 heads and
dropout 0.3 on Multi30k, where larger models were worse); small is a step larger; medium is the
usual setting for IWSLT; large is the base model of Vaswani et al. (2017), arXiv:1706.03762,
table 3. Small RNNs need much dropout and small batches: Sennrich and Zhang (2019),
arXiv:1905.11901, section 3.

Size of the vocabulary
----------------------

With much text, a model can learn many tokens. With little text, a large vocabulary has tokens that
are too rare to be learnt. Published results:

- Sennrich and Zhang (2019), arXiv:1905.11901, section 5: with 5,000 pairs 2,000 tokens beat 14,000.
- Ding et al. (2019), "A Call for Prudent Choice of Subword Merge Operations": with some 200,000
  pairs of talks a Transformer is best under 4,000 to 8,000, and loses up to 4 BLEU at 32,000.
- Gowda and May (2020), arXiv:2004.02334, section 5: the most tokens of which 95 % occur 100 times
  in training; for 30,000 to 500,000 pairs that is near 8,000, for millions 32,000 and more.

| pairs           | pieces |
|-----------------|--------|
| under 2,000     | 1,000  |
| under 10,000    | 2,000  |
| under 25,000    | 4,000  |
| under 500,000   | 8,000  |
| under 2,000,000 | 16,000 |
| more            | 32,000 |

If the characters alone need so many tokens that few are left for longer ones, as in Chinese, the
characters are added to this size. A text that has fewer different tokens gets all that it has.
"""

import math
from bisect import bisect
from typing import NamedTuple

from nmtcli.config.loading import Settings

RNN, TRANSFORMER = "rnn", "transformer"
TINY, SMALL, MEDIUM, LARGE = "tiny", "small", "medium", "large"
BOUNDS = ((200_000, TINY), (3_000_000, SMALL), (30_000_000, MEDIUM))  # target tokens

SIZES = {
    RNN: {  # embedding, states, attention, layers, dropout
        TINY: (128, 256, 128, 1, 0.3),
        SMALL: (256, 512, 256, 1, 0.4),
        MEDIUM: (512, 1024, 512, 1, 0.3),
        LARGE: (512, 1024, 512, 2, 0.2),
    },
    TRANSFORMER: {  # D, F, heads, layers, dropout
        TINY: (128, 256, 4, 4, 0.3),
        SMALL: (256, 512, 4, 4, 0.3),
        MEDIUM: (512, 1024, 4, 6, 0.3),
        LARGE: (512, 2048, 8, 6, 0.1),
    },
}
SMALLER_ON_CPU = {
    RNN: {MEDIUM: (256, 512, 256, 1, 0.2), LARGE: (256, 512, 256, 2, 0.1)},
    TRANSFORMER: {
        SMALL: (128, 256, 4, 4, 0.3),
        MEDIUM: (256, 1024, 4, 4, 0.2),
        LARGE: (256, 1024, 4, 6, 0.1),
    },
}

FEWEST_UPDATES = 100  # in an epoch: with fewer, a batch is too large a part of the corpus
SMALLEST_BATCH = 1000  # target positions
LARGEST_BATCH = {TINY: 3000, SMALL: 4000, MEDIUM: 8000, LARGE: 25_000}
LARGEST_BATCH_ON_CPU = 3000
LOGITS = 400_000_000  # numbers in a batch's (B x T, V) array: 1.6 GB in float32
PADDING = 0.85  # the share of a batch's positions that hold a token
UPDATES = {  # in a whole training
    RNN: {TINY: 3000, SMALL: 5000, MEDIUM: 50_000, LARGE: 150_000},
    TRANSFORMER: {TINY: 5000, SMALL: 8000, MEDIUM: 60_000, LARGE: 150_000},
}
MOST_EPOCHS = 100
FEWEST_EPOCHS = {TINY: 30, SMALL: 30, MEDIUM: 15, LARGE: 3}
AVERAGE = 0.999  # the training limits the average to a tenth of the updates

VOCABULARY_BOUNDS = (2_000, 10_000, 25_000, 500_000, 2_000_000)  # pairs
VOCABULARY_SIZES = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)  # below each bound, and above all
# A text has as many characters and words as it has.
VOCABULARY_CEILINGS = {"char": 16_000, "word": 32_000}


class Recommendation(NamedTuple):
    """Recommended values that belong together.

    values: section -> key -> value, as in a configuration.
    reason: the reason in a few words.
    """

    values: dict
    reason: str


def recommend(
    pairs: int,
    mean_target_pieces: float,
    vocabulary: int,
    device: str,
    architecture: str = RNN,
    embedding_size: int = 0,
    max_steps: int = 0,
) -> list[Recommendation]:
    """Recommend values for the sections model, training and validation.

    Args:
        pairs: the number of training pairs.
        mean_target_pieces: the mean number of target tokens of a pair, without EOS.
        vocabulary: V, the size of the target vocabulary.
        device: a text such as `CPU (2 threads)` or `1 GPU`; anything but a CPU counts as a GPU.
        architecture: `rnn` or `transformer`.
        embedding_size: the size that was set, which the learning rate must fit; 0 if unset.
        max_steps: the limit on updates that was set; 0 if unset.

    Raises:
        ValueError: there are no pairs, or the architecture is unknown.
    """
    if pairs < 1 or architecture not in UPDATES:
        raise ValueError(f"no defaults for {architecture!r} on {pairs} pairs")
    pieces = round(pairs * (mean_target_pieces + 1))  # EOS is learnt too
    size = next((name for bound, name in BOUNDS if pieces < bound), LARGE)
    on_cpu = device.upper().startswith("CPU")
    corpus = f"{pairs:,} pairs, {_short(pieces)} target pieces"
    smaller = SMALLER_ON_CPU[architecture] if on_cpu else {}
    half = ", half as wide for the processor" if size in smaller else ""
    model = _model(architecture, smaller.get(size) or SIZES[architecture][size])
    found = [Recommendation({"model": model}, f"a {size} corpus of {corpus}{half}")]
    batch, accumulate, reason = _batch(pieces, size, vocabulary, on_cpu)
    in_parts = {"accumulate": accumulate} if accumulate > 1 else {}
    found.append(Recommendation({"training": {"batch_tokens": batch, **in_parts}}, reason))
    updates = max(1, math.ceil(pieces / (PADDING * batch * accumulate)))  # in an epoch
    wanted = UPDATES[architecture][size]
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS[size], math.ceil(wanted / updates)))
    reason = f"{_about(epochs * updates)} updates of {_about(updates)} in an epoch, at most"
    found.append(Recommendation({"training": {"max_epochs": epochs}}, reason))
    reason = "about once in an epoch" if 100 <= updates <= 2000 else "not too often, nor too rarely"
    every = min(2000, max(100, _round(updates)))
    found.append(Recommendation({"validation": {"every": every}}, reason))
    model_size = embedding_size or model["embedding_size"]
    found.append(_rate(architecture, size, model_size, max_steps or epochs * updates))
    reason = "the mean of the weights of the last updates translates better than the last ones"
    found.append(Recommendation({"training": {"average_decay": AVERAGE}}, reason))
    return found


def fill_unset(
    settings: Settings, recommendations: list[Recommendation]
) -> tuple[Settings, dict, list[str]]:
    """Add recommended values to the settings for all unset options.

    Returns:
        the complete settings; the recommended values that were used, section -> key -> value; and
        a line for each recommendation that was used, such as
        `training.batch_tokens=3000: 130 updates in an epoch`.
    """
    taken: dict[str, dict] = {}
    lines = []
    for recommendation in recommendations:
        texts = []
        for section, keys in recommendation.values.items():
            for key, value in keys.items():
                if not settings.has(section, key):
                    taken.setdefault(section, {})[key] = value
                    texts.append(f"{section}.{key}={value}")
        if texts:
            lines.append(f"{' '.join(texts)}: {recommendation.reason}")
    return Settings().update(taken).below(settings), taken, lines


def _model(architecture: str, sizes: tuple) -> dict:
    """Return the section `model` for a row of `SIZES`."""
    embedding, inner, attention, layers, dropout = sizes
    if architecture == RNN:
        own = {"encoder_size": inner, "decoder_size": inner, "attention_size": attention}
    else:
        own = {"feed_forward_size": inner, "attention_heads": attention}
    stacked = {"encoder_layers": layers, "decoder_layers": layers}
    return {"embedding_size": embedding, **own, **stacked, "dropout": dropout}


def _batch(pieces: int, size: str, vocabulary: int, on_cpu: bool) -> tuple[int, int, str]:
    """Choose target positions of a batch and batches of an update; return them and the reason."""
    largest = LARGEST_BATCH_ON_CPU if on_cpu else LARGEST_BATCH[size]
    wanted = max(SMALLEST_BATCH, min(largest, _round(pieces / FEWEST_UPDATES / PADDING)))
    held = max(SMALLEST_BATCH, LOGITS // vocabulary)
    device = "the processor" if on_cpu else "the GPU"
    if held < wanted:
        accumulate = math.ceil(wanted / held)
        reason = f"{wanted:,} positions an update, in parts that fit in memory with"
        return wanted // accumulate, accumulate, f"{reason} {vocabulary:,} target pieces"
    if wanted == largest:
        return wanted, 1, f"as suits {device} and a {size} corpus"
    return wanted, 1, f"small, so that an epoch has near {FEWEST_UPDATES} updates"


def _rate(architecture: str, size: str, model_size: int, updates: int) -> Recommendation:
    """Choose a warm-up of a tenth of the training, and the highest rate that fits it."""
    if architecture == RNN:
        rate = 0.002 if size in (TINY, SMALL) else 0.001
        warmup = min(400, max(50, _round(updates / 10)))
        reason = "a rate for states of this size; the decay needs no known end"
    else:
        warmup = min(4000, max(100, _round(updates / 10)))
        # arXiv:1706.03762, equation 3 at its highest point, the end of the warm-up.
        rate = min(0.003, float(f"{(model_size * warmup) ** -0.5:.2g}"))
        reason = f"the rate of D {model_size} and this warm-up, a tenth of the training at most"
    values = {"learning_rate": rate, "warmup_steps": warmup, "schedule": "inverse-sqrt"}
    if architecture == TRANSFORMER:
        values["adam_beta_2"] = 0.98  # section 5.3
    return Recommendation({"training": values}, reason)


def _round(number: float) -> int:
    """Round a number to two significant digits."""
    return int(float(f"{number:.2g}"))


def _about(number: int) -> str:
    return f"{_round(number):,}"


def _short(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


class VocabularySize(NamedTuple):
    """A vocabulary size, and the reason for it in a few words."""

    pieces: int
    reason: str


def choose_size(pairs: int, kind: str) -> VocabularySize:
    """Choose the vocabulary size for a corpus.

    Args:
        pairs: the number of pairs that are kept.
        kind: `unigram`, `bpe`, `char` or `word`.
    """
    if kind in VOCABULARY_CEILINGS:
        reason = f"the most frequent ones, {kind}s of {pairs:,} pairs"
        return VocabularySize(VOCABULARY_CEILINGS[kind], reason)
    return VocabularySize(VOCABULARY_SIZES[bisect(VOCABULARY_BOUNDS, pairs)], f"{pairs:,} pairs")


def enlarge(size: VocabularySize, required: int) -> VocabularySize:
    """Enlarge the vocabulary size for a text whose characters alone need `required` tokens."""
    reason = f"{size.reason}, and {required:,} characters"
    return VocabularySize(required + size.pieces, reason)
