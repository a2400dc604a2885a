"""Character spans of tokens, read from a serialised `SentencePieceText` (sentencepiece.proto).

Its few fields are read here from the bytes, since SentencePiece's own reader differs between
releases and needs protobuf.
"""

from collections.abc import Iterator
from typing import NamedTuple

VARINT, LENGTH_DELIMITED, FIXED32 = 0, 2, 5  # wire types of Protocol Buffers
TEXT_FIELD, PIECES_FIELD = 1, 2  # of SentencePieceText
ID_FIELD, BEGIN_FIELD, END_FIELD = 2, 4, 5  # of SentencePieceText.SentencePiece


class Span(NamedTuple):
    """The characters `text[begin:end]` of a token, including its spaces.

    A span is empty for a token that only marks the start of a line, and for all byte tokens of a
    character but the last.
    """

    begin: int
    end: int


class TokenSpans(NamedTuple):
    """The tokens of a text.

    text: the text in which the spans count characters.
    ids: the token ids.
    spans: one span for each token, in ascending order.
    """

    text: str
    ids: list[int]
    spans: list[Span]


def read_record(record: bytes) -> TokenSpans:
    """Read the tokens of a serialised `SentencePieceText`; byte offsets become characters."""
    text, ids, offsets = b"", [], []
    for field, value in _fields(record):
        if field == TEXT_FIELD:
            text = value
        elif field == PIECES_FIELD:
            piece = dict(_fields(value))
            ids.append(piece.get(ID_FIELD, 0))
            offsets.append((piece.get(BEGIN_FIELD, 0), piece.get(END_FIELD, 0)))
    characters = _characters_at(text, sorted({place for pair in offsets for place in pair}))
    spans = [Span(characters[begin], characters[end]) for begin, end in offsets]
    return TokenSpans(text.decode("utf-8"), ids, spans)


def _characters_at(text: bytes, places: list[int]) -> dict[int, int]:
    """Return the number of characters before each of the ascending byte offsets."""
    counts, before, characters = {}, 0, 0
    for place in places:
        characters += len(text[before:place].decode("utf-8"))
        counts[place], before = characters, place
    return counts


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) from a message in the wire format of Protocol Buffers."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        wire_type = key & 7
        if wire_type == VARINT:
            value, place = _varint(message, place)
        elif wire_type == LENGTH_DELIMITED:
            length, start = _varint(message, place)
            place = start + length
            value = message[start:place]
        elif wire_type == FIXED32:
            value, place = message[place : place + 4], place + 4
        else:
            raise ValueError(f"wire type {wire_type} does not occur in a SentencePieceText")
        yield key >> 3, value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Read a number in groups of seven bits, lowest first; return it and the position after it."""
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
