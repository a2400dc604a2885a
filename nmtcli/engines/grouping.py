"""Rows become sentences: a search speaks of rows, a model of the hypotheses of a sentence.

Letters: B sentences before and N after, V hypotheses of each before and W after, R rows.
"""

import numpy as np


def group(parents: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Which sentences go on, and from which of its hypotheses each of theirs does.

    Rows of one sentence that stand together become its hypotheses if it is so of all sentences with
    one number of rows; else each row becomes a sentence of its own: slower, with the same result.

    Args:
        parents: (R,) rows of the state before, whose row v of sentence b is b V + v.
        width: V.

    Returns:
        sentences: (N,) int32, of the state before.
        origins: (N, W) int32, below V; N W = R.
    """
    owners, origins = np.divmod(np.asarray(parents, dtype=np.int32), np.int32(width))
    begins = np.flatnonzero(np.diff(owners, prepend=-1))
    every = max(1, len(owners) // max(1, len(begins)))
    if np.array_equal(begins, np.arange(0, len(owners), every)):
        return owners[begins], origins.reshape(len(begins), every)
    return owners, origins[:, None]
