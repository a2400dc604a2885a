"""Word dropout: random tokens of the input become UNK."""

import numpy as np

from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID

KEPT = (PAD_ID, BOS_ID, EOS_ID)  # they mark where a sentence begins and ends


def drop_words(ids, rate, generator):
    """Replace each token independently by UNK with probability `rate`.

    Bowman et al. (2016), arXiv:1511.06349, section 3.1, replace words by UNK, so that the decoder
    does not rely on the previous word alone. Gal and Ghahramani (2016), arXiv:1512.05287, section
    4.2, and Sennrich et al. (2016), arXiv:1606.02891, set the embedding to zero instead, the former
    for all occurrences of a word together. With UNK, the model also learns to read the token that
    replaces characters outside the vocabulary.

    Args:
        ids: int, any shape. BOS, EOS and PAD are never replaced.
        rate: at least 0 and below 1; with 0 nothing is drawn.
        generator: a NumPy random generator.

    Returns:
        an array like `ids`; `ids` itself if the rate is 0.
    """
    if not rate:
        return ids
    dropped = (generator.random(ids.shape) < rate) & ~np.isin(ids, KEPT)
    return np.where(dropped, np.asarray(UNK_ID, ids.dtype), ids)
