"""Ids on disk: what is written is read back, and damage is named."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmtcli.data.shards import Pairs, ShardWriter
from nmtcli.errors import NmtError


def _write(folder, pairs, shard_pairs=2, vocabulary_size=100):
    writer = ShardWriter(folder, shard_pairs, vocabulary_size)
    for pair in pairs:
        writer.append(*pair)
    writer.close()
    return Pairs(folder)


@st.composite
def _corpora(draw):
    size = draw(st.sampled_from([10, 65_535, 65_536, 100_000]))
    ids = st.lists(st.integers(0, size - 1), max_size=5)
    return size, draw(st.lists(st.tuples(ids, ids), max_size=8)), draw(st.integers(1, 4))


@given(_corpora())
@settings(max_examples=50)
def test_pairs_are_read_back_as_written(corpus):
    size, expected, shard_pairs = corpus
    with tempfile.TemporaryDirectory() as folder:
        pairs = _write(folder, expected, shard_pairs, size)
        assert len(pairs) == len(expected)
        read = [(pairs.source(i).tolist(), pairs.target(i).tolist()) for i in range(len(pairs))]
        assert read == expected
        assert pairs.source_lengths.tolist() == [len(source) for source, _ in expected]
        assert pairs.target_lengths.tolist() == [len(target) for _, target in expected]
        assert pairs.source_lengths.dtype == pairs.target_lengths.dtype == np.int32


@pytest.mark.parametrize(("size", "kind"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_tokens_take_two_bytes_while_the_vocabulary_allows(tmp_path, size, kind):
    pairs = _write(tmp_path, [([size - 1], [1])], vocabulary_size=size)
    assert pairs.source(0).dtype == kind and pairs.source(0)[0] == size - 1


def test_files_are_plain_arrays_in_shards_of_the_asked_size(tmp_path):
    _write(tmp_path, [([i, i], [i]) for i in range(5)], shard_pairs=2)
    assert len(list(tmp_path.glob("*.source.tokens.npy"))) == 3
    assert np.load(tmp_path / "00001.source.tokens.npy").tolist() == [2, 2, 3, 3]
    assert np.load(tmp_path / "00001.target.offsets.npy").tolist() == [0, 1, 2]


def test_sequences_are_views_that_cannot_be_changed(tmp_path):
    pairs = _write(tmp_path, [([1, 2], [3])])
    assert pairs.source(0).base is not None
    with pytest.raises(ValueError, match="read-only"):
        pairs.source(0)[0] = 9


def test_an_id_outside_the_vocabulary_is_refused(tmp_path):
    for bad in (100, -1):
        with pytest.raises(ValueError, match=r"\[0, 100\)"):
            ShardWriter(tmp_path, 2, 100).append([1], [bad])


def test_an_index_outside_is_an_error_and_not_another_pair(tmp_path):
    pairs = _write(tmp_path, [([1], [2])])
    for i in (-1, 1):
        with pytest.raises(IndexError):
            pairs.source(i)


@pytest.mark.parametrize("name", ["00001.source.tokens.npy", "00000.target.offsets.npy"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "header"])
def test_a_damaged_shard_is_named(tmp_path, name, damage):
    _write(tmp_path, [([i] * 9, [i] * 8) for i in range(4)])
    path = tmp_path / name
    whole = path.read_bytes()
    damaged = {"truncated": whole[:-3], "empty": b"", "header": b"x" * 200}
    path.unlink()
    if damage != "missing":
        path.write_bytes(damaged[damage])
    with pytest.raises(NmtError, match=f"{name}: .*; run nmt preprocess again"):
        Pairs(tmp_path)


def test_shards_of_another_corpus_are_noticed(tmp_path):
    _write(tmp_path / "a", [([1] * 9, [1])])
    _write(tmp_path / "b", [([1] * 8, [1])])
    name = "00000.source.tokens.npy"
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(NmtError, match="8 tokens, not 9"):
        Pairs(tmp_path / "a")


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"pairs": [1, -2]}', b'{"pairs": 3}'])
def test_a_missing_or_damaged_index_is_named(tmp_path, content):
    _write(tmp_path, [([1], [1])])
    index = Path(tmp_path, "shards.json")
    index.unlink()
    if content is not None:
        index.write_bytes(content)
    with pytest.raises(NmtError, match=r"shards\.json: the file is (missing|damaged)"):
        Pairs(tmp_path)


def test_a_folder_whose_writer_was_not_closed_does_not_count(tmp_path):
    writer = ShardWriter(tmp_path, 1, 100)
    writer.append([1], [1])
    with pytest.raises(NmtError, match=r"shards\.json: the file is missing"):
        Pairs(tmp_path)
