"""From pairs of text to pairs of ids on disk."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nmtcli.batches.shards import ShardWriter
from nmtcli.config import Config
from nmtcli.text.corpus import Pair, read_pairs
from nmtcli.text.filters import EMPTY, TOO_MANY_PIECES, Rejected
from nmtcli.text.subwords import UNK_ID, Subwords, normalise

ENCODED_AT_ONCE = 2000  # pairs handed to SentencePiece together
REPORT_EVERY = ENCODED_AT_ONCE

Progress = Callable[[str, int, int], None]  # stage, done, total (0: not known)


@dataclass
class Counts:
    """What became of the pairs of one corpus; lists are sums over the kept pairs, by side."""

    read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # rule -> pairs
    kept: int = 0
    characters: list[int] = field(default_factory=lambda: [0, 0])
    pieces: list[int] = field(default_factory=lambda: [0, 0])
    unknown: list[int] = field(default_factory=lambda: [0, 0])  # pieces that are UNK


def normalised_pairs(paths: tuple[Path, Path]) -> Iterator[Pair]:
    """The pairs of two files, in NFC."""
    for pair in read_pairs(*paths):
        yield pair._replace(source=normalise(pair.source), target=normalise(pair.target))


class Encoder:
    """Cut pairs into pieces and write those that fit.

    Args:
        models: subwords of the source and of the target.
        config: limits of a pair and of a shard.
        on_progress: called as `("encode", done, total)`.
    """

    def __init__(self, models: Sequence[Subwords], config: Config, on_progress: Progress):
        self._models = models
        self._largest = max(model.size for model in models)
        self._max_pieces = config.subwords.max_pieces
        self._shard_pairs = config.data.shard_pairs
        self._progress = on_progress

    def write(self, pairs: Iterable[Pair], total: int, rejected: Rejected, folder: Path) -> Counts:
        """Write the ids of pairs into shards.

        Args:
            pairs: those that the filters kept.
            total: how many there are, for progress.
            rejected: counts what was dropped before, and here gets what has too many pieces.
            folder: for the shards.

        Returns:
            the counts of the whole corpus.
        """
        writer, counts = ShardWriter(folder, self._shard_pairs, self._largest), Counts()
        pairs, done = iter(pairs), 0
        while chunk := list(itertools.islice(pairs, ENCODED_AT_ONCE)):
            sources = self._models[0].encode_batch([pair.source for pair in chunk])
            targets = self._models[1].encode_batch([pair.target for pair in chunk])
            for pair, *ids in zip(chunk, sources, targets):
                if not all(ids):  # U+2581 alone, for one, has no piece
                    rejected.add(EMPTY, pair)
                elif max(map(len, ids)) > self._max_pieces:
                    rejected.add(TOO_MANY_PIECES, pair)
                else:
                    writer.append(*ids)
                    _count(counts, pair, ids)
            done += len(chunk)
            self._progress("encode", done, total)
        writer.close()
        counts.rejected, counts.read = rejected.counts, rejected.total() + counts.kept
        return counts


def _count(counts: Counts, pair: Pair, ids: Sequence[list[int]]) -> None:
    counts.kept += 1
    for side, text in enumerate((pair.source, pair.target)):
        counts.characters[side] += len(text)
        counts.pieces[side] += len(ids[side])
        counts.unknown[side] += ids[side].count(UNK_ID)
