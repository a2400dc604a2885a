"""What is missing in a run is named before something else is used."""

import json
import shutil

import numpy as np
import pytest

from nmtcli.engines import load
from nmtcli.engines.runtime import Runtime
from nmtcli.errors import UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.exports import DESCRIPTION, GRAPHS, checkpoint_hash


class KerasWouldBeLoaded(Exception):
    pass


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run with two checkpoints and an export of the best one, which has no graphs."""

    def load_model(*arguments, **options):
        raise KerasWouldBeLoaded

    monkeypatch.setattr(load, "load_model", load_model)
    run = RunDirectory(tmp_path / "run")
    run.create({})
    for step in (4, 8):
        checkpoints.save(run.checkpoints, step, {"model": {"w": np.zeros(1)}}, {})
    checkpoints.point(run.checkpoints, "best", 8)
    folder = run.export / "onnx"
    folder.mkdir(parents=True)
    checks = {name: {"accepted": True} for name in ("float32", "int8")}
    facts = {"weights": checkpoint_hash(run, "best"), "graphs": GRAPHS, "files": {}, "step": 8}
    facts |= checks
    (folder / DESCRIPTION).write_text(json.dumps(facts))
    run.note_export("onnx")
    return run


def warning_of(run, caplog):
    with pytest.raises(KerasWouldBeLoaded):
        load.load_engine(run)
    (warning,) = caplog.messages
    return warning


def test_an_export_that_is_gone_is_named(run, caplog):
    assert load.has_export(run)
    shutil.rmtree(run.export)
    remedy = f"make it again: nmt export --run {run.path} --checkpoint best"
    expected = f"{run.export / 'onnx'}: the export is missing; {remedy}; Keras translates instead"
    assert warning_of(run, caplog) == expected
    with pytest.raises(UsageError, match="the export is missing"):
        load.load_engine(run, runtime=Runtime(engine="onnx"))


def test_a_run_that_never_had_an_export_gets_no_warning(run, caplog):
    shutil.rmtree(run.export)
    run.write_facts(run.read_facts() | {"exports": []})
    with pytest.raises(KerasWouldBeLoaded):
        load.load_engine(run)
    assert not caplog.messages


def test_an_export_whose_checkpoint_is_gone_is_not_said_to_be_of_other_weights(run, caplog):
    shutil.rmtree(run.checkpoints / "step-8")
    assert f"{run.checkpoints / 'best'} is missing or damaged" in warning_of(run, caplog)


def test_an_export_is_found_after_a_crash_between_the_two_renames_of_its_replacement(run):
    (run.export / "onnx").rename(run.export / ".onnx.old")
    assert load.has_export(run)
