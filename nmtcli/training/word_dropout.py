"""Word dropout: whole pieces of the input made unknown."""

import numpy as np

from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID

KEPT = (PAD_ID, BOS_ID, EOS_ID)  # they tell where a sentence begins and ends, and are no words


def drop_words(ids, rate, generator):
    """Ids with each piece, by itself, replaced by UNK with probability `rate`.

    Bowman et al. (2016), arXiv:1511.06349, section 3.1, replace words by UNK, so that the decoder
    leans on more than the word before. Gal and Ghahramani (2016), arXiv:1512.05287, section 4.2,
    and Sennrich et al. (2016), arXiv:1606.02891, set the embedding to zero instead,
    the former of all occurrences of a word together. With UNK the model learns what stands for a
    missing word, and knows it when it meets a character that no piece has.

    Args:
        ids: int, any shape. BOS, EOS and PAD are never replaced.
        rate: at least 0 and under 1; with 0 nothing is drawn.
        generator: a NumPy random generator.

    Returns:
        an array like `ids`; `ids` itself with a rate of 0.
    """
    if not rate:
        return ids
    dropped = (generator.random(ids.shape) < rate) & ~np.isin(ids, KEPT)
    return np.where(dropped, np.asarray(UNK_ID, ids.dtype), ids)
