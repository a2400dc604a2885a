"""Shards: pairs of token id sequences on disk, as memory-mapped NumPy arrays.

    00000.source.tokens.npy   uint16 (uint32 for 65536 tokens or more), all sequences end to end
    00000.source.offsets.npy  int64, n + 1: sequence i is tokens[offsets[i]:offsets[i + 1]]
    00000.target.…            the same for the target
    00000.links.tokens.npy    uint32, if the text is aligned: source token, target token, source
                              token, ... of all links of all pairs end to end
    00000.links.offsets.npy   int64, n + 1: as above; each difference is twice a number of links
    shards.json               the number of pairs in each shard, and whether there are links;
                              written last

EOS is not stored. A corpus may be larger than memory: only the parts in use are read.
"""

import json
from array import array
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from nmtcli.data.batching import CorpusShare
from nmtcli.errors import NmtError
from nmtcli.runs.arrays import map_array
from nmtcli.runs.atomic import write_atomically
from nmtcli.runs.reading import read_json

SIDES = ("source", "target")
LINKS = "links"
INDEX = "shards.json"
LONGEST = 2**31 - 1  # tokens of a sequence
LARGEST_SHARD = 50_000_000  # tokens of a side, after which a shard ends before it is full


class ShardWriter:
    """Writes pairs one by one; memory is bounded by one shard.

    Args:
        folder: the folder of the shards; it is made if missing.
        shard_pairs: the number of pairs in a shard; the last one may have fewer.
        vocabulary_size: V of the larger side, which decides the type of the token ids.
        with_links: whether every pair has links too.

    Raises:
        ValueError: `shard_pairs` or `vocabulary_size` is out of range.
    """

    def __init__(
        self, folder: Path, shard_pairs: int, vocabulary_size: int, with_links: bool = False
    ):
        if shard_pairs < 1 or not 0 < vocabulary_size <= 2**32:
            raise ValueError(
                f"shard_pairs must be at least 1 and vocabulary_size from 1 to 2**32, not"
                f" {shard_pairs} and {vocabulary_size}"
            )
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shard_pairs = shard_pairs
        self._vocabulary_size = vocabulary_size
        self._token_type = "H" if vocabulary_size < 2**16 else "I"
        self._names = (*SIDES, LINKS) if with_links else SIDES
        self._counts: list[int] = []
        self._start_shard()

    def append(self, source_ids, target_ids, links=()) -> None:
        """Add one pair of token id sequences, without BOS and EOS.

        Args:
            source_ids, target_ids: the sequences.
            links: (source token, target token) pairs, for a writer with links.

        Raises:
            ValueError: an id is not in [0, V), or a link is outside the pair.
        """
        pair = list(source_ids), list(target_ids)
        for ids in pair:
            if ids and not (min(ids) >= 0 and max(ids) < self._vocabulary_size):
                raise ValueError(f"ids must be in [0, {self._vocabulary_size})")
        if not all(0 <= s < len(pair[0]) and 0 <= t < len(pair[1]) for s, t in links):
            raise ValueError("a link must be between tokens of the pair")
        flat = [position for link in links for position in link]
        for column, values in enumerate((*pair, flat)[: len(self._names)]):
            self._tokens[column].extend(values)
            self._offsets[column].append(len(self._tokens[column]))
        is_large = max(map(len, self._tokens)) > LARGEST_SHARD
        if len(self._offsets[0]) > self._shard_pairs or is_large:
            self._finish_shard()

    def close(self) -> None:
        """Write the last shard and the index, without which `Pairs` cannot read the folder."""
        if len(self._offsets[0]) > 1:
            self._finish_shard()
        index = {"pairs": self._counts}
        if LINKS in self._names:
            index[LINKS] = True
        write_atomically(self._folder / INDEX, json.dumps(index) + "\n")

    def _start_shard(self) -> None:
        # A position in a sentence may exceed 65535 even where no token id does.
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
    """A read-only sequence of the pairs in all shards of a folder.

    Args:
        folder: a folder that a `ShardWriter` has closed.
        shares: the corpora from which the pairs come; empty for a single corpus.

    Attributes:
        has_links: whether the pairs have links.

    Raises:
        NmtError: a file is missing, truncated or inconsistent with the others.
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
        """The number of tokens of every source sequence, int32, (N,)."""
        return self._lengths("source")

    @cached_property
    def target_lengths(self) -> np.ndarray:
        """The number of tokens of every target sequence, int32, (N,)."""
        return self._lengths("target")

    def check(self, source_vocabulary: int, target_vocabulary: int) -> None:
        """Check all offsets, ids and links, which opening the folder does not.

        Args:
            source_vocabulary, target_vocabulary: V of each side.

        Raises:
            NmtError: a sequence has a negative length, an id no token, or a link leads out of its
                pair.
        """
        for name in self._sides:
            self._lengths(name)
        for side, size in zip(SIDES, (source_vocabulary, target_vocabulary)):
            if any(len(tokens) and tokens.max() >= size for tokens, _ in self._sides[side]):
                raise NmtError(f"{self.folder}: a {side} has tokens of other subwords; {_REMEDY}")
        for column, side in enumerate(SIDES if self.has_links else ()):
            for (links, places), (_, offsets) in zip(self._sides[LINKS], self._sides[side]):
                lengths = np.repeat(np.diff(offsets), np.diff(places) // 2)
                if (links[column::2] >= lengths).any():
                    raise NmtError(f"{self.folder}: a link leads out of its pair; {_REMEDY}")

    def source(self, i: int) -> np.ndarray:
        """Return the ids of source i: a read-only view of the file, uint16 or uint32, (S,)."""
        return self._sequence("source", i)

    def target(self, i: int) -> np.ndarray:
        """Return the ids of target i: a read-only view of the file, uint16 or uint32, (T,)."""
        return self._sequence("target", i)

    def links(self, i: int) -> np.ndarray:
        """Return the links of pair i as (source token, target token), int32, (n, 2).

        Raises:
            NmtError: these pairs have no links.
        """
        if not self.has_links:
            raise NmtError(f"{self.folder}: the pairs have no links; add them with {LINK_COMMAND}")
        return self._sequence(LINKS, i).astype(np.int32).reshape(-1, 2)

    def _sequence(self, side: str, i: int) -> np.ndarray:
        if not 0 <= i < len(self):
            raise IndexError(f"pair {i} of {len(self)}")
        shard = int(np.searchsorted(self._starts, i, side="right")) - 1
        tokens, offsets = self._sides[side][shard]
        row = i - int(self._starts[shard])
        return tokens[offsets[row] : offsets[row + 1]]

    def _lengths(self, side: str) -> np.ndarray:
        shards = [np.zeros(0, np.int32)]
        for _, offsets in self._sides[side]:
            lengths = np.diff(offsets)
            is_odd = side == LINKS and (lengths & 1).any()
            if lengths.min() < 0 or lengths.max() > LONGEST or is_odd:
                raise NmtError(f"{self.folder}: the {side} offsets are damaged; {_REMEDY}")
            shards.append(lengths.astype(np.int32))
        return np.concatenate(shards)


LINK_COMMAND = "nmt preprocess --alignments FILE"
_REMEDY = "run nmt preprocess again with --force"


def _save(path: Path, values: array) -> None:
    # `np.save` loses the system's reason when the disk is full; `write` keeps it.
    flat = np.frombuffer(values, dtype=values.typecode) if len(values) else np.zeros(0, "u2")
    with open(path, "wb") as stream:
        header = np.lib.format.header_data_from_array_1_0(flat)
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(memoryview(flat))


def _read_index(path: Path) -> tuple[list[int], bool]:
    """Return the number of pairs in each shard, and whether they have links."""
    try:
        index = read_json(path)
        counts, has_links = index["pairs"], index.get(LINKS, False) is True
    except FileNotFoundError:
        raise NmtError(f"{path}: the file is missing; {_REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise NmtError(f"{path}: the file is damaged; {_REMEDY}") from None
    if not isinstance(counts, list) or not all(type(n) is int and 0 < n < 2**40 for n in counts):
        raise NmtError(f"{path}: the file is damaged; {_REMEDY}")
    return counts, has_links


def _open_side(folder: Path, stem: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Open the tokens and offsets of one side of one shard, and check that they agree."""
    offsets_path = folder / f"{stem}.offsets.npy"
    tokens_path = folder / f"{stem}.tokens.npy"
    offsets = _map(offsets_path, (np.int64,))
    tokens = _map(tokens_path, (np.uint16, np.uint32))
    if len(offsets) != count + 1 or offsets[0] != 0:
        raise NmtError(f"{offsets_path}: the file does not have {count} pairs; {_REMEDY}")
    if len(tokens) != offsets[-1]:
        raise NmtError(
            f"{tokens_path}: the file has {len(tokens)} tokens, not {int(offsets[-1])}; {_REMEDY}"
        )
    return tokens, offsets


def _map(path: Path, types: tuple) -> np.ndarray:
    try:
        values = map_array(path)
    except FileNotFoundError:
        raise NmtError(f"{path}: the file is missing; {_REMEDY}") from None
    except (OSError, ValueError):
        raise NmtError(f"{path}: the file is damaged or truncated; {_REMEDY}") from None
    if values.ndim != 1 or values.dtype not in types:
        raise NmtError(
            f"{path}: the file is damaged ({values.dtype}, shape {values.shape}); {_REMEDY}"
        )
    return values
