"""Constraints on the translations that a search may find: length, prefix and repeated n-grams.

For the letters see `nmtcli.decoding.engine`; N is the number of sentences in the running batch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nmtcli.text.special_tokens import EOS_ID

FREE = -1  # no token is forced here


class Constraints(NamedTuple):
    """The constraints on the translations of a batch of sentences.

    max_lengths: (B,) int64, the most tokens of a translation, including EOS.
    prefixes: (B, P) int32, the tokens that each translation must begin with, padded with `FREE`.
    no_repeat_ngram: n; no n-gram of tokens occurs twice in a translation, except in its forced
        tokens. 0 allows repetitions.
    """

    max_lengths: np.ndarray
    prefixes: np.ndarray
    no_repeat_ngram: int = 0

    @property
    def longest(self) -> int:
        return int(self.max_lengths.max(initial=0))

    @property
    def only_lengths(self) -> bool:
        """Return whether only the length is limited."""
        return not self.prefixes.shape[1] and not self.no_repeat_ngram

    def forced(self, sentences: np.ndarray, length: int) -> np.ndarray:
        """Return the only token allowed at position `length`, counted from 1, or `FREE`.

        Args:
            sentences: (N,) indices of the sentences among the B.

        Returns:
            (N,) int; EOS at a sentence's last position.
        """
        tokens = np.full(len(sentences), FREE)
        if length <= self.prefixes.shape[1]:
            tokens = self.prefixes[sentences, length - 1]
        return np.where(self.max_lengths[sentences] <= length, EOS_ID, tokens)


def make_constraints(
    source_ids: np.ndarray,
    max_lengths: np.ndarray,
    prefixes: Sequence[Sequence[int]] | None = None,
    no_repeat_ngram: int = 0,
) -> Constraints:
    """Check the constraints of a batch and pad them.

    Args:
        source_ids: (B, S).
        max_lengths: (B,).
        prefixes: token ids for each sentence, without BOS; None forces nothing.

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
    for row, tokens in enumerate(prefixes):
        if len(tokens) >= lengths[row]:
            raise ValueError(
                f"a prefix of {len(tokens)} tokens has no room in a translation of"
                f" {lengths[row]} with its end"
            )
        filled[row, : len(tokens)] = tokens
    return Constraints(lengths, filled, no_repeat_ngram)


def max_translation_length(options: Any, source_tokens: int) -> int:
    """Compute the most tokens that a translation may have, including EOS.

    Args:
        options: a `SearchConfig`.
        source_tokens: the number of the sentence's tokens, without EOS.
    """
    return int(options.max_length_factor * source_tokens) + options.max_length_margin


def repeating_tokens(tokens: np.ndarray, n: int) -> np.ndarray:
    """Find the next tokens that would repeat an n-gram.

    Args:
        tokens: (R, T), the tokens of each row so far.
        n: at least 1.

    Returns:
        (R, T - n + 1): a token for each place where the last n - 1 tokens occur earlier, `FREE`
        elsewhere.
    """
    rows, length = tokens.shape
    if length < n:
        return np.full((rows, 0), FREE, dtype=tokens.dtype)
    ngrams = np.lib.stride_tricks.sliding_window_view(tokens, n, axis=1)  # (R, T - n + 1, n)
    last = tokens[:, None, length - n + 1 :]
    found = (ngrams[:, :, : n - 1] == last).all(axis=2)
    return np.where(found, ngrams[:, :, n - 1], FREE)
