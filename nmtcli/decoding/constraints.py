"""Which translations a search may find: how long they are, how they begin, what they repeat.

Letters as in `nmtcli.decoding.engine`; N sentences in the running batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.text.special_tokens import EOS_ID

FREE = -1  # no piece is forced here


class Space(NamedTuple):
    """The space of a batch of sentences.

    max_lengths: (B,) int64, most pieces of a translation, EOS counted.
    prefixes: (B, P) int32, the pieces that each translation begins with, filled up with `FREE`.
    no_repeat_ngram: n; no n pieces stand twice in a translation, but for what is forced. 0: off.
    """

    max_lengths: np.ndarray
    prefixes: np.ndarray
    no_repeat_ngram: int = 0

    @property
    def longest(self) -> int:
        return int(self.max_lengths.max(initial=0))

    @property
    def is_plain(self) -> bool:
        """Is nothing but the end forced, and may everything repeat?"""
        return not self.prefixes.shape[1] and not self.no_repeat_ngram

    def forced(self, sentences: np.ndarray, length: int) -> np.ndarray:
        """The only piece that may stand at position `length`, from 1, or `FREE`.

        Args:
            sentences: (N,) which of the B sentences are meant.

        Returns:
            (N,) int; EOS at a sentence's last position.
        """
        pieces = np.full(len(sentences), FREE)
        if length <= self.prefixes.shape[1]:
            pieces = self.prefixes[sentences, length - 1]
        return np.where(self.max_lengths[sentences] <= length, EOS_ID, pieces)


def make_space(
    source_ids: np.ndarray,
    max_lengths: np.ndarray,
    prefixes: Sequence[Sequence[int]] | None = None,
    no_repeat_ngram: int = 0,
) -> Space:
    """
    Args:
        source_ids: (B, S).
        max_lengths: (B,).
        prefixes: pieces for each sentence, without BOS; None: nothing is forced.

    Raises:
        ValueError: `max_lengths` is not one positive number for each sentence, or there is no room
            for a prefix and EOS.
    """
    lengths = np.asarray(max_lengths, dtype=np.int64)
    if lengths.shape != source_ids.shape[:1] or (lengths < 1).any():
        raise ValueError(f"max_lengths must be {len(source_ids)} positive numbers, not {lengths}")
    prefixes = [()] * len(source_ids) if prefixes is None else prefixes
    if len(prefixes) != len(source_ids):
        raise ValueError(f"{len(source_ids)} prefixes expected, received {len(prefixes)}")
    filled = np.full((len(prefixes), max(map(len, prefixes), default=0)), FREE, dtype=np.int32)
    for row, pieces in enumerate(prefixes):
        if len(pieces) >= lengths[row]:
            raise ValueError(
                f"a prefix of {len(pieces)} pieces has no room in a translation of"
                f" {lengths[row]} with its end"
            )
        filled[row, : len(pieces)] = pieces
    return Space(lengths, filled, no_repeat_ngram)


def repeating_pieces(pieces: np.ndarray, n: int) -> np.ndarray:
    """Which next pieces would complete an n-gram that is there already.

    Args:
        pieces: (R, T), the pieces so far of each row.
        n: at least 1.

    Returns:
        (R, T - n + 1): a piece for each place where the last n - 1 pieces stand earlier, `FREE`
        elsewhere.
    """
    rows, length = pieces.shape
    if length < n:
        return np.full((rows, 0), FREE, dtype=pieces.dtype)
    ngrams = np.lib.stride_tricks.sliding_window_view(pieces, n, axis=1)  # (R, T - n + 1, n)
    last = pieces[:, None, length - n + 1 :]
    found = (ngrams[:, :, : n - 1] == last).all(axis=2)
    return np.where(found, ngrams[:, :, n - 1], FREE)
