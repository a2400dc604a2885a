"""NumPy's files are read as NumPy reads them; `tests/fuzz/` has hostile ones."""

import numpy as np
import pytest

from nmtcli.runs.arrays import map_array, read_arrays

ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.arange(6).reshape(2, 3).T,
    np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    np.array(5),
    np.zeros(0),
    np.zeros((0, 3), dtype=np.uint16),
    np.array([True, False]),
    np.arange(3, dtype=">i4"),
    np.ones(3, dtype=np.float16),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_what_numpy_writes_is_read(tmp_path, array):
    np.savez(tmp_path / "a.npz", **{"x": array, "a/b": array})
    np.save(tmp_path / "a.npy", array)
    read = read_arrays(tmp_path / "a.npz")
    assert list(read) == ["x", "a/b"]
    for found in (*read.values(), map_array(tmp_path / "a.npy")):
        assert found.dtype == array.dtype and found.shape == array.shape
        assert np.array_equal(found, array)


def test_packed_arrays_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10_000_000))
    with pytest.raises(ValueError, match="packed"):
        read_arrays(tmp_path / "a.npz")


def test_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{"x": 1}], dtype=object))
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object))
    with pytest.raises(ValueError, match="header"):
        read_arrays(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="header"):
        map_array(tmp_path / "a.npy")
