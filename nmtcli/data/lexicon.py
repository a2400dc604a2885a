"""Learn a lexical translation table (IBM model 1), and a vocabulary shortlist from it.

Letters: N pairs, C co-occurrences (a target position with a source position of its pair), K types
of co-occurrences (a source token with a target token), V the size of the target vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmtcli.data.shards import Pairs
from nmtcli.data.shortlist import Shortlist, ranges
from nmtcli.text.special_tokens import EOS_ID

FREQUENT = 3000  # target tokens that every sentence allows
BEST = 50  # target tokens that a source token allows
SMALLEST_PROBABILITY = 1e-3
ITERATIONS = 3  # more would leave few translations of tokens that are translated only in phrases
LARGEST_SAMPLE = 20_000_000  # co-occurrences; each takes about 60 bytes while learning
MOST_PAIRS = 1_000_000  # of the sample; each takes about 250 bytes while learning


class Lexicon(NamedTuple):
    """The probabilities p(target | source) of the K types, sorted by source and target token.

    source, target: (K,) int64, token ids.
    probability: (K,) float64.
    """

    source: np.ndarray
    target: np.ndarray
    probability: np.ndarray


def learn_shortlist(
    pairs: Pairs,
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    frequent: int = FREQUENT,
    best: int = BEST,
) -> Shortlist:
    """Learn the shortlist of a training text.

    A source token allows its most probable translations and the target token with the same text
    (for names and numbers). Every sentence allows the most frequent target tokens and EOS.

    Args:
        pairs: the training pairs; of a text with more than `LARGEST_SAMPLE` co-occurrences, only
            every n-th pair is used.
        source_tokens, target_tokens: the token of every id.
        frequent: the number of the most frequent target tokens, which are always allowed.
        best: the largest number of translations of a source token.
    """
    vocabulary = len(target_tokens)
    source, target = _sample(pairs)
    lexicon = learn_lexicon(source, target, vocabulary)
    order = np.lexsort((lexicon.target, -lexicon.probability, lexicon.source))
    ranks = ranges(np.bincount(lexicon.source, minlength=len(source_tokens)))
    order = order[(ranks < best) & (lexicon.probability[order] >= SMALLEST_PROBABILITY)]
    counts = np.bincount(np.concatenate(target), minlength=vocabulary)
    always = np.argsort(-counts, kind="stable")[:frequent]
    always = np.append(always[counts[always] > 0], EOS_ID)
    ids = {token: number for number, token in enumerate(target_tokens)}
    copies = [(i, ids[token]) for i, token in enumerate(source_tokens) if token in ids]
    copies = np.array(copies, dtype=np.int64).reshape(-1, 2)
    translations = lexicon.source[order] * vocabulary + lexicon.target[order]
    copies = copies[:, 0] * vocabulary + copies[:, 1]
    keys = np.unique(np.concatenate([translations, copies, EOS_ID * vocabulary + always]))
    offsets = np.searchsorted(keys, np.arange(len(source_tokens) + 1) * vocabulary)
    return Shortlist(offsets.astype(np.int64), (keys % vocabulary).astype(np.int32), vocabulary)


def learn_lexicon(
    source: Sequence[np.ndarray], target: Sequence[np.ndarray], vocabulary: int
) -> Lexicon:
    """Estimate IBM model 1 with `ITERATIONS` of expectation maximisation from a uniform start.

    The source's EOS is the empty word, which explains target tokens that no source token explains.

    Reference: Brown et al. (1993), "The Mathematics of Statistical Machine Translation", section
    4.2, equations 14 and 16.

    Args:
        source, target: the token ids of the N pairs, without EOS.
        vocabulary: V, the size of the target vocabulary.
    """
    lengths = np.array([len(ids) + 1 for ids in source], dtype=np.int64)  # with EOS
    target_lengths = np.array([len(ids) for ids in target], dtype=np.int64)
    end = np.array([EOS_ID])
    flat_source = np.concatenate([array for ids in source for array in (ids, end)])
    flat_target = np.concatenate(target).astype(np.int64)
    # Each target position with every source position of its pair; those of a target are adjacent.
    fan = np.repeat(lengths, target_lengths)
    begins = np.repeat(np.cumsum(lengths) - lengths, target_lengths)
    keys = flat_source[np.repeat(begins, fan) + ranges(fan)].astype(np.int64) * vocabulary
    keys += np.repeat(flat_target, fan)  # (C,)
    types, places = np.unique(keys, return_inverse=True)
    del keys
    places, heads = places.astype(np.int32), np.cumsum(fan) - fan
    sources, probability = types // vocabulary, np.ones(len(types))
    for _ in range(ITERATIONS):
        shares = probability[places]
        shares /= np.repeat(np.add.reduceat(shares, heads), fan)
        counts = np.bincount(places, shares, minlength=len(types))
        probability = counts / np.bincount(sources, counts)[sources]
    return Lexicon(sources, types % vocabulary, probability)


def _sample(pairs: Pairs) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the source and target ids of every n-th pair, so that memory stays bounded."""
    total = np.dot(pairs.source_lengths.astype(np.int64) + 1, pairs.target_lengths)
    parts = -(-int(total) // LARGEST_SAMPLE), -(-len(pairs) // MOST_PAIRS)
    chosen = range(0, len(pairs), max(1, *parts))
    return [pairs.source(i) for i in chosen], [pairs.target(i) for i in chosen]
