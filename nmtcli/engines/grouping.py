"""Convert the rows of a search into the sentences and hypotheses of a model.

Letters: B sentences before, N after; V hypotheses of a sentence before, W after; R rows.
"""

import numpy as np


def group(parents: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Find which sentences continue, and which earlier hypothesis each of their rows continues.

    If the rows of each sentence are adjacent and all sentences have the same number of rows, the
    rows become hypotheses. Otherwise each row becomes its own sentence: slower, with equal results.

    Args:
        parents: (R,) rows of the earlier state; hypothesis v of sentence b is row b V + v.
        width: V.

    Returns:
        sentences: (N,) int32, sentences of the earlier state.
        origins: (N, W) int32, below V; N W = R.
    """
    owners, origins = np.divmod(np.asarray(parents, dtype=np.int32), np.int32(width))
    begins = np.flatnonzero(np.diff(owners, prepend=-1))
    every = max(1, len(owners) // max(1, len(begins)))
    if np.array_equal(begins, np.arange(0, len(owners), every)):
        return owners[begins], origins.reshape(len(begins), every)
    return owners, origins[:, None]
