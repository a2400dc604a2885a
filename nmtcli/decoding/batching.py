"""Batches of sentences of similar length: they need less padding and have few shapes."""

from collections.abc import Iterator, Sequence

import numpy as np

from nmtcli.text.special_tokens import PAD_ID

MULTIPLE = 8  # lengths are padded to a multiple of this, so that a compiling engine sees few


def padded_length(length: int) -> int:
    """The next multiple of `MULTIPLE`; at least one of them."""
    return max(1, -(-length // MULTIPLE)) * MULTIPLE


def pad(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Lists of ids as one array, (B, padded length) int32, filled up with PAD."""
    ids = np.full((len(rows), padded_length(max(map(len, rows)))), PAD_ID, dtype=np.int32)
    for row, values in enumerate(rows):
        ids[row, : len(values)] = values
    return ids


def batches_by_length(lengths: Sequence[int], budget: int, beam: int = 1) -> Iterator[list[int]]:
    """Which sentences make a batch together, the longest first.

    Args:
        lengths: of each sentence, EOS counted.
        budget: most rows x beam x padded positions of a batch; a single sentence may exceed it.
        beam: rows that each sentence takes.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        rows = max(1, budget // (beam * padded_length(lengths[order[start]])))
        yield order[start : start + rows]
        start += rows
