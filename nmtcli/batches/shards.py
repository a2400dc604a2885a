"""Pairs of id sequences on disk, as plain memory-mapped NumPy arrays.

    00000.source.tokens.npy   uint16 (uint32 for 65536 pieces or more), all sequences end to end
    00000.source.offsets.npy  int64, n + 1: sequence i is tokens[offsets[i]:offsets[i + 1]]
    00000.target.…            the same for the other side
    shards.json               pairs in each shard; written last

EOS is not stored. A corpus may be larger than memory: only what is looked at is read.
"""

import json
from array import array
from functools import cached_property
from pathlib import Path

import numpy as np

from nmtcli.errors import NmtError
from nmtcli.run_directory import write_atomically

SIDES = ("source", "target")
INDEX = "shards.json"


class ShardWriter:
    """Write pairs one by one; memory is bounded by one shard.

    Args:
        folder: where the shards go; made if missing.
        shard_pairs: pairs in a shard; the last one may hold fewer.
        vocabulary_size: V of the larger side; decides the type of the tokens.
    """

    def __init__(self, folder: Path, shard_pairs: int, vocabulary_size: int):
        if shard_pairs < 1 or not 0 < vocabulary_size <= 2**32:
            raise ValueError(f"no shards of {shard_pairs} pairs over {vocabulary_size} pieces")
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shard_pairs = shard_pairs
        self._vocabulary_size = vocabulary_size
        self._token_type = "H" if vocabulary_size < 2**16 else "I"
        self._counts: list[int] = []
        self._start_shard()

    def append(self, source_ids, target_ids) -> None:
        """Add one pair of sequences of ids, without BOS and EOS.

        Raises:
            ValueError: an id is not in [0, V).
        """
        pair = list(source_ids), list(target_ids)
        for ids in pair:
            if ids and not (min(ids) >= 0 and max(ids) < self._vocabulary_size):
                raise ValueError(f"ids must be in [0, {self._vocabulary_size})")
        for side, ids in enumerate(pair):
            self._tokens[side].extend(ids)
            self._offsets[side].append(len(self._tokens[side]))
        if len(self._offsets[0]) > self._shard_pairs:
            self._finish_shard()

    def close(self) -> None:
        """Write the last shard and the index, without which the folder does not count."""
        if len(self._offsets[0]) > 1:
            self._finish_shard()
        write_atomically(self._folder / INDEX, json.dumps({"pairs": self._counts}) + "\n")

    def _start_shard(self) -> None:
        self._tokens = array(self._token_type), array(self._token_type)
        self._offsets = array("q", [0]), array("q", [0])

    def _finish_shard(self) -> None:
        for side, tokens, offsets in zip(SIDES, self._tokens, self._offsets):
            stem = f"{len(self._counts):05d}.{side}"
            _save(self._folder / f"{stem}.tokens.npy", tokens)
            _save(self._folder / f"{stem}.offsets.npy", offsets)
        self._counts.append(len(self._offsets[0]) - 1)
        self._start_shard()


class Pairs:
    """Read-only sequence of pairs over all shards of a folder.

    Args:
        folder: what a `ShardWriter` closed.

    Raises:
        NmtError: a file is missing, cut short or does not fit the others; it is named.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        counts = _read_index(self.folder / INDEX)
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
        self._sides = {
            side: [_open_side(self.folder, f"{i:05d}.{side}", n) for i, n in enumerate(counts)]
            for side in SIDES
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
        for side in SIDES:
            self._lengths(side)

    def source(self, i: int) -> np.ndarray:
        """Ids of source sequence i: a read-only view of the file, uint16 or uint32, (S,)."""
        return self._sequence("source", i)

    def target(self, i: int) -> np.ndarray:
        """Ids of target sequence i: a read-only view of the file, uint16 or uint32, (T,)."""
        return self._sequence("target", i)

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


_REMEDY = "run nmt preprocess again with --force"


def _save(path: Path, values: array) -> None:
    # `np.save` reports a full disk without the reason that the system gave; `write` keeps it.
    flat = np.frombuffer(values, dtype=values.typecode) if len(values) else np.zeros(0, "u2")
    with open(path, "wb") as stream:
        header = np.lib.format.header_data_from_array_1_0(flat)
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(memoryview(flat))


def _read_index(path: Path) -> list[int]:
    try:
        counts = json.loads(path.read_text(encoding="utf-8"))["pairs"]
    except FileNotFoundError:
        raise NmtError(f"{path}: missing; {_REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise NmtError(f"{path}: damaged; {_REMEDY}") from None
    if not isinstance(counts, list) or not all(isinstance(n, int) and n > 0 for n in counts):
        raise NmtError(f"{path}: damaged; {_REMEDY}")
    return counts


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
