"""The encoder of prepared data: from pairs of text to pairs of token ids on disk."""

import itertools
from collections import Counter
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

ProgressCallback = Callable[[str, int, int], None]  # stage, done, total (0 if unknown)


@dataclass
class Counts:
    """Counts of one corpus; each list has the sums over the kept pairs for source and target."""

    read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # rule -> number of pairs
    kept: int = 0
    characters: list[int] = field(default_factory=lambda: [0, 0])
    pieces: list[int] = field(default_factory=lambda: [0, 0])  # tokens
    unknown: list[int] = field(default_factory=lambda: [0, 0])  # tokens that are UNK


class CorpusPairs(NamedTuple):
    """A corpus to encode.

    pairs: the pairs that the filters kept.
    total: the number of these pairs, for the progress.
    rejected: the pairs dropped so far; pairs with too many tokens are added.
    """

    pairs: Iterable[Pair]
    total: int
    rejected: Rejected


def sum_counts(counts: Sequence[Counts]) -> Counts:
    """Return the sum of the counts of all corpora."""
    rejected = sum((Counter(one.rejected) for one in counts), Counter())
    total = Counts(sum(one.read for one in counts), dict(rejected), sum(one.kept for one in counts))
    for name in ("characters", "pieces", "unknown"):
        setattr(total, name, [sum(side) for side in zip(*(getattr(one, name) for one in counts))])
    return total


@dataclass(frozen=True)
class Encoder:
    """Encodes pairs into token ids and writes those that are not too long.

    models: the subword models of source and target.
    config: the limits of a pair and of a shard.
    on_progress: called with `("encode", done, total)`.
    """

    models: Sequence[Subwords]
    config: Config
    on_progress: ProgressCallback

    def write(
        self, corpora: Sequence[CorpusPairs], folder: Path, with_links: bool = False
    ) -> list[Counts]:
        """Write the token ids of the corpora into shards, one corpus after the other.

        Args:
            corpora: the corpora.
            folder: the folder of the shards.
            with_links: whether to write token alignments; every pair must have a word alignment.

        Returns:
            the counts of each corpus.
        """
        largest = max(model.size for model in self.models)
        writer = ShardWriter(folder, self.config.data.shard_pairs, largest, with_links)
        encode = self._encode_with_links if with_links else self._encode
        total, done, all_counts = sum(corpus.total for corpus in corpora), 0, []
        for pairs, _, rejected in corpora:
            pairs, counts = iter(pairs), Counts()
            while chunk := list(itertools.islice(pairs, ENCODED_AT_ONCE)):
                for pair, ids, links in encode(chunk):
                    if not all(ids):  # a line of U+2581 alone has no token
                        rejected.add(EMPTY, pair)
                    elif max(map(len, ids)) > self.config.subwords.max_pieces:
                        rejected.add(TOO_MANY_PIECES, pair)
                    else:
                        writer.append(*ids, links)
                        _count(counts, pair, ids)
                done += len(chunk)
                self.on_progress("encode", done, total)
            counts.rejected, counts.read = rejected.counts, rejected.total() + counts.kept
            all_counts.append(counts)
        writer.close()
        return all_counts

    def _encode(self, chunk: list[Pair]) -> Iterator[tuple[Pair, list[list[int]], list]]:
        sources = self.models[0].encode_batch([pair.source for pair in chunk])
        targets = self.models[1].encode_batch([pair.target for pair in chunk])
        for pair, *ids in zip(chunk, sources, targets):
            yield pair, ids, []

    def _encode_with_links(self, chunk: list[Pair]) -> Iterator[tuple[Pair, list[list[int]], list]]:
        sources = self.models[0].encode_batch_with_spans([pair.source for pair in chunk])
        targets = self.models[1].encode_batch_with_spans([pair.target for pair in chunk])
        for pair, *sides in zip(chunk, sources, targets):
            words = [words_of_tokens(tokens.text, tokens.spans) for tokens in sides]
            yield pair, [tokens.ids for tokens in sides], token_links(pair.links, *words)


def _count(counts: Counts, pair: Pair, ids: Sequence[list[int]]) -> None:
    counts.kept += 1
    for side, text in enumerate((pair.source, pair.target)):
        counts.characters[side] += len(text)
        counts.pieces[side] += len(ids[side])
        counts.unknown[side] += ids[side].count(UNK_ID)
