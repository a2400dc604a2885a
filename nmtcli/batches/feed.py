"""From planned pairs to padded arrays."""

from typing import NamedTuple

import numpy as np

from nmtcli.batches.plan import Batch
from nmtcli.text.piece_ids import BOS_ID, EOS_ID, PAD_ID


class Arrays(NamedTuple):
    """source_ids (B, S) and targets (B, T) end with EOS; decoder_inputs (B, T) begin with BOS."""

    source_ids: np.ndarray
    decoder_inputs: np.ndarray
    targets: np.ndarray


def pad(sequences, rows, length) -> np.ndarray:
    """(rows, length) int32: each sequence, EOS, and PAD; further rows are all PAD."""
    padded = np.full((rows, length), PAD_ID, dtype=np.int32)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
        padded[row, len(sequence)] = EOS_ID
    return padded


def shift_right(targets) -> np.ndarray:
    """What the decoder reads to produce `targets` (B, T): BOS, then all but the last."""
    inputs = np.full_like(targets, BOS_ID)
    inputs[:, 1:] = targets[:, :-1]
    return inputs


def make_arrays(pairs, batch: Batch) -> Arrays:
    """Read a batch's pairs from disk.

    Args:
        pairs: `Pairs`, the ids on disk.
        batch: which of them, and the shape.
    """
    source = pad([pairs.source(i) for i in batch.pairs], batch.rows, batch.source_length)
    targets = pad([pairs.target(i) for i in batch.pairs], batch.rows, batch.target_length)
    return Arrays(source, shift_right(targets), targets)
