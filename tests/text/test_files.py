"""Lines of pipes and files, and whether more must be waited for."""

import io
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmtcli.errors import UsageError
from nmtcli.text import files
from nmtcli.text.files import TextReader


@pytest.fixture
def pipe():
    """The reader of a pipe, and the file that writes to it."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as target:
        yield source, target


@settings(max_examples=50, deadline=None)
@given(parts=st.lists(st.text("ab\n\r\x85 ", max_size=9).map(str.encode), max_size=6))
def test_the_lines_of_a_pipe_are_those_of_the_bytes_however_they_come(parts):
    reading, writing = os.pipe()

    def write():
        for part in parts:
            os.write(writing, part)
        os.close(writing)

    writer = threading.Thread(target=write)
    with os.fdopen(reading, "rb") as source:
        writer.start()
        found = list(TextReader(source, "text"))
        writer.join()
    assert found == list(io.BytesIO(b"".join(parts)))


def test_a_line_longer_than_what_is_read_at_once_stays_whole(tmp_path):
    lines = [b"x" * 200_000 + b"\n", b"y\n", b"z" * 70_000]
    (tmp_path / "text").write_bytes(b"".join(lines))
    with open(tmp_path / "text", "rb") as stream:
        assert list(TextReader(stream, "text")) == lines


def test_a_pipe_pauses_when_all_its_lines_are_read_and_a_begun_one_is_no_line(pipe):
    source, target = pipe
    target.write(b"one\ntwo\nthr")
    reader = TextReader(source, "text")
    lines = iter(reader)
    assert next(lines) == b"one\n" and not reader.pauses()
    assert next(lines) == b"two\n" and reader.pauses()
    target.write(b"ee\n")
    assert not reader.pauses() and next(lines) == b"three\n" and reader.pauses()


def test_it_is_told_before_more_is_waited_for_and_not_while_lines_are_there(pipe):
    source, target = pipe
    told = []
    target.write(b"one\ntwo\n")

    def told_to_wait():
        told.append(True)
        target.close()  # else this would wait for ever

    lines = iter(TextReader(source, "text", told_to_wait))
    assert [next(lines), next(lines)] == [b"one\n", b"two\n"] and not told
    assert list(lines) == [] and told == [True]


def test_a_file_and_a_stream_of_no_file_never_pause(tmp_path):
    (tmp_path / "text").write_bytes(b"one\ntwo\n")
    with open(tmp_path / "text", "rb") as stream:
        for source in (stream, io.BytesIO(b"one\ntwo\n")):
            reader = TextReader(source, "text")
            assert [(line, reader.pauses()) for line in reader] == [
                (b"one\n", False),
                (b"two\n", False),
            ]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(files, "LONGEST_LINE_BYTES", 1 << 20)
    lines = iter(TextReader(io.BytesIO(b"one\n" + b"x" * (3 << 20)), "in"))
    assert next(lines) == b"one\n"
    with pytest.raises(UsageError, match="in: a line is longer than 1 MiB; give a text file"):
        next(lines)
