"""Subword models: text to token ids and back. `data.learn_subwords` learns the models.

Text is normalised (`text.normalization`) before SentencePiece sees it, and a TensorFlow graph
(tensorflow-text) can do the same. Models that are learned here normalise no further: NFKC would
turn Korean compatibility jamo such as ㅋㅋ into conjoining ones; without normalisation, decomposed
Hangul, as macOS writes it, would be split into jamo. A model of the user keeps its own
normalisation (`text.own_models`).
"""

from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from pathlib import Path

from nmtcli.errors import NmtError, UsageError
from nmtcli.text.normalization import CLEAN, normalise
from nmtcli.text.spans import TokenSpans, read_record
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID

LARGEST_MODEL = 64 << 20  # bytes; a model with a million tokens has fewer
CONTROL_IDS = frozenset((PAD_ID, BOS_ID, EOS_ID))


class Subwords:
    """A subword model.

    With a model that was learned here, `decode(encode(text))` is the normalised text, with runs of
    spaces reduced to one and without spaces at the ends. Characters without a token become U+2047,
    and U+2581 becomes a space because SentencePiece marks spaces with it.

    Args:
        model: the path of a SentencePiece model, or its bytes.
        rule: how text is normalised, see `text.normalization`.

    Raises:
        UsageError: the file does not exist or cannot be read.
        NmtError: the file is not a SentencePiece model, or its special tokens do not have the ids
            0, 1, 2 and 3.
    """

    def __init__(self, model: str | Path | bytes, rule: str = CLEAN):
        import sentencepiece

        self.rule = rule

        where = "subword model" if isinstance(model, bytes) else str(model)
        self.model_proto = model if isinstance(model, bytes) else read_model_file(Path(model))
        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=self.model_proto)
            special = tuple(getattr(self._model, f"{n}_id")() for n in ("pad", "unk", "bos", "eos"))
            self._model.id_to_piece(list(range(self.size)))  # fails if one is not UTF-8
        except (RuntimeError, OSError, UnicodeDecodeError):
            raise NmtError(
                f"{where}: is not a SentencePiece model; run nmt preprocess again"
            ) from None
        if special != (PAD_ID, UNK_ID, BOS_ID, EOS_ID):
            raise NmtError(
                f"{where}: the tokens pad, unk, bos and eos must have the ids 0, 1, 2 and 3, not"
                f" {special}; learn the model with nmt preprocess, or give it to its option"
                " --subwords-from"
            )
        self._token = cache(lambda number: self._model.id_to_piece(int(number)))
        self._id = cache(self._model.piece_to_id)

    @property
    def size(self) -> int:
        """V, the number of tokens, including the special ones."""
        return self._model.get_piece_size()

    def normalise(self, text: str) -> str:
        """Return a line as it is encoded."""
        return normalise(text, self.rule)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of one line, without BOS and EOS."""
        return self._model.encode(self.normalise(text), out_type=int)

    def encode_batch(self, lines: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each line, as `encode` does, using all cores."""
        return self._model.encode(list(map(self.normalise, lines)), out_type=int)

    def encode_batch_with_spans(self, lines: Sequence[str]) -> list[TokenSpans]:
        """Return the ids of `encode_batch` with the span of each token in its normalised line."""
        records = self._model.encode(list(map(self.normalise, lines)), out_type="serialized_proto")
        return [read_record(record) for record in records]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids; PAD, BOS and EOS are dropped."""
        return self._model.decode([int(i) for i in ids if int(i) not in CONTROL_IDS])

    def decode_with_spans(self, ids: Iterable[int]) -> TokenSpans:
        """Return the text of `decode` with the span of each token; PAD, BOS and EOS are dropped."""
        kept = [int(i) for i in ids if int(i) not in CONTROL_IDS]
        return read_record(self._model.decode(kept, out_type="serialized_proto"))

    def scores(self) -> list[float]:
        """Return the score of every token: log-probability for unigram, merge order for bpe."""
        return [self._model.get_score(i) for i in range(self.size)]

    @cached_property
    def has_whole_words(self) -> bool:
        """Whether its tokens are whole words, so that a word may have no token."""
        from sentencepiece.sentencepiece_model_pb2 import ModelProto

        trainer = ModelProto.FromString(self.model_proto).trainer_spec
        return trainer.model_type == type(trainer).WORD

    def indivisible_ids(self) -> frozenset[int]:
        """Return the ids of the tokens that are no parts of words to be split in another way.

        These are the special tokens, single bytes, symbols that the user defined, and tokens that
        the model does not use.

        Raises:
            NmtError: the model is damaged in a way that SentencePiece itself overlooks.
        """
        from google.protobuf.message import DecodeError
        from sentencepiece.sentencepiece_model_pb2 import ModelProto

        try:
            pieces = ModelProto.FromString(self.model_proto).pieces
        except DecodeError as error:
            raise NmtError(f"subword model: is damaged ({error}); restore it from a copy") from None
        return frozenset(i for i, one in enumerate(pieces) if one.type != one.NORMAL)

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the token of every id; U+2581 marks the start of a word."""
        return [self._token(i) for i in ids]

    def token_ids(self, tokens: Iterable[str]) -> list[int]:
        """Return the id of every token; UNK for a token that the model does not have."""
        return [self._id(token) for token in tokens]


def load_sides(source: Path, target: Path, rule: str = CLEAN) -> tuple[Subwords, Subwords]:
    """Load the models of source and target; a joint model is loaded once and returned twice.

    Raises:
        UsageError, NmtError: a model cannot be loaded, see `Subwords`.
    """
    first = Subwords(source, rule)
    is_joint = target.is_file() and target.read_bytes() == first.model_proto
    return first, first if is_joint else Subwords(target, rule)


def read_model_file(path: Path) -> bytes:
    """Read the bytes of a subword model.

    Raises:
        UsageError: the file does not exist or cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            model = stream.read(LARGEST_MODEL + 1)
        if len(model) > LARGEST_MODEL:
            raise UsageError(
                f"{path}: has more than {LARGEST_MODEL >> 20} MB; give a SentencePiece model"
            )
        return model
    except FileNotFoundError:
        raise UsageError(
            f"{path}: there is no such subword model; make one with nmt preprocess"
        ) from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; give the file of a subword model") from None
    except PermissionError:
        raise UsageError(f"{path}: you have no permission to read it; change that first") from None
