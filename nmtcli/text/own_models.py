"""SentencePiece models that were learned elsewhere, made fit for use here.

`spm_train` numbers its special tokens otherwise (by default unk 0, bos 1, eos 2, and no pad), and a
user may have given them other names. The numbers are changed in the model itself, so everything
that reads the model, a TensorFlow graph too, works with the ids of `nmtcli.text.special_tokens`.
Tokens, scores and the model's own normalisation stay, and so does every segmentation.
"""

from pathlib import Path
from typing import NamedTuple

from nmtcli.errors import UsageError
from nmtcli.text.special_tokens import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from nmtcli.text.subwords import read_model_file

KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}  # TrainerSpec.ModelType
LOWEST_COVERAGE = 0.5  # see SubwordConfig


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


def read_own_model(path: Path) -> OwnModel:
    """Read the SentencePiece model of a user.

    Raises:
        UsageError: the file cannot be read, is not a SentencePiece model, or its tokens contradict
            one another.
    """
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    model = read_model_file(path)
    try:
        if not model:
            raise RuntimeError
        sentencepiece.SentencePieceProcessor(model_proto=model)
    except (RuntimeError, OSError):
        raise UsageError(
            f"{path}: is not a SentencePiece model; give the file NAME.model that spm_train writes"
            " (not NAME.vocab, and no merges or tokenizer.json of other programs)"
        ) from None
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    size, trainer = len(proto.pieces), proto.trainer_spec
    _renumber(proto)
    coverage = round(trainer.character_coverage, 6)  # a float32
    return OwnModel(
        path,
        proto.SerializeToString(deterministic=True),
        KINDS[trainer.model_type],
        size,
        coverage if LOWEST_COVERAGE <= coverage <= 1.0 else 1.0,
        trainer.byte_fallback,
    )


def _renumber(proto) -> None:
    """Give the special tokens of a `ModelProto` their ids; other tokens keep their order."""
    kinds, trainer = type(proto).SentencePiece, proto.trainer_spec
    pieces = [kinds.FromString(piece.SerializeToString()) for piece in proto.pieces]
    by_text = {piece.piece: piece for piece in pieces}
    special = {UNK_ID: next(piece for piece in pieces if piece.type == kinds.UNKNOWN)}
    names = {PAD_ID: trainer.pad_piece, BOS_ID: trainer.bos_piece, EOS_ID: trainer.eos_piece}
    for number, name in names.items():
        name = name or f"<{number}>"
        piece = by_text.get(name)
        if piece is None or piece.type != kinds.CONTROL or piece in special.values():
            while name in by_text:  # a token of the text, or the same one for two purposes
                name = f"<{name}>"
            # A control token is never produced from text.
            piece = by_text[name] = kinds(piece=name, score=0.0, type=kinds.CONTROL)
        special[number] = piece
    first = [special[number] for number in sorted(special)]
    texts = {piece.piece for piece in first}
    del proto.pieces[:]
    proto.pieces.extend(first + [piece for piece in pieces if piece.piece not in texts])
    trainer.pad_id, trainer.pad_piece = PAD_ID, special[PAD_ID].piece
    trainer.unk_id, trainer.unk_piece = UNK_ID, special[UNK_ID].piece
    trainer.bos_id, trainer.bos_piece = BOS_ID, special[BOS_ID].piece
    trainer.eos_id, trainer.eos_piece = EOS_ID, special[EOS_ID].piece
    trainer.vocab_size = len(proto.pieces)
