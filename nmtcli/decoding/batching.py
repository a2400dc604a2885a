"""Batches of sentences of similar length, which need little padding and have few shapes."""

from collections.abc import Iterator, Sequence

import numpy as np

from nmtcli.text.special_tokens import PAD_ID

MULTIPLE = 8  # lengths are rounded up to a multiple, so that few are compiled


def padded_length(length: int) -> int:
    """Round a length up to a multiple of `MULTIPLE`, at least to `MULTIPLE`."""
    return max(1, -(-length // MULTIPLE)) * MULTIPLE


def pad(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Pad lists of ids with PAD to one array, (B, padded length) int32."""
    ids = np.full((len(rows), padded_length(max(map(len, rows)))), PAD_ID, dtype=np.int32)
    for row, values in enumerate(rows):
        ids[row, : len(values)] = values
    return ids


def batches_by_length(lengths: Sequence[int], budget: int, beam: int = 1) -> Iterator[list[int]]:
    """Group sentences of similar length into batches, the longest first.

    Args:
        lengths: the length of each sentence, including EOS.
        budget: the most rows x beam x padded positions in a batch; a single sentence may exceed it.
        beam: how many rows each sentence takes.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        rows = max(1, budget // (beam * padded_length(lengths[order[start]])))
        yield order[start : start + rows]
        start += rows
