"""Character spans of tokens, read from a serialised `SentencePieceText` (sentencepiece.proto).

Its offsets count the bytes of the text in UTF-8.
"""

from typing import Any, NamedTuple


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
    from sentencepiece import sentencepiece_pb2

    kind: Any = sentencepiece_pb2  # its classes are made when it is imported
    message = kind.SentencePieceText.FromString(record)
    offsets = [(piece.begin, piece.end) for piece in message.pieces]
    places = sorted({place for pair in offsets for place in pair})
    characters = _characters_at(message.text.encode("utf-8"), places)
    spans = [Span(characters[begin], characters[end]) for begin, end in offsets]
    return TokenSpans(message.text, [piece.id for piece in message.pieces], spans)


def _characters_at(text: bytes, places: list[int]) -> dict[int, int]:
    """Return the number of characters before each of the ascending byte offsets."""
    counts, before, characters = {}, 0, 0
    for place in places:
        characters += len(text[before:place].decode("utf-8"))
        counts[place], before = characters, place
    return counts
