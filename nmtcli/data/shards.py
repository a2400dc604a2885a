"""Pairs of id sequences on disk, as plain memory-mapped NumPy arrays.

    00000.source.tokens.npy   uint16 (uint32 for 65536 pieces or more), all sequences end to end
    00000.source.offsets.npy  int64, n + 1: sequence i is tokens[offsets[i]:offsets[i + 1]]
    00000.target.…            the same for the other side
    00000.links.tokens.npy    uint32, where the text is aligned: source piece, target
                              piece, source piece, ... of all links of all pairs end to end
    00000.links.offsets.npy   int64, n + 1: as above, so each difference is twice a number of links
    shards.json               pairs in each shard, and if there are links; written last

EOS is not stored. A corpus may be larger than memory: only what is looked at is read.
"""

import json
from array import array
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from nmtcli.data.batching import CorpusShare
from nmtcli.errors import NmtError
from nmtcli.runs.atomic import write_atomically

SIDES = ("source", "target")
LINKS = "links"
INDEX = "shards.json"


class ShardWriter:
    """Write pairs one by one; memory is bounded by one shard.

    Args:
        folder: where the shards go; made if missing.
        shard_pairs: pairs in a shard; the last one may hold fewer.
        vocabulary_size: V of the larger side; decides the type of the tokens.
        with_links: every pair has links too.
    """

    def __init__(
        self, folder: Path, shard_pairs: int, vocabulary_size: int, with_links: bool = False
    ):
        if shard_pairs < 1 or not 0 < vocabulary_size <= 2**32:
            raise ValueError(f"no shards of {shard_pairs} pairs over {vocabulary_size} pieces")
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shard_pairs = shard_pairs
        self._vocabulary_size = vocabulary_size
        self._token_type = "H" if vocabulary_size < 2**16 else "I"
        self._names = (*SIDES, LINKS) if with_links else SIDES
        self._counts: list[int] = []
        self._start_shard()

    def append(self, source_ids, target_ids, links=()) -> None:
        """Add one pair of sequences of ids, without BOS and EOS.

        Args:
            links: pairs of a source piece and a target piece, for a writer with links.

        Raises:
            ValueError: an id is not in [0, V), or a link is outside the pair.
        """
        pair = list(source_ids), list(target_ids)
        for ids in pair:
            if ids and not (min(ids) >= 0 and max(ids) < self._vocabulary_size):
                raise ValueError(f"ids must be in [0, {self._vocabulary_size})")
        if not all(0 <= s < len(pair[0]) and 0 <= t < len(pair[1]) for s, t in links):
            raise ValueError("a link must be between pieces of the pair")
        flat = [piece for link in links for piece in link]
        for column, values in enumerate((*pair, flat)[: len(self._names)]):
            self._tokens[column].extend(values)
            self._offsets[column].append(len(self._tokens[column]))
        if len(self._offsets[0]) > self._shard_pairs:
            self._finish_shard()

    def close(self) -> None:
        """Write the last shard and the index, without which the folder does not count."""
        if len(self._offsets[0]) > 1:
            self._finish_shard()
        index = {"pairs": self._counts}
        if LINKS in self._names:
            index[LINKS] = True
        write_atomically(self._folder / INDEX, json.dumps(index) + "\n")

    def _start_shard(self) -> None:
        # A place in a sentence may be beyond 65535 where no piece's number is.
        types = [self._token_type, self._token_type, "I"][: len(self._names)]
        self._tokens = [array(kind) for kind in types]
        self._offsets = [array("q", [0]) for _ in types]

    def _finish_shard(self) -> None:
        for name, tokens, offsets in zip(self._names, self._tokens, self._offsets):
            stem = f"{len(self._counts):05d}.{name}"
            _save(self._folder / f"{stem}.tokens.npy", tokens)
            _save(self._folder / f"{stem}.offsets.npy", offsets)
        self._counts.append(len(self._offsets[0]) - 1)
        self._start_shard()


class Pairs:
    """Read-only sequence of pairs over all shards of a folder.

    Args:
        folder: what a `ShardWriter` closed.
        shares: the corpora that the pairs come from; none: one.

    `has_links` tells whether its writer had links.

    Raises:
        NmtError: a file is missing, cut short or does not fit the others; it is named.
    """

    def __init__(self, folder: Path, shares: Sequence[CorpusShare] = ()):
        self.folder, self.shares = Path(folder), tuple(shares)
        counts, self.has_links = _read_index(self.folder / INDEX)
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
        self._sides = {
            side: [_open_side(self.folder, f"{i:05d}.{side}", n) for i, n in enumerate(counts)]
            for side in ((*SIDES, LINKS) if self.has_links else SIDES)
        }

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def source_lengths(self) -> np.ndarray:
        """Pieces of every source sequence, int32, (N,)."""
        return self._lengths("source")

    @cached_property
    def target_lengths(self) -> np.ndarray:
        """Pieces of every target sequence, int32, (N,)."""
        return self._lengths("target")

    def check(self) -> None:
        """Look at all offsets, which opening does not.

        Raises:
            NmtError: the lengths make no sense.
        """
        for name in self._sides:
            self._lengths(name)

    def source(self, i: int) -> np.ndarray:
        """Ids of source sequence i: a read-only view of the file, uint16 or uint32, (S,)."""
        return self._sequence("source", i)

    def target(self, i: int) -> np.ndarray:
        """Ids of target sequence i: a read-only view of the file, uint16 or uint32, (T,)."""
        return self._sequence("target", i)

    def links(self, i: int) -> np.ndarray:
        """Links of pair i, source piece and target piece: int32, (n, 2).

        Raises:
            NmtError: these pairs have no links.
        """
        if not self.has_links:
            raise NmtError(f"{self.folder}: without links; give them to {LINK_COMMAND}")
        return self._sequence(LINKS, i).astype(np.int32).reshape(-1, 2)

    def _sequence(self, side: str, i: int) -> np.ndarray:
        if not 0 <= i < len(self):
            raise IndexError(f"pair {i} of {len(self)}")
        shard = int(np.searchsorted(self._starts, i, side="right")) - 1
        tokens, offsets = self._sides[side][shard]
        row = i - int(self._starts[shard])
        return tokens[offsets[row] : offsets[row + 1]]

    def _lengths(self, side: str) -> np.ndarray:
        parts = [np.diff(offsets).astype(np.int32) for _, offsets in self._sides[side]]
        lengths = np.concatenate([np.zeros(0, np.int32), *parts])
        if lengths.size and lengths.min() < 0:
            raise NmtError(f"{self.folder}: {side} offsets are damaged; {_REMEDY}")
        return lengths


LINK_COMMAND = "nmt preprocess --alignments FILE"
_REMEDY = "run nmt preprocess again with --force"


def _save(path: Path, values: array) -> None:
    # `np.save` reports a full disk without the reason that the system gave; `write` keeps it.
    flat = np.frombuffer(values, dtype=values.typecode) if len(values) else np.zeros(0, "u2")
    with open(path, "wb") as stream:
        header = np.lib.format.header_data_from_array_1_0(flat)
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(memoryview(flat))


def _read_index(path: Path) -> tuple[list[int], bool]:
    """Pairs in each shard, and whether they have links."""
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        counts, has_links = index["pairs"], index.get(LINKS, False) is True
    except FileNotFoundError:
        raise NmtError(f"{path}: missing; {_REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise NmtError(f"{path}: damaged; {_REMEDY}") from None
    if not isinstance(counts, list) or not all(isinstance(n, int) and n > 0 for n in counts):
        raise NmtError(f"{path}: damaged; {_REMEDY}")
    return counts, has_links


def _open_side(folder: Path, stem: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and offsets of one side of one shard, checked against each other."""
    offsets_path = folder / f"{stem}.offsets.npy"
    tokens_path = folder / f"{stem}.tokens.npy"
    offsets = _map(offsets_path, (np.int64,))
    tokens = _map(tokens_path, (np.uint16, np.uint32))
    if len(offsets) != count + 1 or offsets[0] != 0:
        raise NmtError(f"{offsets_path}: should hold {count} pairs; {_REMEDY}")
    if len(tokens) != offsets[-1]:
        raise NmtError(
            f"{tokens_path}: holds {len(tokens)} tokens, not {int(offsets[-1])}; {_REMEDY}"
        )
    return tokens, offsets


def _map(path: Path, types: tuple) -> np.ndarray:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise NmtError(f"{path}: missing; {_REMEDY}") from None
    except (OSError, ValueError, EOFError):
        raise NmtError(f"{path}: damaged or cut short; {_REMEDY}") from None
    if values.ndim != 1 or values.dtype not in types:
        raise NmtError(f"{path}: damaged ({values.dtype} of {values.shape}); {_REMEDY}")
    return np.asarray(values)  # slices of a plain array cost a fifth of a memmap's
