"""From planned pairs to padded arrays."""

from typing import NamedTuple

import numpy as np

from nmtcli.data.batching import Batch
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID


class Arrays(NamedTuple):
    """source_ids (B, S) and targets (B, T) end with EOS; decoder_inputs (B, T) begin with BOS.

    alignment: (B, T, S) float32, what a guided alignment should look like, see `alignment_of`.
    """

    source_ids: np.ndarray
    decoder_inputs: np.ndarray
    targets: np.ndarray
    alignment: np.ndarray | None = None


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


def alignment_of(links, lengths, rows, source_length, target_length) -> np.ndarray:
    """(rows, T, S) float32: how a guided alignment spreads each target piece over the source.

    A row of a linked piece is spread evenly over the source pieces that it is linked with (Chen et
    al. 2016, arXiv:1607.01628, section 3.1); that of a piece without a link is zero, as is
    padding. EOS belongs to EOS.

    Args:
        links: for each sentence (n, 2), pairs of a source and a target piece, each pair once.
        lengths: for each sentence, pieces of source and target without EOS.
        rows: B; further ones are zero.
        source_length: S.
        target_length: T.
    """
    alignment = np.zeros((rows, target_length, source_length), dtype=np.float32)
    for row, (of_row, (source_end, target_end)) in enumerate(zip(links, lengths)):
        alignment[row, of_row[:, 1], of_row[:, 0]] = 1.0
        alignment[row, target_end, source_end] = 1.0
    return alignment / np.maximum(alignment.sum(axis=2, keepdims=True), 1.0)


def make_arrays(pairs, batch: Batch, with_alignment: bool = False) -> Arrays:
    """Read a batch's pairs from disk.

    Args:
        pairs: `Pairs`, the ids on disk.
        batch: which of them, and the shape.
        with_alignment: read the links too; only where `pairs.has_links`.
    """
    sources = [pairs.source(i) for i in batch.pairs]
    targets = [pairs.target(i) for i in batch.pairs]
    source = pad(sources, batch.rows, batch.source_length)
    target = pad(targets, batch.rows, batch.target_length)
    arrays = Arrays(source, shift_right(target), target)
    if not with_alignment:
        return arrays
    lengths = [(len(s), len(t)) for s, t in zip(sources, targets)]
    links = [pairs.links(i) for i in batch.pairs]
    shape = batch.rows, batch.source_length, batch.target_length
    return arrays._replace(alignment=alignment_of(links, lengths, *shape))
