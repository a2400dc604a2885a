"""Reading parallel text strictly, and filtering it."""

import gzip
import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmtcli.config import DataConfig
from nmtcli.data import filters
from nmtcli.data import readers as corpus
from nmtcli.data.readers import INVALID_UTF8, Pair, read_pairs, survey_file, survey_pair
from nmtcli.errors import UsageError
from nmtcli.text import files


@pytest.fixture
def write(tmp_path):
    """Write bytes or text under a name; gives the path."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def _sentences(count, seed=3):
    """Lines of varied lengths, and 'translations' half as long again."""
    draw = random.Random(seed)
    lengths = [draw.randint(5, 150) for _ in range(count)]
    return ["a" * n for n in lengths], ["b" * (3 * n // 2) for n in lengths]


def _text(lines):
    return "".join(line + "\n" for line in lines)


def test_pairs_come_in_order_with_their_line_numbers(write):
    pairs = read_pairs(write("s", "one\ntwo\r\n"), write("t", "eins\nzwei"))
    assert list(pairs) == [Pair(1, "one", "eins", None), Pair(2, "two", "zwei", None)]


def test_an_invalid_line_is_a_problem_of_its_pair_alone(write):
    pairs = list(read_pairs(write("s", b"a\nb\xff\nc\n"), write("t", b"A\nB\nC\n")))
    assert [pair.problem for pair in pairs] == [None, INVALID_UTF8, None]
    assert pairs[1].line == 2 and pairs[1].source == "b\ufffd"


def test_a_byte_order_mark_is_dropped_at_the_start_only(write):
    pairs = list(read_pairs(write("s", "\ufeffa\n\ufeffb\n"), write("t", "A\nB\n")))
    assert [pair.source for pair in pairs] == ["a", "\ufeffb"]


def test_gzip_files_are_read_like_plain_ones(write):
    plain, packed = write("s", "a\nb\n"), write("t.gz", gzip.compress(b"A\nB\n", mtime=0))
    assert [pair.target for pair in read_pairs(plain, packed)] == ["A", "B"]
    assert survey_file(packed) == survey_file(write("t", "A\nB\n"))


@given(st.binary(max_size=200).map(lambda content: b"x" + content.replace(b"\0", b"")))
def test_the_survey_counts_what_the_reader_reads(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("survey") / "text"
    path.write_bytes(content)
    survey = survey_file(path)
    assert survey.lines == len(list(read_pairs(path, path)))
    assert survey.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_the_survey_does_not_depend_on_the_chunks(write, monkeypatch, chunk):
    monkeypatch.setattr(files, "CHUNK", chunk)
    assert survey_file(write("s", "a\n\nbcdef\ng")).lines == 4


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty", b"", "is empty; give"),
        ("bad.gz", gzip.compress(b"a line\n" * 999)[:30] + b"x" * 99, "pack the text again"),
        ("cut.gz", gzip.compress(b"a line\n" * 999, mtime=0)[:20], "pack the text again"),
    ],
)
def test_an_unusable_file_is_named_with_the_remedy(write, name, content, words):
    path = write(name, content)
    with pytest.raises(UsageError, match=words) as caught:
        survey_file(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_named(tmp_path):
    with pytest.raises(UsageError, match="nothing: there is no such file"):
        survey_file(tmp_path / "nothing")
    with pytest.raises(UsageError, match="is a directory; give a text file"):
        survey_file(tmp_path)


def test_a_device_of_no_text_is_refused():
    with pytest.raises(UsageError, match="/dev/zero: is full of NUL bytes"):
        survey_file(corpus.Path("/dev/zero"))


def test_a_line_that_is_no_text_is_named_before_it_fills_the_memory(write, monkeypatch):
    monkeypatch.setattr(corpus, "LONGEST_LINE_BYTES", 1 << 20)
    with pytest.raises(UsageError, match="s:2: .* longer than 1 MiB"):
        survey_file(write("s", b"a\n" + b"x" * (3 << 20)))


@pytest.mark.parametrize("missing", [1, 40, 77])
def test_unequal_files_name_both_counts_and_the_line_where_they_part(write, missing):
    sources, targets = _sentences(100)
    del targets[missing - 1]
    with pytest.raises(UsageError) as caught:
        survey_pair(write("s", _text(sources)), write("t", _text(targets)))
    message = str(caught.value)
    assert "s has 100 lines" in message and "t has 99" in message
    suspect = int(message.split("near line ")[1].split(";")[0])
    assert abs(suspect - missing) <= 1


def test_a_line_broken_in_two_is_found_too(write):
    sources, targets = _sentences(100)
    sources[59:60] = [sources[59][:3], sources[59][3:]]
    with pytest.raises(UsageError, match=r"near line (59|60|61);"):
        survey_pair(write("s", _text(sources)), write("t", _text(targets)))


@pytest.mark.parametrize("sizes", [(100, 99), (3, 2), (300, 20)])
def test_no_line_is_suspected_where_lengths_say_nothing(write, sizes):
    same = ["all lines are alike"] * 300
    with pytest.raises(UsageError, match="give parallel files") as caught:
        survey_pair(write("s", _text(same[: sizes[0]])), write("t", _text(same[: sizes[1]])))
    assert "near line" not in str(caught.value)


def test_reading_unequal_files_without_a_survey_fails_at_the_end(write):
    with pytest.raises(UsageError, match=r"has 2 lines, but .* has 1"):
        list(read_pairs(write("s", "a\nb\n"), write("t", "A\n")))


@pytest.mark.parametrize(
    ("source", "target", "rule"),
    [
        ("a house", "ein Haus", None),
        ("", "ein Haus", filters.EMPTY),
        ("a house", " \u3000\t", filters.EMPTY),
        ("a " * 11, "ein " * 5, filters.TOO_LONG),
        ("ein " * 5, "x" * 101, filters.TOO_LONG),
        ("x" * 30, "y" * 4, filters.RATIO),
        ("y" * 4, "x" * 30, filters.RATIO),
        ("x" * 29, "y" * 4, None),
        ("x" * 30, "y" * 5, None),
        (" same ", "same", filters.IDENTICAL),
    ],
)
def test_each_rule_drops_what_it_is_for_and_no_more(source, target, rule):
    options = DataConfig(max_words=10, max_characters=100, max_ratio=6.0, ratio_from=30)
    assert filters.PairFilter(options).problem(source, target) == rule


def test_a_pair_is_a_duplicate_from_its_second_time():
    pair_filter = filters.PairFilter(DataConfig())
    seen = [
        pair_filter.problem(*pair) for pair in [("a", "b"), ("a", "c"), ("a", "b "), ("b", "a")]
    ]
    assert seen == [None, None, filters.DUPLICATE, None]


def test_rules_can_be_switched_off():
    options = DataConfig(max_ratio=0.0, drop_identical=False, drop_duplicates=False)
    pair_filter = filters.PairFilter(options)
    for pair in [("x" * 90, "y"), ("a", "a"), ("a", "a")]:
        assert pair_filter.problem(*pair) is None


def test_a_line_of_a_megabyte_is_dropped_as_too_long():
    assert filters.PairFilter(DataConfig()).problem("x" * 1_000_000, "y") == filters.TOO_LONG


@given(st.lists(st.integers(0, 3000), max_size=300))
def test_seen_pairs_agrees_with_a_set(numbers):
    seen, expected = filters.SeenPairs(), set()
    for number in numbers:
        assert seen.add(str(number), "t") == (number not in expected)
        expected.add(number)
    assert len(seen) == len(expected)


def test_seen_pairs_keeps_its_memory_when_it_grows():
    seen = filters.SeenPairs()
    assert all(seen.add(str(i), "") for i in range(20_000))
    assert not any(seen.add(str(i), "") for i in range(20_000))
    assert len(seen._table) * 8 <= 24 * 20_000
