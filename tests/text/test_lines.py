"""The contract of lines: N lines in, N lines out."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.text.lines import one_line, read_lines, read_raw_lines

LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))


def _refuse(number: int) -> None:
    raise AssertionError(f"line {number} was called invalid")


@given(st.lists(LINE.filter(lambda line: not line.endswith("\r"))))
def test_lines_written_with_newlines_are_read_back_one_for_one(lines):
    data = "".join(line + "\n" for line in lines).encode()
    assert list(read_lines(io.BytesIO(data), _refuse)) == lines


@given(st.lists(LINE))
def test_one_carriage_return_is_dropped_and_any_others_stay(lines):
    data = "".join(line + "\r\n" for line in lines).encode()
    assert list(read_lines(io.BytesIO(data), _refuse)) == lines


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\v", "\f", "\x1c", "\r"])
def test_what_other_programs_call_a_line_end_is_text(character):
    data = f"a{character}b\nc\n".encode()
    assert list(read_lines(io.BytesIO(data), _refuse)) == [f"a{character}b", "c"]


@pytest.mark.parametrize(
    ("data", "lines"),
    [(b"", []), (b"\n", [b""]), (b"a", [b"a"]), (b"a\n\nb", [b"a", b"", b"b"]), (b"a\r", [b"a"])],
)
def test_a_missing_final_newline_is_no_extra_line_and_empty_lines_count(data, lines):
    assert list(read_raw_lines(io.BytesIO(data))) == lines


def test_invalid_utf8_is_replaced_and_named_by_line():
    found = []
    lines = list(read_lines(io.BytesIO(b"good\nb\xffd\n\xed\xa0\x80\nend"), found.append))
    assert lines[0] == "good" and lines[3] == "end" and len(lines) == 4
    assert lines[1] == "b\ufffdd"
    assert found == [2, 3]


@given(st.text())
def test_one_line_holds_no_end_of_line(text):
    assert "\n" not in one_line(text) and "\r" not in one_line(text)
    assert len(one_line(text)) == len(text)
