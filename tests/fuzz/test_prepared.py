"""Whatever prepared data have, they are read or refused with one line."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.fuzzing import (
    as_json,
    changed,
    damaged,
    fuzzed,
    is_read_or_refused,
    json_files,
)  # fmt: skip
from nmtcli import config
from nmtcli.data import vocabulary
from nmtcli.data.learn_subwords import learn
from nmtcli.data.prepared import PreparedData
from nmtcli.data.preprocess import preprocess
from nmtcli.data.shortlist import Shortlist, load_shortlist

DEEP = b"[" * 100_000


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Prepared data with links and validation text; the bytes of each file by its path."""
    folder = tmp_path_factory.mktemp("prepared")
    lines = [f"{word} {other}" for word in "abcdefgh" for other in ("xyz", "zyx", "yx")]
    for name, texts in (("s", lines), ("t", [line.upper() for line in lines])):
        (folder / name).write_text("".join(f"{line}\n" for line in texts))
    (folder / "links").write_text("0-0 1-1\n" * len(lines))
    s, t = str(folder / "s"), str(folder / "t")
    options = config.from_dict(
        {
            "data": {"train_source": s, "train_target": t, "valid_source": s, "valid_target": t,
                     "alignments": str(folder / "links"), "shard_pairs": 10},
            "subwords": {"type": "char", "vocabulary_size": 40},
        }
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "learn_in_child", learn)  # faster
        preprocess(options, folder / "data")
    data = folder / "data"
    return data, {str(p.relative_to(data)): p.read_bytes() for p in data.rglob("*") if p.is_file()}


def read(folder) -> None:
    """Do with prepared data what a training does before it begins."""
    data = PreparedData(folder)
    data.check()
    for pairs in filter(None, (data.train, data.valid)):
        for i in range(len(pairs)):
            assert len(pairs.source(i)) == pairs.source_lengths[i]
            assert pairs.target(i).max(initial=0) < data.facts["vocabulary"]["target"]
            if pairs.has_links:
                assert (pairs.links(i) < [len(pairs.source(i)), len(pairs.target(i))]).all()


def write(files, name: str, content: bytes):
    """Return the folder, in which one file is another one and the others are whole."""
    folder, whole = files
    for other in [name, *({getattr(write, "last", name)} - {name})]:
        (folder / other).write_bytes(whole[other])
    (folder / name).write_bytes(content)
    write.last = name
    return folder


def test_the_data_themselves_are_read(files):
    assert is_read_or_refused(
        lambda: read(write(files, "prepared.json", files[1]["prepared.json"]))
    )


@fuzzed
@given(st.data())
def test_prepared_data_of_any_bytes(files, data):
    name = data.draw(st.sampled_from([n for n in files[1] if n.endswith((".npy", ".json"))]))
    content = data.draw((json_files if name.endswith(".json") else damaged)(files[1][name]))
    folder = write(files, name, content)
    is_read_or_refused(lambda: read(folder))


@fuzzed
@given(st.data())
def test_prepared_data_of_other_facts(files, data):
    values = data.draw(changed(json.loads(files[1]["prepared.json"])))
    folder = write(files, "prepared.json", as_json(values))
    is_read_or_refused(lambda: read(folder))


@pytest.mark.parametrize("content", [b"", DEEP, b"null", b"9" * 5000])
def test_prepared_data_with_a_file_that_says_nothing(files, content):
    for name in (n for n in files[1] if n.startswith("train/00000") or n.endswith(".json")):
        folder = write(files, name, content)
        is_read_or_refused(lambda folder=folder: read(folder))


SIDE = "train/00000.source"
LINKS = "train/00000.links"
HOSTILE = {
    "offsets that go back": (f"{SIDE}.offsets.npy", lambda a: np.r_[0, a[1:-1][::-1], a[-1]]),
    "offsets beyond the tokens": (f"{SIDE}.offsets.npy", lambda a: np.r_[0, a[1:-1] << 40, a[-1]]),
    "ids that no subword has": (f"{SIDE}.tokens.npy", lambda a: a + 60_000),
    "links out of the pair": (f"{LINKS}.tokens.npy", lambda a: a + 1_000_000),
    "half a link": (f"{LINKS}.offsets.npy", lambda a: np.r_[0, a[1:-1] - 1, a[-1]]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_arrays_that_do_not_fit_are_refused(files, name, tmp_path):
    path, change = HOSTILE[name]
    (tmp_path / "whole.npy").write_bytes(files[1][path])
    array = np.load(tmp_path / "whole.npy")
    np.save(tmp_path / "changed.npy", change(array).astype(array.dtype))
    folder = write(files, path, (tmp_path / "changed.npy").read_bytes())
    assert not is_read_or_refused(lambda: read(folder))


def shortlist_bytes(folder, offsets, pieces, size) -> bytes:
    Shortlist(np.array(offsets), np.array(pieces), np.array(size)).save(folder / "made.npz")
    return (folder / "made.npz").read_bytes()


@pytest.fixture(scope="module")
def shortlist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shortlist")
    return folder, shortlist_bytes(folder, [0, 2, 2, 3], [3, 4, 3], 5)


def use_shortlist(path) -> None:
    chosen, mask = load_shortlist(path, 3, 5).choose(np.array([[1, 2], [2, 0]]))
    assert mask.shape == (2, len(chosen))


@fuzzed
@given(st.data())
def test_a_shortlist_of_any_bytes(shortlist, data):
    folder, whole = shortlist
    (folder / "shortlist.npz").write_bytes(data.draw(damaged(whole)))
    is_read_or_refused(lambda: use_shortlist(folder / "shortlist.npz"))


@pytest.mark.parametrize(
    ("offsets", "pieces", "size"),
    [
        ([0, 2**62, 2, 3], [3, 4, 3], 5),
        ([0, 2, 1, 3], [3, 4, 3], 5),
        ([0, 2, 2, 3], [3, 5, 3], 5),
        ([0, 2, 2, 3], [3, -1, 3], 5),
        ([0.0, 2, 2, 3], [3, 4, 3], 5),
        ([[0, 2, 2, 3]], [3, 4, 3], 5),
        ([], [], 5),
        ([0, 2, 2, 3], [3, 4, 3], [5, 5]),
    ],
)
def test_a_shortlist_that_does_not_fit_is_refused(shortlist, offsets, pieces, size):
    folder, whole = shortlist
    path = folder / "shortlist.npz"
    path.write_bytes(shortlist_bytes(folder, offsets, pieces, size))
    assert not is_read_or_refused(lambda: use_shortlist(path))
    path.write_bytes(whole)
    assert is_read_or_refused(lambda: use_shortlist(path))
