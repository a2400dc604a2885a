"""Packed text, text in other encodings, and what is no text: told by the first bytes."""

import bz2
import gzip
import io
import lzma
import os
import random
import threading
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from nmtcli.errors import UsageError
from nmtcli.text import files, packed
from nmtcli.text.files import TextReader, copies_of_pipes, open_text

PACKERS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd.compress,
}
TEXT = "한 줄이에요.\nA second line.\r\n\nno end".encode()
SKIPPED_FRAME = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"  # pzstd writes such frames


def read(data, name="in"):
    return b"".join(TextReader(io.BytesIO(data), name).chunks())


def refusal(data, name="in"):
    with pytest.raises(UsageError) as caught:
        read(data, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(params=PACKERS)
def suffix(request):
    return request.param


def test_packed_text_is_told_by_its_first_bytes_whatever_its_name(tmp_path, suffix):
    for name in ("plain", "text.gz", "text.zst"):
        (tmp_path / name).write_bytes(PACKERS[suffix](TEXT))
        with open_text(tmp_path / name) as reader:
            assert list(reader) == list(io.BytesIO(TEXT))


def test_plain_text_is_text_even_if_its_name_says_that_it_is_packed(tmp_path, suffix):
    path = tmp_path / f"text{suffix}"
    path.write_bytes(TEXT)
    with open_text(path) as reader:
        assert list(reader) == list(io.BytesIO(TEXT))


@pytest.mark.parametrize("chunk", [1, 7, 1 << 18])
def test_all_members_of_a_packed_file_are_read(suffix, monkeypatch, chunk):
    monkeypatch.setattr(files, "CHUNK", chunk)
    monkeypatch.setattr(packed, "STEP", max(chunk, 5))
    pack = PACKERS[suffix]
    assert read(pack(TEXT) + pack(b"") + pack(b"more\n")) == TEXT + b"more\n"


def test_padding_between_members_is_no_end():
    assert read(lzma.compress(b"a\n") + bytes(8) + lzma.compress(b"b\n")) == b"a\nb\n"
    assert read(gzip.compress(b"a\n") + bytes(512)) == b"a\n"


def test_frames_of_zstd_to_be_skipped_are_skipped():
    frame = zstd.compress(TEXT)
    assert read(SKIPPED_FRAME + frame + SKIPPED_FRAME + frame) == TEXT * 2


def test_a_packed_file_that_ends_anywhere_before_its_end_is_cut_off(suffix):
    data = PACKERS[suffix](TEXT)
    for size in range(6, len(data)):
        assert "file is cut off; copy it again" in refusal(data[:size])
    for size in range(1, 6):  # the name says what a file of so few bytes should be
        assert "file is cut off" in refusal(data[:size], f"in{suffix}")
    second = PACKERS[suffix](TEXT) + data[: len(data) // 2]
    assert "file is cut off" in refusal(second)


def test_a_packed_file_with_wrong_bytes_is_damaged(suffix):
    text = random.Random(1).randbytes(30_000).hex().encode()  # in several blocks
    data = bytearray(PACKERS[suffix](text))
    data[len(data) // 2] ^= 0x55
    if suffix == ".zst":  # it has no checksum unless it is asked for
        data[4:12] = b"\xff" * 8
    assert "file is damaged" in refusal(bytes(data))
    assert "file is damaged" in refusal(PACKERS[suffix](TEXT) + b"rubbish at the end")


@pytest.mark.parametrize("text", ["B", "BZ", "BZh9", "BZh91", "P*", "PK", "7z", "(", "\x1f", "]"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_short_text_that_begins_like_a_packed_file_is_text(text, end):
    data = (text + end).encode()
    assert read(data) == data


def test_nothing_is_unpacked_into_memory_at_once(suffix):
    data = PACKERS[suffix](b"x" * 9_000_000)
    pieces = list(TextReader(io.BytesIO(data), "in").chunks())
    assert sum(map(len, pieces)) == 9_000_000 and max(map(len, pieces)) <= packed.STEP


def test_what_is_packed_twice_or_in_another_format_is_refused(suffix):
    assert "is packed twice; unpack it once" in refusal(gzip.compress(PACKERS[suffix](TEXT)))
    assert "is a zip archive, not text; unpack it" in refusal(b"PK\x03\x04" + TEXT)


def test_a_byte_order_mark_is_dropped_at_the_start_alone(suffix):
    marked = b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"
    assert read(marked) == read(PACKERS[suffix](marked)) == b"a\n\xef\xbb\xbfb\n"


WIDE = ["UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE", "UTF-32BE"]
SAMPLES = ["hi", "A line.\nAnother.\n", "안녕하세요\n", "그는 어제 공항에 도착했어요.\n" * 200]
SAMPLES += ["彼は昨日空港に着いた。\nそうです。\n", "Он приехал.\n", "😀 ok\n", "Ο άνδρας ήρθε\n"]
SAMPLES += ["वह कल हवाई अड्डे पहुँचा।\n", "તે કાલે આવ્યો.\n", "Él llegó ayer.\n", "הוא הגיע\n"]


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("text", SAMPLES)
def test_wide_text_is_refused_with_its_name(encoding, text, suffix):
    data = text.encode(encoding)
    for whole in (data, PACKERS[suffix](data)):
        message = refusal(whole)
        assert f"in: is {encoding}, not UTF-8" in message
        assert f"iconv -f {encoding} -t UTF-8" in message


def test_wide_text_that_follows_other_text_is_refused():
    assert "full of NUL bytes" in refusal(
        b"a line\n" * 50_000 + "ab\n".encode("utf-16-le") * 90_000
    )


@pytest.mark.parametrize("before", [b"", b"text\n" * 2000])
def test_what_is_full_of_nul_is_refused(before):
    assert "is full of NUL bytes" in refusal(before + bytes(4096))


@pytest.mark.parametrize(
    "data", [b"one\0NUL\n", "가\0나다\n".encode(), b"\0\n", b"caf\xe9 ol\xe9\n"]
)
def test_a_text_with_a_stray_byte_is_text(data):
    assert read(data) == data


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"])))
def test_every_text_without_nul_is_read_as_it_is(text):
    data = text.encode()
    if not data.startswith(files.HEADS):
        assert read(data) == data


def test_a_line_of_one_byte_is_read_while_the_pipe_is_open():
    for letter in sorted({head[:1] for head in files.HEADS}):
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as target:
            target.write(letter + b"\n")
            assert next(iter(TextReader(source, "in"))) == letter + b"\n"


def test_packed_text_on_a_pipe_is_read(suffix):
    data = PACKERS[suffix](TEXT * 9)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source:
        os.write(writing, data)
        os.close(writing)
        assert list(TextReader(source, "in")) == list(io.BytesIO(TEXT * 9))


def test_a_pipe_can_be_read_several_times_where_copies_are_made(tmp_path):
    reading, writing = os.pipe()
    path = f"/dev/fd/{reading}"

    def write():
        os.write(writing, gzip.compress(TEXT))
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    with copies_of_pipes(tmp_path / "out" / "prepared"):
        for _ in range(2):
            with open_text(Path(path)) as one, open_text(path) as other:
                assert list(one) == list(other) == list(io.BytesIO(TEXT))
        assert list(tmp_path.iterdir()) == []  # the copy has no name
    writer.join()
    os.close(reading)


def test_the_message_on_a_copied_pipe_names_the_pipe(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, gzip.compress(TEXT)[:-9])
    os.close(writing)
    with (
        copies_of_pipes(tmp_path / "out"),
        pytest.raises(UsageError, match=f"/dev/fd/{reading}: the gzip file is cut off"),
        open_text(f"/dev/fd/{reading}"),
    ):
        pass
    os.close(reading)


def test_a_python_without_zstd_says_what_to_install(monkeypatch):
    def lacking():
        raise ImportError("No module named 'backports'")

    monkeypatch.setattr(packed, "_zstd", lacking)
    assert "pip install backports.zstd" in refusal(zstd.compress(TEXT))
