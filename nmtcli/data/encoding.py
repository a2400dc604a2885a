"""From pairs of text to pairs of ids on disk."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from nmtcli.config import Config
from nmtcli.data.filters import EMPTY, TOO_MANY_PIECES, Rejected
from nmtcli.data.readers import Pair
from nmtcli.data.shards import ShardWriter
from nmtcli.text.subwords import UNK_ID, Subwords
from nmtcli.text.token_alignment import token_links
from nmtcli.text.words import words_of_tokens

ENCODED_AT_ONCE = 2000  # pairs handed to SentencePiece together
REPORT_EVERY = ENCODED_AT_ONCE

ProgressCallback = Callable[[str, int, int], None]  # stage, done, total (0: not known)


@dataclass
class Counts:
    """What became of the pairs of one corpus; lists are sums over the kept pairs, by side."""

    read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # rule -> pairs
    kept: int = 0
    characters: list[int] = field(default_factory=lambda: [0, 0])
    pieces: list[int] = field(default_factory=lambda: [0, 0])
    unknown: list[int] = field(default_factory=lambda: [0, 0])  # pieces that are UNK


class CorpusPairs(NamedTuple):
    """A corpus to be encoded.

    pairs: those that the filters kept.
    total: how many there are, for progress.
    rejected: counts what was dropped before, and gets what has too many pieces.
    """

    pairs: Iterable[Pair]
    total: int
    rejected: Rejected


def sum_counts(parts: Sequence[Counts]) -> Counts:
    """The counts of all corpora together."""
    total = Counts()
    for part in parts:
        total.read, total.kept = total.read + part.read, total.kept + part.kept
        for rule, count in part.rejected.items():
            total.rejected[rule] = total.rejected.get(rule, 0) + count
        for name in ("characters", "pieces", "unknown"):
            sums = [a + b for a, b in zip(getattr(total, name), getattr(part, name))]
            setattr(total, name, sums)
    return total


class Encoder:
    """Cut pairs into pieces and write those that fit.

    Args:
        models: subwords of the source and of the target.
        config: limits of a pair and of a shard.
        on_progress: called as `("encode", done, total)`.
    """

    def __init__(self, models: Sequence[Subwords], config: Config, on_progress: ProgressCallback):
        self._models = models
        self._largest = max(model.size for model in models)
        self._max_pieces = config.subwords.max_pieces
        self._shard_pairs = config.data.shard_pairs
        self._progress = on_progress

    def write(
        self, parts: Sequence[CorpusPairs], folder: Path, with_links: bool = False
    ) -> list[Counts]:
        """Write the ids of corpora into shards, one after the other.

        Args:
            parts: the corpora.
            folder: for the shards.
            with_links: write links of pieces too; every pair must have links of words.

        Returns:
            the counts of each corpus.
        """
        writer = ShardWriter(folder, self._shard_pairs, self._largest, with_links)
        encode = self._encode_with_links if with_links else self._encode
        total, done, all_counts = sum(part.total for part in parts), 0, []
        for pairs, _, rejected in parts:
            pairs, counts = iter(pairs), Counts()
            while chunk := list(itertools.islice(pairs, ENCODED_AT_ONCE)):
                for pair, ids, links in encode(chunk):
                    if not all(ids):  # U+2581 alone, for one, has no piece
                        rejected.add(EMPTY, pair)
                    elif max(map(len, ids)) > self._max_pieces:
                        rejected.add(TOO_MANY_PIECES, pair)
                    else:
                        writer.append(*ids, links)
                        _count(counts, pair, ids)
                done += len(chunk)
                self._progress("encode", done, total)
            counts.rejected, counts.read = rejected.counts, rejected.total() + counts.kept
            all_counts.append(counts)
        writer.close()
        return all_counts

    def _encode(self, chunk: list[Pair]) -> Iterator[tuple[Pair, list[list[int]], list]]:
        sources = self._models[0].encode_batch([pair.source for pair in chunk])
        targets = self._models[1].encode_batch([pair.target for pair in chunk])
        for pair, *ids in zip(chunk, sources, targets):
            yield pair, ids, []

    def _encode_with_links(self, chunk: list[Pair]) -> Iterator[tuple[Pair, list[list[int]], list]]:
        sources = self._models[0].encode_batch_with_spans([pair.source for pair in chunk])
        targets = self._models[1].encode_batch_with_spans([pair.target for pair in chunk])
        for pair, *placed in zip(chunk, sources, targets):
            words = [words_of_tokens(pieces.text, pieces.spans) for pieces in placed]
            yield pair, [pieces.ids for pieces in placed], token_links(pair.links, *words)


def _count(counts: Counts, pair: Pair, ids: Sequence[list[int]]) -> None:
    counts.kept += 1
    for side, text in enumerate((pair.source, pair.target)):
        counts.characters[side] += len(text)
        counts.pieces[side] += len(ids[side])
        counts.unknown[side] += ids[side].count(UNK_ID)
