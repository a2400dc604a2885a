"""Which pairs make up which batch: a function of (lengths, shares, budget, seed, epoch) alone.

Pairs are shuffled, grouped by target length, sorted by source length within pools of a group, cut
to the token budget, and the batches are shuffled. Lengths are padded up to a small fixed set, so
that a compiling backend sees few shapes.

Letters: B rows, S source positions, T target positions, all with EOS and padding.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID

POOL = 40  # batches sorted together by source length: large enough to fit, small enough to mix
LENGTHS = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256)


@dataclass(frozen=True)
class Batch:
    """Pairs of one batch and the shape they are padded to."""

    pairs: np.ndarray  # indices, at most `rows` of them
    rows: int  # B
    source_length: int  # S
    target_length: int  # T


class CorpusShare(NamedTuple):
    """A corpus among the pairs, which stand corpus by corpus: how many it has, and its weight."""

    pairs: int
    weight: float = 1.0


def padded_length(length):
    """The smallest of the fixed lengths that holds `length`; beyond them, multiples of 64."""
    length = np.asarray(length)
    position = np.searchsorted(LENGTHS, length)
    known = np.asarray(LENGTHS)[np.minimum(position, len(LENGTHS) - 1)]
    return np.where(position < len(LENGTHS), known, -(-length // 64) * 64)


def pairs_of_epoch(shares, seed, epoch) -> np.ndarray:
    """Indices of the pairs that an epoch sees, corpus by corpus; some of them more than once.

    Each corpus is an endless row of passes over it, each in another order, and an epoch takes the
    next `weight` of a pass. So all of its pairs have been seen as often as each other, give or take
    one, after any number of epochs.

    Args:
        shares: of each corpus, in order.
        seed: of the run.
        epoch: number of the epoch.
    """
    chosen, start = [np.zeros(0, np.int64)], 0
    for number, (count, weight) in enumerate(shares):
        wanted = max(1, round(weight * count)) if count else 0
        begin, end = epoch * wanted, (epoch + 1) * wanted
        for turn in range(begin // max(1, count), math.ceil(end / max(1, count))):
            order = np.random.default_rng((seed, number, turn, 1)).permutation(count)
            first, last = begin - turn * count, end - turn * count
            chosen.append(start + order[max(0, first) : min(count, last)])
        start += count
    return np.concatenate(chosen)


def plan_epoch(source_lengths, target_lengths, batch_tokens, seed, epoch, shares=()) -> list[Batch]:
    """The batches of one epoch, in order.

    Args:
        source_lengths: (N,), pieces without EOS.
        target_lengths: (N,), pieces without EOS.
        batch_tokens: B x T at most, and B x S at most twice that; one row at least.
        seed: of the run.
        epoch: number of the epoch.
        shares: of each corpus, in order; none: an epoch sees each pair once.
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
        lengths = np.asarray(source_lengths)[pool] + 1
        pool = pool[np.argsort(lengths, kind="stable")]
        while len(pool):
            pairs, pool = _cut(pool, full, source_lengths, 2 * batch_tokens)
            source_length = int(padded_length(int(np.max(source_lengths[pairs])) + 1))
            quarter = -(-full // 4)
            rows = min(full, -(-len(pairs) // quarter) * quarter)
            if rows * source_length > 2 * batch_tokens:
                rows = len(pairs)  # padding rows would break the budget that the pairs keep
            batches.append(Batch(pairs, max(rows, len(pairs)), source_length, target_length))
    return batches


def _cut(pool, full, source_lengths, source_budget):
    """Take rows off the front of a pool sorted by source length, fewer where sources are long."""
    rows = min(full, len(pool))
    while (
        rows > 1 and rows * padded_length(int(source_lengths[pool[rows - 1]]) + 1) > source_budget
    ):
        rows = (rows + 1) // 2
    return pool[:rows], pool[rows:]


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
