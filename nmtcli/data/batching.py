"""Batches of sentence pairs: a function of (lengths, shares, budget, seed, epoch) alone.

The pairs are shuffled, grouped by target length, sorted by source length within pools of a group,
and cut to the token budget; then the batches are shuffled. Lengths are padded up to a small fixed
set, so that a compiling backend sees few shapes.

Letters: B rows, S source positions, T target positions; S and T include EOS and padding.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID

POOL = 40  # batches sorted together by source length: enough for little padding and good mixing
LENGTHS = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256)


@dataclass(frozen=True)
class Batch:
    """The pairs of one batch and the shape to which they are padded."""

    pairs: np.ndarray  # indices of the pairs, at most `rows` of them
    rows: int  # B
    source_length: int  # S
    target_length: int  # T


class CorpusShare(NamedTuple):
    """The number of pairs and the weight of one corpus; the pairs are stored corpus by corpus."""

    pairs: int
    weight: float = 1.0


def padded_length(length):
    """Round `length` up to the next of the fixed lengths, or to a multiple of 64 beyond them."""
    length = np.asarray(length)
    position = np.searchsorted(LENGTHS, length)
    known = np.asarray(LENGTHS)[np.minimum(position, len(LENGTHS) - 1)]
    return np.where(position < len(LENGTHS), known, -(-length // 64) * 64)


def pairs_of_epoch(shares, seed, epoch) -> np.ndarray:
    """Return the indices of an epoch's pairs, corpus by corpus; some may occur more than once.

    A corpus is read in endless passes, each in another order, and an epoch takes the next `weight`
    of a pass. After any number of epochs, all pairs of a corpus have therefore been seen equally
    often, with a difference of at most one.

    Args:
        shares: the `CorpusShare` of each corpus, in order.
        seed: the seed of the run.
        epoch: the number of the epoch.
    """
    chosen, start = [np.zeros(0, np.int64)], 0
    for number, (count, weight) in enumerate(shares):
        size = max(1, round(weight * count)) if count else 0
        begin, end = epoch * size, (epoch + 1) * size
        for turn in range(begin // max(1, count), math.ceil(end / max(1, count))):
            order = np.random.default_rng((seed, number, turn, 1)).permutation(count)
            first, last = begin - turn * count, end - turn * count
            chosen.append(start + order[max(0, first) : min(count, last)])
        start += count
    return np.concatenate(chosen)


def plan_epoch(source_lengths, target_lengths, batch_tokens, seed, epoch, shares=()) -> list[Batch]:
    """Return the batches of one epoch, in order.

    Args:
        source_lengths: (N,), source tokens of each pair, without EOS.
        target_lengths: (N,), target tokens of each pair, without EOS.
        batch_tokens: the limit of B x T; the limit of B x S is twice that. A batch has at least
            one row.
        seed: the seed of the run.
        epoch: the number of the epoch.
        shares: the `CorpusShare` of each corpus, in order; if empty, an epoch has each pair once.
    """
    generator = np.random.default_rng((seed, epoch))
    pairs = len(source_lengths)
    if any(share.weight != 1 for share in shares):
        pairs = pairs_of_epoch(shares, seed, epoch)
    order = generator.permutation(pairs)
    padded = padded_length(np.asarray(target_lengths)[order] + 1)
    batches: list[Batch] = []
    for target_length in np.unique(padded):
        group = order[padded == target_length]
        batches += _group_batches(group, source_lengths, int(target_length), batch_tokens)
    return [batches[i] for i in generator.permutation(len(batches))]


def _group_batches(group, source_lengths, target_length, batch_tokens) -> list[Batch]:
    full = max(1, batch_tokens // target_length)
    batches = []
    for begin in range(0, len(group), POOL * full):
        pool = group[begin : begin + POOL * full]
        pool = pool[np.argsort(source_lengths[pool], kind="stable")]
        while len(pool):
            pairs, pool = _cut(pool, full, source_lengths, 2 * batch_tokens)
            source_length = int(padded_length(source_lengths[pairs[-1]] + 1))  # of the longest
            quarter = -(-full // 4)
            rows = min(full, -(-len(pairs) // quarter) * quarter)
            if rows * source_length > 2 * batch_tokens:
                rows = len(pairs)  # padding rows would exceed the budget
            batches.append(Batch(pairs, max(rows, len(pairs)), source_length, target_length))
    return batches


def _cut(pool, full, source_lengths, source_budget):
    """Take the first rows of a pool sorted by source length, fewer where sources are long."""
    rows = min(full, len(pool))
    while rows > 1 and rows * padded_length(source_lengths[pool[rows - 1]] + 1) > source_budget:
        rows = (rows + 1) // 2
    return pool[:rows], pool[rows:]


class Arrays(NamedTuple):
    """The arrays of one batch.

    source_ids: (B, S) int32, each row ends with EOS and padding.
    decoder_inputs: (B, T) int32, each row begins with BOS.
    targets: (B, T) int32, each row ends with EOS and padding.
    alignment: (B, T, S) float32, the reference of guided alignment; or None.
    """

    source_ids: np.ndarray
    decoder_inputs: np.ndarray
    targets: np.ndarray
    alignment: np.ndarray | None = None


def pad(sequences, rows, length) -> np.ndarray:
    """Return (rows, length) int32: each sequence with EOS, then PAD; further rows are all PAD."""
    padded = np.full((rows, length), PAD_ID, dtype=np.int32)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
        padded[row, len(sequence)] = EOS_ID
    return padded


def shift_right(targets) -> np.ndarray:
    """Return the decoder's inputs (B, T) for `targets` (B, T): BOS, then all but the last."""
    inputs = np.full_like(targets, BOS_ID)
    inputs[:, 1:] = targets[:, :-1]
    return inputs


def alignment_matrix(links, lengths, rows, source_length, target_length) -> np.ndarray:
    """Return the reference of guided alignment, (rows, T, S) float32.

    The row of a linked target token is spread evenly over the source tokens of its links (Chen et
    al. 2016, arXiv:1607.01628, section 3.1). The row of a token without links is zero, and so is
    that of padding. EOS is linked to EOS.

    Args:
        links: for each sentence (n, 2), pairs of a source and a target token, each pair once.
        lengths: for each sentence, the number of source and of target tokens, without EOS.
        rows: B; rows beyond the sentences are zero.
        source_length: S.
        target_length: T.
    """
    alignment = np.zeros((rows, target_length, source_length), dtype=np.float32)
    for row, (row_links, (source_end, target_end)) in enumerate(zip(links, lengths)):
        alignment[row, row_links[:, 1], row_links[:, 0]] = 1.0
        alignment[row, target_end, source_end] = 1.0
    return alignment / np.maximum(alignment.sum(axis=2, keepdims=True), 1.0)


def make_arrays(pairs, batch: Batch, with_alignment: bool = False) -> Arrays:
    """Read the pairs of a batch from disk and pad them.

    Args:
        pairs: the `Pairs` on disk.
        batch: the indices of the pairs, and the shape.
        with_alignment: whether to read the links too; `pairs.has_links` must be true.
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
    return arrays._replace(alignment=alignment_matrix(links, lengths, *shape))
