"""SentencePiece models that were learned elsewhere, made fit for use here.

`spm_train` numbers its special tokens otherwise (by default unk 0, bos 1, eos 2, and no pad), and a
user may have given them other texts. Both are changed in the model itself, so everything that reads
it, a TensorFlow graph too, works with the ids of `nmtcli.text.special_tokens`. Other tokens, scores
and the model's own normalisation stay, and so does every segmentation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nmtcli.errors import UsageError
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from nmtcli.text.subwords import read_model_file

KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}  # TrainerSpec.ModelType
LOWEST_COVERAGE = 0.5  # see SubwordConfig
NAMES = {PAD_ID: "<pad>", UNK_ID: "<unk>", BOS_ID: "<s>", EOS_ID: "</s>"}


class OwnModel(NamedTuple):
    """A model that the user brings.

    path: the file.
    model: the serialised model, with special tokens as here.
    kind: `unigram`, `bpe`, `char` or `word`.
    size: the number of tokens in the file, which may lack special tokens.
    character_coverage, byte_fallback: as it was learned.
    """

    path: Path
    model: bytes
    kind: str
    size: int
    character_coverage: float
    byte_fallback: bool


def read_own_models(paths: Sequence[Path]) -> list[OwnModel]:
    """Read the SentencePiece models of a user.

    The special tokens get the same texts in all of them, because CTranslate2 finds them by these.

    Raises:
        UsageError: a file cannot be read or is not a SentencePiece model.
    """
    protos = [_read_proto(path) for path in paths]
    sizes = [len(proto.pieces) for proto in protos]
    special = [_special_texts(proto) for proto in protos]
    others = [
        [piece for piece in proto.pieces if piece.piece not in texts]
        for proto, texts in zip(protos, special)
    ]
    taken = {piece.piece for pieces in others for piece in pieces}
    names = {}
    for number, name in NAMES.items():
        while name in taken:  # a token of the text
            name = f"<{name}>"
        names[number] = name
    for proto, pieces in zip(protos, others):
        _renumber(proto, names, pieces)
    return [_own_model(*values) for values in zip(paths, protos, sizes)]


def _read_proto(path: Path) -> Any:
    """Read a `ModelProto`."""
    import sentencepiece
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    model = read_model_file(path)
    try:
        if not model:
            raise RuntimeError
        sentencepiece.SentencePieceProcessor(model_proto=model)
        proto = sentencepiece_model_pb2.ModelProto.FromString(model)
        if proto.trainer_spec.model_type not in KINDS:
            raise RuntimeError
        return proto
    except (RuntimeError, OSError, DecodeError, UnicodeDecodeError):
        raise UsageError(
            f"{path}: is not a SentencePiece model; give the file NAME.model that spm_train writes"
            " (not NAME.vocab, and no merges or tokenizer.json of other programs)"
        ) from None


def _special_texts(proto: Any) -> set[str]:
    """Find the texts of the special tokens of a `ModelProto`; no other tokens have them."""
    trainer = proto.trainer_spec
    names = {trainer.pad_piece, trainer.bos_piece, trainer.eos_piece}
    return {
        piece.piece
        for piece in proto.pieces
        if piece.type == piece.UNKNOWN or (piece.type == piece.CONTROL and piece.piece in names)
    }


def _renumber(proto: Any, names: dict[int, str], others: Sequence) -> None:
    """Give a `ModelProto` the special tokens of here, before its other pieces in their order.

    A control token is never produced from text, so neither its text nor its number matters there.
    """
    kinds, trainer = type(proto).SentencePiece, proto.trainer_spec
    others = [kinds.FromString(piece.SerializeToString()) for piece in others]
    del proto.pieces[:]
    for number, name in sorted(names.items()):
        kind = kinds.UNKNOWN if number == UNK_ID else kinds.CONTROL
        proto.pieces.add(piece=name, score=0.0, type=kind)
    proto.pieces.extend(others)
    trainer.pad_id, trainer.pad_piece = PAD_ID, names[PAD_ID]
    trainer.unk_id, trainer.unk_piece = UNK_ID, names[UNK_ID]
    trainer.bos_id, trainer.bos_piece = BOS_ID, names[BOS_ID]
    trainer.eos_id, trainer.eos_piece = EOS_ID, names[EOS_ID]
    trainer.vocab_size = len(proto.pieces)


def _own_model(path: Path, proto: Any, size: int) -> OwnModel:
    trainer = proto.trainer_spec
    coverage = round(trainer.character_coverage, 6)  # a float32
    return OwnModel(
        path,
        proto.SerializeToString(deterministic=True),
        KINDS[trainer.model_type],
        size,
        coverage if LOWEST_COVERAGE <= coverage <= 1.0 else 1.0,
        trainer.byte_fallback,
    )
