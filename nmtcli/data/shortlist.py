"""A vocabulary shortlist: the few target tokens to which the translation of a sentence is limited.

Each source token allows some target tokens. EOS, with which every source sentence ends, allows the
tokens that any translation may have. So a sentence has the same list in any batch.

Reference: Jean et al. (2015), arXiv:1412.2007, section 3.3.

Letters: B sentences, S source positions, U target tokens that any of the sentences allows, V the
size of a vocabulary.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nmtcli.errors import NmtError
from nmtcli.runs.arrays import read_arrays
from nmtcli.text.special_tokens import PAD_ID

# Added to the logits of tokens that a sentence does not allow. A lower number would make the sums
# of exponentials slow, since processors take many times as long for numbers below 1e-38.
FORBIDDEN = np.float32(-50.0)


class Shortlist(NamedTuple):
    """Source token i allows the target tokens `pieces[offsets[i]:offsets[i + 1]]`.

    offsets: (V of the source + 1,) int64.
    pieces: int32, the ids of target tokens.
    target_vocabulary: V of the target.
    """

    offsets: np.ndarray
    pieces: np.ndarray
    target_vocabulary: int

    def choose(self, source_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the target tokens that a batch allows, and a mask for each sentence.

        Args:
            source_ids: (B, S), padded with PAD.

        Returns:
            token_ids: (U,) int32, ascending.
            mask: (B, U) float32, 0 for an allowed token, else `FORBIDDEN`.
        """
        sentences, positions = np.nonzero(source_ids != PAD_ID)
        sources = source_ids[sentences, positions]
        begins, counts = self.offsets[sources], self.offsets[sources + 1] - self.offsets[sources]
        owners = np.repeat(sentences, counts)
        targets = self.pieces[np.repeat(begins, counts) + ranges(counts)]
        is_chosen = np.zeros(self.target_vocabulary, dtype=bool)
        is_chosen[targets] = True
        token_ids, columns = np.flatnonzero(is_chosen), np.cumsum(is_chosen) - 1
        mask = np.full((len(source_ids), len(token_ids)), FORBIDDEN)
        mask[owners, columns[targets]] = 0.0
        return token_ids.astype(np.int32), mask

    def save(self, path: Path) -> None:
        """Write the shortlist as an `.npz` file."""
        with open(path, "wb") as stream:
            np.savez(stream, **self._asdict())


def load_shortlist(path: Path, source_vocabulary: int, target_vocabulary: int) -> Shortlist:
    """Read a shortlist and check it against the sizes of the vocabularies.

    Raises:
        NmtError: the file does not exist, is damaged, or was made for other vocabularies.
    """
    try:
        arrays = read_arrays(path)
        shortlist = Shortlist(*(arrays[name] for name in Shortlist._fields))
        sizes = len(shortlist.offsets) - 1, int(shortlist.target_vocabulary)
        if not _is_intact(shortlist):
            raise ValueError
    except FileNotFoundError:
        raise NmtError(f"{path}: there is no such shortlist; {_REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise NmtError(f"{path}: the shortlist is damaged; {_REMEDY}") from None
    if sizes != (source_vocabulary, target_vocabulary):
        raise NmtError(
            f"{path}: the shortlist was made for {sizes[0]} source and {sizes[1]} target tokens,"
            f" but the model has {source_vocabulary} and {target_vocabulary}; {_REMEDY}"
        )
    return shortlist._replace(target_vocabulary=target_vocabulary)


def _is_intact(shortlist: Shortlist) -> bool:
    """Return whether every source token has a range of target tokens that exist."""
    offsets, pieces, size = shortlist
    kinds = offsets.dtype.kind == pieces.dtype.kind == "i", offsets.ndim == pieces.ndim == 1
    if not all(kinds) or not len(offsets) or offsets[0] != 0 or offsets[-1] != len(pieces):
        return False
    is_inside = not len(pieces) or (pieces.min() >= 0 and pieces.max() < size)
    return bool((offsets[1:] >= offsets[:-1]).all() and is_inside)


_REMEDY = "run nmt export again, or leave --shortlist out"


def ranges(counts: np.ndarray) -> np.ndarray:
    """Return 0, 1, ..., count - 1 for each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
