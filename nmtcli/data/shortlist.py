"""A vocabulary shortlist: the few target pieces among which a sentence's translation is looked for.

Each source piece allows some target pieces, and EOS, with which every source sentence ends, allows
those that any translation may have. So a sentence has the same list in any batch.

Reference: Jean et al. (2015), arXiv:1412.2007, section 3.3.

Letters: B sentences, S source positions, U target pieces that any of the sentences allows, V
vocabulary.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nmtcli.errors import NmtError
from nmtcli.text.special_tokens import PAD_ID

# Is added to the logits of what a sentence does not allow. More would make the sums of exponentials
# slow: numbers below 1e-38 take a processor many times as long.
FORBIDDEN = np.float32(-50.0)


class Shortlist(NamedTuple):
    """What the source piece i allows is `pieces[offsets[i]:offsets[i + 1]]`.

    offsets: (V of the source + 1,) int64.
    pieces: int32, target pieces.
    target_vocabulary: V of the target.
    """

    offsets: np.ndarray
    pieces: np.ndarray
    target_vocabulary: int

    def choose(self, source_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pieces of a batch, and which of them each sentence allows.

        Args:
            source_ids: (B, S), padded with PAD.

        Returns:
            pieces: (U,) int32, ascending.
            allowed: (B, U) float32: 0, or `FORBIDDEN`.
        """
        sentences, positions = np.nonzero(source_ids != PAD_ID)
        found = source_ids[sentences, positions]
        begins, counts = self.offsets[found], self.offsets[found + 1] - self.offsets[found]
        owners = np.repeat(sentences, counts)
        targets = self.pieces[np.repeat(begins, counts) + ranges(counts)]
        is_chosen = np.zeros(self.target_vocabulary, dtype=bool)
        is_chosen[targets] = True
        pieces, places = np.flatnonzero(is_chosen), np.cumsum(is_chosen) - 1
        allowed = np.full((len(source_ids), len(pieces)), FORBIDDEN)
        allowed[owners, places[targets]] = 0.0
        return pieces.astype(np.int32), allowed

    def save(self, path: Path) -> None:
        with open(path, "wb") as stream:
            np.savez(stream, **self._asdict())


def load_shortlist(path: Path, source_vocabulary: int, target_vocabulary: int) -> Shortlist:
    """
    Raises:
        NmtError: there is no such file, it is damaged, or it is of other vocabularies.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = Shortlist(*(arrays[name] for name in Shortlist._fields))
        sizes = len(found.offsets) - 1, int(found.target_vocabulary)
        is_whole = int(found.offsets[-1]) == len(found.pieces)
    except FileNotFoundError:
        raise NmtError(f"{path}: there is no such shortlist") from None
    except (OSError, ValueError, KeyError, EOFError, TypeError, IndexError):
        raise NmtError(f"{path}: the shortlist is damaged") from None
    if not is_whole:
        raise NmtError(f"{path}: the shortlist is damaged")
    if sizes != (source_vocabulary, target_vocabulary):
        raise NmtError(
            f"{path}: the shortlist is of {sizes[0]} source and {sizes[1]} target pieces, not of"
            f" {source_vocabulary} and {target_vocabulary}"
        )
    return found._replace(target_vocabulary=target_vocabulary)


def ranges(counts: np.ndarray) -> np.ndarray:
    """0, 1, ... of each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
