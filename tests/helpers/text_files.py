"""Files of hard lines, as hypothesis draws them."""

import io

from hypothesis import strategies as st

from nmtcli.text.files import TextReader

SMALL = {"max_source_pieces": 9, "max_length_factor": 0.5, "max_length_margin": 2}


def raw_lines(data):
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


class PlainReader(TextReader):
    """A reader that takes bytes for text, whatever they look like."""

    def __init__(self, data):
        super().__init__(io.BytesIO(data), "plain")

    def chunks(self):
        return self._raw_chunks()


SEPARATORS = ["\u0085", "\u2028", "\u2029", "\v", "\f", "\r", "\x1c", "\x1e", "\0", "\u200b"]


CHARACTERS = st.one_of(
    st.sampled_from([*SEPARATORS, *" .,!。\t\u0301\u0300\ufeff\u200d\x1b\x7f", *"abcdé漢한😀"]),
    st.characters(exclude_categories=["Cs"]),
)


TEXT = st.text(CHARACTERS, max_size=14).map(lambda text: text.encode())


INVALID = st.lists(
    st.one_of(st.binary(max_size=4), st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"ab "])),
    max_size=5,
).map(b"".join)


LINES = st.lists(
    st.one_of(TEXT, TEXT, TEXT, INVALID, st.sampled_from([b"", b"\r", b" ", b"\t", "é".encode()])),
    max_size=7,
)


FILES = st.tuples(LINES, st.sampled_from([b"\n", b"\r\n"]), st.booleans()).map(
    lambda file: file[1].join(file[0]) + (file[1] if file[2] else b"")
)
