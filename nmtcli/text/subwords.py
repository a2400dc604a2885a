"""Subwords: text to piece ids and back; `learn_subwords` makes the models.

Text is brought to NFC and nothing else before SentencePiece sees it, so that a TensorFlow graph
(tensorflow-text) can do the same. NFKC would turn Korean compatibility jamo such as ㅋㅋ into
conjoining ones; no normalisation at all would cut decomposed Hangul, as macOS writes it, into jamo.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from nmtcli.errors import NmtError, UsageError
from nmtcli.text.spans import TokenSpans, read_record
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID

CONTROL_IDS = frozenset((PAD_ID, BOS_ID, EOS_ID))


def normalise(text: str) -> str:
    """`text` in NFC, the form in which lines are compared, counted and cut."""
    return unicodedata.normalize("NFC", text)


class _Known(dict):
    """What a function returned once, by what it was given."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def __missing__(self, key):
        value = self[key] = self._function(key)
        return value


class Subwords:
    """A model of pieces.

    What comes back from `decode(encode(text))` is the text in NFC with runs of spaces made one and
    those at the ends gone. Characters without a piece become U+2047, and U+2581 becomes a space
    because SentencePiece marks spaces with it.

    Args:
        model: path of a SentencePiece model, or its bytes.

    Raises:
        UsageError: no such file.
        NmtError: not a SentencePiece model, or one whose control ids are not 0, 1, 2, 3.
    """

    def __init__(self, model: str | Path | bytes):
        import sentencepiece

        where = "subword model" if isinstance(model, bytes) else str(model)
        self.model_proto = model if isinstance(model, bytes) else _read(Path(model))
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_proto=self.model_proto)
            found = tuple(getattr(self._pieces, f"{n}_id")() for n in ("pad", "unk", "bos", "eos"))
        except (RuntimeError, OSError):
            raise NmtError(
                f"{where}: not a SentencePiece model; run nmt preprocess again"
            ) from None
        if found != (PAD_ID, UNK_ID, BOS_ID, EOS_ID):
            raise NmtError(
                f"{where}: pad, unk, bos and eos must be pieces 0, 1, 2 and 3, not {found};"
                " learn the model with nmt preprocess"
            )
        self._piece_of = _Known(lambda number: self._pieces.id_to_piece(int(number)))
        self._id_of = _Known(self._pieces.piece_to_id)

    @property
    def size(self) -> int:
        """V, the number of pieces, control pieces included."""
        return self._pieces.get_piece_size()

    def encode(self, text: str) -> list[int]:
        """Ids of one line, without BOS and EOS."""
        return self._pieces.encode(normalise(text), out_type=int)

    def encode_batch(self, lines: Sequence[str]) -> list[list[int]]:
        """Ids of many lines, in order; the same as `encode` of each, on all cores."""
        return self._pieces.encode([normalise(line) for line in lines], out_type=int)

    def encode_batch_with_spans(self, lines: Sequence[str]) -> list[TokenSpans]:
        """The ids of `encode_batch`, and where in each line, in NFC, its pieces stand."""
        records = self._pieces.encode(
            [normalise(line) for line in lines], out_type="serialized_proto"
        )
        return [read_record(record) for record in records]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids; PAD, BOS and EOS are dropped."""
        return self._pieces.decode([int(i) for i in ids if int(i) not in CONTROL_IDS])

    def decode_with_spans(self, ids: Iterable[int]) -> TokenSpans:
        """The text of `decode`, and where in it the pieces stand; without PAD, BOS and EOS."""
        kept = [int(i) for i in ids if int(i) not in CONTROL_IDS]
        return read_record(self._pieces.decode(kept, out_type="serialized_proto"))

    def scores(self) -> list[float]:
        """The score of every piece, by id: log-probabilities of unigram, order of merges of bpe."""
        return [self._pieces.get_score(i) for i in range(self.size)]

    def byte_ids(self) -> frozenset[int]:
        """The pieces that stand for one byte."""
        return frozenset(i for i in range(self.size) if self._pieces.is_byte(i))

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The piece of every id, one for one; U+2581 marks where a word starts."""
        return [self._piece_of[i] for i in ids]

    def token_ids(self, tokens: Iterable[str]) -> list[int]:
        """The id of every piece, one for one; that of UNK where there is no such piece."""
        return [self._id_of[piece] for piece in tokens]


def load_sides(source: Path, target: Path) -> tuple[Subwords, Subwords]:
    """The models at two paths; one and the same where they are joint.

    Raises:
        UsageError, NmtError: as of `Subwords`.
    """
    first = Subwords(source)
    is_joint = target.is_file() and target.read_bytes() == first.model_proto
    return first, first if is_joint else Subwords(target)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such subword model; nmt preprocess makes one") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; give a subword model") from None
    except PermissionError:
        raise UsageError(f"{path}: no permission to read") from None
