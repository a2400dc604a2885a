"""How many pieces suit a corpus whose user did not say.

Much text can teach many pieces; of little text, a large vocabulary makes pieces that are seen too
seldom to be learnt. What is known:

- Sennrich and Zhang (2019), arXiv:1905.11901, section 5: with 5,000 pairs 2,000 pieces beat 14,000.
- Ding et al. (2019), "A Call for Prudent Choice of Subword Merge Operations": with some 200,000
  pairs of talks a Transformer is best under 4,000 to 8,000, and loses up to 4 BLEU at 32,000.
- Gowda and May (2020), arXiv:2004.02334, section 5: as many pieces as leave 95 % of them seen 100
  times in training; for 30,000 to 500,000 pairs that is near 8,000, for millions 32,000 and more.

| pairs           | pieces |
|-----------------|--------|
| under 2,000     | 1,000  |
| under 10,000    | 2,000  |
| under 25,000    | 4,000  |
| under 500,000   | 8,000  |
| under 2,000,000 | 16,000 |
| more            | 32,000 |

Where the characters alone need so many pieces that little is left for longer ones, as in Chinese,
they come on top. A text from which so many pieces cannot be made gets as many as it has.
"""

from typing import NamedTuple

TABLE = ((2_000, 1_000), (10_000, 2_000), (25_000, 4_000), (500_000, 8_000), (2_000_000, 16_000))
LARGEST = 32_000
CEILINGS = {"char": 16_000, "word": 32_000}  # a text has as many characters and words as it has


class VocabularySize(NamedTuple):
    """A number of pieces and why, a few words."""

    pieces: int
    reason: str


def choose_size(pairs: int, kind: str) -> VocabularySize:
    """The size for a corpus.

    Args:
        pairs: that are kept.
        kind: `unigram`, `bpe`, `char` or `word`.
    """
    if kind in CEILINGS:
        return VocabularySize(CEILINGS[kind], f"the most frequent ones, {kind}s of {pairs:,} pairs")
    pieces = next((pieces for bound, pieces in TABLE if pairs < bound), LARGEST)
    return VocabularySize(pieces, f"{pairs:,} pairs")


def enlarge(size: VocabularySize, required: int) -> VocabularySize:
    """The size for a text whose characters alone need `required` pieces."""
    pieces = required + size.pieces
    return VocabularySize(pieces, f"{size.reason}, and {required:,} characters")
