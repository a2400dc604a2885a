"""Which pieces translate which, learned from the training text: a vocabulary shortlist.

Letters: N pairs, C co-occurrences (a target position with a source position of its pair), K types
of them (a source piece with a target piece), V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.data.shards import Pairs
from nmtcli.data.shortlist import Shortlist, ranges
from nmtcli.text.special_tokens import EOS_ID

FREQUENT = 3000  # target pieces that every sentence allows
BEST = 50  # that a source piece allows
SMALLEST_PROBABILITY = 1e-3
ROUNDS = 3  # more would leave few translations of what has one as a phrase alone
MOST = 20_000_000  # co-occurrences; they and what is computed of them take about 60 bytes each


class Lexicon(NamedTuple):
    """p(target | source) of the K types, which are sorted by both pieces.

    source, target: (K,) int64. probability: (K,) float64.
    """

    source: np.ndarray
    target: np.ndarray
    probability: np.ndarray


def learn_shortlist(
    pairs: Pairs,
    source_pieces: Sequence[str],
    target_pieces: Sequence[str],
    frequent: int = FREQUENT,
    best: int = BEST,
) -> Shortlist:
    """The shortlist of a training text.

    A source piece allows its most probable translations and the target piece that is spelled as it
    is (of names and numbers); every sentence allows the most frequent target pieces and EOS.

    Args:
        pairs: of the text; where there are more than `MOST` co-occurrences, every n-th pair counts.
        source_pieces, target_pieces: the piece of every id.
        frequent: how many of the most frequent target pieces are always allowed.
        best: most translations of a source piece.
    """
    vocabulary = len(target_pieces)
    source, target = _sample(pairs)
    lexicon = learn_lexicon(source, target, vocabulary)
    order = np.lexsort((lexicon.target, -lexicon.probability, lexicon.source))
    ranks = ranges(np.bincount(lexicon.source, minlength=len(source_pieces)))
    order = order[(ranks < best) & (lexicon.probability[order] >= SMALLEST_PROBABILITY)]
    counts = np.bincount(np.concatenate(target), minlength=vocabulary)
    always = np.argsort(-counts, kind="stable")[:frequent]
    always = np.append(always[counts[always] > 0], EOS_ID)
    ids = {piece: number for number, piece in enumerate(target_pieces)}
    copies = [(i, ids[piece]) for i, piece in enumerate(source_pieces) if piece in ids]
    copies = np.array(copies, dtype=np.int64).reshape(-1, 2)
    keys = np.unique(
        np.concatenate(
            [
                lexicon.source[order] * vocabulary + lexicon.target[order],
                copies[:, 0] * vocabulary + copies[:, 1],
                EOS_ID * vocabulary + always,
            ]
        )
    )
    offsets = np.searchsorted(keys, np.arange(len(source_pieces) + 1) * vocabulary)
    return Shortlist(offsets.astype(np.int64), (keys % vocabulary).astype(np.int32), vocabulary)


def learn_lexicon(
    source: Sequence[np.ndarray], target: Sequence[np.ndarray], vocabulary: int
) -> Lexicon:
    """IBM model 1: after `ROUNDS` of expectation and maximisation from equal probabilities.

    EOS is the empty word, from which a target piece comes that no source piece explains.

    Reference: Brown et al. (1993), "The Mathematics of Statistical Machine Translation", section
    4.2, equations 14 and 16.

    Args:
        source, target: the N pairs' pieces, without EOS.
        vocabulary: V of the target.
    """
    lengths = np.array([len(pieces) + 1 for pieces in source], dtype=np.int64)  # with EOS
    target_lengths = np.array([len(pieces) for pieces in target], dtype=np.int64)
    end = np.array([EOS_ID])
    flat_source = np.concatenate([part for pieces in source for part in (pieces, end)])
    flat_target = np.concatenate(target).astype(np.int64)
    # Each target position with every source position of its pair, those of a target side by side.
    fan = np.repeat(lengths, target_lengths)
    begins = np.repeat(np.cumsum(lengths) - lengths, target_lengths)
    keys = flat_source[np.repeat(begins, fan) + ranges(fan)].astype(np.int64) * vocabulary
    keys += np.repeat(flat_target, fan)  # (C,)
    types, places = np.unique(keys, return_inverse=True)
    del keys
    places, heads = places.astype(np.int32), np.cumsum(fan) - fan
    sources, probability = types // vocabulary, np.ones(len(types))
    for _ in range(ROUNDS):
        shares = probability[places]
        shares /= np.repeat(np.add.reduceat(shares, heads), fan)
        counts = np.bincount(places, shares, minlength=len(types))
        probability = counts / np.bincount(sources, counts)[sources]
    return Lexicon(sources, types % vocabulary, probability)


def _sample(pairs: Pairs) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Source and target of the pairs that are learned from."""
    total = np.dot(pairs.source_lengths.astype(np.int64) + 1, pairs.target_lengths)
    chosen = range(0, len(pairs), max(1, -(-int(total) // MOST)))
    return [pairs.source(i) for i in chosen], [pairs.target(i) for i in chosen]
