"""Checkpoints are whole or not there, and a damaged one is passed over and named."""

import json
import shutil

import numpy as np
import pytest

from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import checkpoints


def save(folder, step):
    arrays = {"model": {"a/b": np.full((3, 2), step, "float32")}, "optimizer": {"0": np.arange(3)}}
    return checkpoints.save(folder, step, arrays, {"step": step, "note": "한글"})


@pytest.fixture
def folder(tmp_path):
    for step in (10, 20, 100):
        save(tmp_path, step)
    return tmp_path


def test_what_is_loaded_is_what_was_saved(folder):
    step, arrays, state = checkpoints.load(folder, groups=("model", "optimizer"))
    assert step == 100 and state == {"step": 100, "note": "한글"}
    assert arrays["model"]["a/b"].dtype == np.float32 and (arrays["model"]["a/b"] == 100).all()
    assert arrays["optimizer"]["0"].tolist() == [0, 1, 2]


def test_a_checkpoint_is_found_by_each_of_its_names(folder):
    checkpoints.point(folder, "best", 20)
    assert checkpoints.load(folder, "best")[0] == 20
    assert checkpoints.load(folder, "step-10")[0] == 10
    assert checkpoints.load(folder, "last")[0] == 100


def test_best_is_the_last_one_until_there_was_a_validation(folder):
    assert checkpoints.load(folder, "best")[0] == 100


def test_links_that_a_copy_made_folders_still_name_their_checkpoint(folder, tmp_path_factory):
    checkpoints.point(folder, "best", 10)
    copied = tmp_path_factory.mktemp("copy") / "checkpoints"
    shutil.copytree(folder, copied, symlinks=False)
    assert checkpoints.load(copied, "best")[0] == 10


@pytest.mark.parametrize("file", ["model.npz", "optimizer.npz", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "removed"])
def test_a_damaged_checkpoint_is_passed_over_and_named(folder, file, damage, caplog):
    path = folder / "step-100" / file
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "changed":
        path.write_bytes(data[:-3] + b"xyz")
    else:
        path.unlink()
    step, _, state = checkpoints.load(folder)
    assert step == 20 and state["step"] == 20
    (warning,) = caplog.messages
    assert "step-100" in warning and "step-20" in warning


def test_with_no_whole_checkpoint_the_damaged_one_is_named(tmp_path):
    (save(tmp_path, 5) / "model.npz").write_bytes(b"")
    with pytest.raises(NmtError, match=r"step-5 is damaged \(model.npz has 0 of \d+ bytes\)"):
        checkpoints.load(tmp_path)


def test_an_unknown_checkpoint_is_refused_with_those_there_are(folder):
    with pytest.raises(UsageError, match="no checkpoint 'step-11' .*step-10, step-20, step-100"):
        checkpoints.load(folder, "step-11")
    with pytest.raises(UsageError, match="available: none"):
        checkpoints.load(folder / "empty")


def test_a_failed_save_leaves_everything_as_it_was(folder, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(NmtError, match="step-200: the folder cannot be written .No space left"):
        save(folder, 200)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["last", "step-10", "step-100", "step-20"]
    assert checkpoints.load(folder)[0] == 100


def test_a_save_cut_off_by_a_crash_is_not_taken_for_a_checkpoint(folder):
    shutil.copytree(folder / "step-20", folder / ".step-300.x1.partial")
    assert checkpoints.load(folder)[0] == 100
    checkpoints.prune(folder, keep=3)
    assert not (folder / ".step-300.x1.partial").exists()


def test_pruning_keeps_the_newest_and_the_best(folder):
    checkpoints.point(folder, "best", 10)
    save(folder, 200)
    checkpoints.prune(folder, keep=2)
    assert checkpoints.steps(folder) == [10, 100, 200]


def test_the_manifest_has_the_size_of_every_file(folder):
    files = json.loads((folder / "step-10" / "manifest.json").read_text())["files"]
    assert set(files) == {"model.npz", "optimizer.npz", "state.json"}
    for name, facts in files.items():
        assert facts["bytes"] == (folder / "step-10" / name).stat().st_size


def test_a_checkpoint_that_is_gone_is_passed_over_and_named(folder, caplog):
    checkpoints.point(folder, "best", 100)
    shutil.rmtree(folder / "step-100")
    for name in ("best", "last"):
        caplog.clear()
        assert checkpoints.load(folder, name)[0] == 20
        (warning,) = caplog.messages
        assert warning == f"{folder / 'step-100'} is missing; step-20 is used instead"
        with pytest.raises(NmtError, match="step-100 is missing; name another checkpoint"):
            checkpoints.load(folder, name, fall_back=False)


def test_an_average_that_is_gone_is_passed_over_and_named(folder, caplog):
    checkpoints.point(folder, "best", "average")
    assert checkpoints.load(folder, "best")[0] == 100
    (warning,) = caplog.messages
    assert warning == f"{folder / 'average'} is missing; step-100 is used instead"


def test_where_all_earlier_checkpoints_are_gone_the_later_ones_are_named(folder):
    checkpoints.point(folder, "best", 10)
    shutil.rmtree(folder / "step-10")
    message = r"step-10 is missing, .* before it; name another checkpoint \(step-20, step-100\)"
    with pytest.raises(NmtError, match=message):
        checkpoints.load(folder, "best")
    for step in (20, 100):
        shutil.rmtree(folder / f"step-{step}")
    with pytest.raises(NmtError, match="step-10 is missing, .* before it; train again"):
        checkpoints.load(folder, "best")


def test_without_its_link_the_best_checkpoint_is_found_by_the_state_and_named(tmp_path, caplog):
    for step in (10, 20):
        arrays = {"model": {"a": np.zeros(1)}}
        checkpoints.save(tmp_path, step, arrays, {"best_step": 10})
    assert checkpoints.load(tmp_path, "best")[0] == 10
    (warning,) = caplog.messages
    assert warning == f"{tmp_path / 'best'} is missing; step-10, the best one, is used"


def test_an_average_that_is_replaced_is_found_after_a_crash_between_two_renames(folder):
    arrays = {"model": {"a": np.zeros(1)}}
    checkpoints.save_as(folder, "average", 100, arrays, {"average_of": ["step-20", "step-100"]})
    (folder / "average").rename(folder / ".average.old")
    assert checkpoints.load(folder, "average")[0] == 100
