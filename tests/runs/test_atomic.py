"""Folders are replaced so that one of the two is always found, and leftovers go."""

import os

import pytest

from nmtcli.errors import NmtError
from nmtcli.runs import atomic
from nmtcli.runs.atomic import atomic_directory, remove_folder, restore, write_atomically


def make(folder, content):
    folder.mkdir()
    (folder / "file").write_text(content)


@pytest.fixture(params=["exchange", "two renames"])
def system(request, monkeypatch):
    """Linux, and a system that cannot exchange two names."""
    if request.param == "two renames":
        monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    return request.param


def test_a_folder_is_replaced_and_nothing_is_left(tmp_path, system):
    make(tmp_path / "out", "old")
    with atomic_directory(tmp_path / "out", replace=True) as folder:
        (folder / "file").write_text("new")
        assert (tmp_path / "out" / "file").read_text() == "old"
    assert (tmp_path / "out" / "file").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


def test_at_every_step_of_a_replacement_the_old_or_the_new_folder_is_found(
    tmp_path, system, monkeypatch
):
    make(tmp_path / "out", "old")
    seen = []

    def looking(call):
        def looked(*arguments, **options):
            result = call(*arguments, **options)
            folder = tmp_path / "out"
            folder = folder if folder.exists() else tmp_path / ".out.old"
            seen.append((folder / "file").read_text())
            return result

        return looked

    for name in ("rename", "unlink", "rmdir", "fsync"):
        monkeypatch.setattr(os, name, looking(getattr(os, name)))
    with atomic_directory(tmp_path / "out", replace=True) as folder:
        (folder / "file").write_text("new")
    assert set(seen) == {"old", "new"} and seen == sorted(seen, reverse=True)


def test_an_old_folder_gets_its_name_back_if_the_new_one_did_not_take_it(tmp_path):
    make(tmp_path / ".out.old", "old")
    restore(tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == "old"
    make(tmp_path / ".out.old", "older")
    restore(tmp_path / "out")
    assert (tmp_path / "out" / "file").read_text() == "old"


def test_the_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(tmp_path):
    make(tmp_path / ".out.killed.partial", "part")
    make(tmp_path / ".other.killed.partial", "part")
    with (
        pytest.raises(NmtError, match="Directory not empty"),
        atomic_directory(tmp_path / "out") as living,
        atomic_directory(tmp_path / "out") as second,
    ):
        assert not (tmp_path / ".out.killed.partial").exists()
        assert (tmp_path / ".other.killed.partial").exists()
        assert living.exists() and second != living
        make(tmp_path / "out", "another process was faster")
    assert (tmp_path / "out" / "file").exists()


def test_a_folder_that_is_removed_is_never_found_with_some_of_its_files(tmp_path, monkeypatch):
    make(tmp_path / "step-4", "x")
    unlink = os.unlink

    def look(*arguments, **options):
        assert not (tmp_path / "step-4").exists()
        unlink(*arguments, **options)

    monkeypatch.setattr(os, "unlink", look)
    remove_folder(tmp_path / "step-4")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(("number", "remedy"), [(28, "; free some space"), (5, "")])
def test_a_message_names_the_file_and_helps_against_a_full_disk_alone(
    tmp_path, monkeypatch, number, remedy
):
    def fail(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(NmtError) as failed:
        write_atomically(tmp_path / "file", "x")
    expected = f"{tmp_path / 'file'}: the file cannot be written ({os.strerror(number)}){remedy}"
    assert str(failed.value) == expected
    assert not os.listdir(tmp_path)


def test_a_file_has_the_permissions_that_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
