"""Runs are found, checked, and written whole."""

import json
import os

import pytest

from nmtcli import __version__
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import directory as run_directory
from nmtcli.runs.directory import RunDirectory, find_run, newest_run, write_atomically


def make_run(path, when=None):
    run = RunDirectory(path)
    run.create({"seed": 1})
    if when is not None:
        os.utime(run.facts, (when, when))
    return run


def test_a_made_run_remembers_version_and_facts(tmp_path):
    facts = make_run(tmp_path / "runs" / "a").read_facts()
    assert facts == {"format": 2, "version": __version__, "seed": 1}


def test_a_run_that_names_no_normalisation_goes_on_with_the_older_one(tmp_path):
    run = make_run(tmp_path / "run")
    run.config.write_text("data:\n  max_words: 9\n", encoding="utf-8")
    assert run.read_config().data.normalization == "nfc"
    run.config.write_text("data:\n  normalization: clean\n", encoding="utf-8")
    assert run.read_config().data.normalization == "clean"


def test_the_newest_run_is_the_one_that_last_saved(tmp_path):
    for name, when in (("old", 100), ("new", 300), ("middle", 200)):
        make_run(tmp_path / "runs" / name, when)
    assert newest_run(tmp_path).path.name == "new"
    assert find_run(root=tmp_path).path.name == "new"
    assert find_run(tmp_path / "runs" / "old").path.name == "old"


def test_without_a_run_one_line_says_what_is_missing(tmp_path):
    with pytest.raises(UsageError, match="no run .* give the folder of one"):
        find_run(root=tmp_path)
    with pytest.raises(UsageError, match="no such run"):
        find_run(tmp_path / "nowhere")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"is not a run, since it has no run.json"):
        find_run(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        find_run(tmp_path / "file")


def test_a_run_of_another_format_names_both_versions(tmp_path):
    run = make_run(tmp_path / "run")
    run.write_facts({"format": 99, "version": "7.0"})
    with pytest.raises(UsageError, match=f"format 99, made by nmt 7.0, but nmt {__version__}"):
        run.read_facts()


@pytest.mark.parametrize("content", ["{", "[]", "null", '"x"'])
def test_damaged_facts_are_an_error_of_one_line(tmp_path, content):
    run = make_run(tmp_path / "run")
    run.facts.write_text(content)
    with pytest.raises(NmtError) as caught:
        run.read_facts()
    assert "\n" not in str(caught.value)


def test_a_file_in_the_way_of_a_new_run_is_named(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(UsageError, match="a file is in the way"):
        make_run(tmp_path / "run")
    with pytest.raises(UsageError, match="a file is in the way"):
        make_run(tmp_path / "run" / "deeper")


def test_writing_replaces_the_whole_file_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "facts.json"
    write_atomically(path, json.dumps({"a": 1}))

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_directory.os, "fsync", full)
    with pytest.raises(NmtError, match="facts.json: the file cannot be written .No space left"):
        write_atomically(path, json.dumps({"a": 2}))
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["facts.json"]


def test_a_run_that_was_only_begun_is_no_run_and_can_be_begun_anew(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.check_free()
    run.make()
    run.check_free()
    for name in (".lock", "subwords.source.model", "config.yaml", ".run.json.x1.partial"):
        (run.path / name).write_text("x")
        run.check_free()
        assert not run.exists()
    with run.locked():
        pass
    assert sorted(os.listdir(run.path)) == [".lock", "config.yaml", "subwords.source.model"]


def test_a_run_of_facts_alone_can_be_begun_anew(tmp_path):
    """Older versions wrote `run.json` first."""
    run = make_run(tmp_path / "run")
    assert not run.exists()
    run.check_free()


@pytest.mark.parametrize("foreign", ["config.yaml", "notes.txt"])
def test_a_folder_with_something_of_the_user_is_refused(tmp_path, foreign):
    (tmp_path / foreign).write_text("x")
    with pytest.raises(UsageError, match="exists and is not a run; choose another folder"):
        RunDirectory(tmp_path).check_free()
    (tmp_path / ".lock").touch()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="exists and is not a run"):
        RunDirectory(tmp_path).check_free()


def test_a_run_with_checkpoints_that_lacks_a_file_is_not_begun_anew_and_the_file_is_named(tmp_path):
    run = make_run(tmp_path / "run")
    (run.checkpoints / "step-4").mkdir()
    with pytest.raises(UsageError, match="run/config.yaml: the file is missing, but there are"):
        run.check_free()


def test_an_export_that_was_made_is_remembered(tmp_path):
    run = make_run(tmp_path / "run")
    assert not run.had_export("onnx")
    run.note_export("onnx")
    run.note_export("onnx")
    assert run.had_export("onnx") and not run.had_export("ctranslate2")
    assert run.read_facts()["exports"] == ["onnx"]


def test_a_command_that_reads_says_that_a_run_was_only_begun_or_what_it_lacks(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.make()
    with run.locked():
        pass
    with pytest.raises(UsageError, match="the run was only begun, and has no run.json; give the"):
        find_run(run.path)
    run.create({})
    with pytest.raises(UsageError, match="run/config.yaml: the file is missing; restore it"):
        find_run(run.path).read_config()
