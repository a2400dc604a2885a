"""`nmt train` on the command line: what it takes, refuses and says."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from helpers import training_case
from nmtcli import config as configuration
from nmtcli.cli.main import run as nmt
from nmtcli.engines.load import has_export
from nmtcli.runs.directory import RunDirectory

CHECKOUT = Path(__file__).resolve().parents[2]


def test_nothing_here_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert nmt(["train"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "no prepared data here" in error and "nmt preprocess" in error


def test_at_the_top_of_a_checkout_the_embedded_corpus_is_the_default(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(CHECKOUT / "data", tmp_path / "data")
    assert nmt(["train", "--attention", "none", "--dump-config"]) == 0
    dumped = yaml.safe_load(capsys.readouterr().out)
    assert dumped["data"]["train_source"] == "data/train.ko"
    assert dumped["model"]["attention"] == "none"
    sample = yaml.safe_load((CHECKOUT / "data" / "sample.yaml").read_text())
    assert dumped["model"]["encoder_size"] == sample["model"]["encoder_size"]


def test_a_run_that_cannot_be_made_is_refused(prepared, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert nmt(["train", "--data", str(prepared), "--run", str(tmp_path / "file")]) == 2
    assert "exists and is not a run" in capsys.readouterr().err
    assert nmt(["train", "--data", str(prepared), "--run", "/proc/run"]) == 2
    assert "/proc/run: the folder cannot be made" in capsys.readouterr().err


def test_a_folder_that_is_not_a_run_is_left_alone(prepared, tmp_path, capsys):
    (tmp_path / "keep.txt").write_text("x")
    assert nmt(["train", "--data", str(prepared), "--run", str(tmp_path)]) == 2
    assert os.listdir(tmp_path) == ["keep.txt"]


@pytest.mark.parametrize("data", ["nowhere", "file", "."])
def test_what_is_not_prepared_data_is_refused(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    assert nmt(["train", "--data", data, "--run", "run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_sizes_that_do_not_fit_together_are_refused_in_one_line(prepared, tmp_path, capsys):
    arguments = ["--data", str(prepared), "--run", str(tmp_path / "run")]
    odd = ["--set", "model.readout_size=7", "--set", "model.embedding_size=8"]
    assert nmt(["train", *arguments, *odd]) == 2
    error = capsys.readouterr().err
    assert "readout of the embedding's size" in error.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def command(prepared, folder, steps, *more):
    options = folder / "options.yaml"
    options.write_text(configuration.dump(training_case.options(steps, log_every=1)))
    given = ["--data", prepared, "--config", options, "--run", folder / "run", *more]
    return ["train", *map(str, given)]


def start(prepared, folder, steps):
    """Train in a process of its own, which signals can be sent to."""
    arguments = [sys.executable, "-m", "nmtcli", *command(prepared, folder, steps)]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)


def finish(prepared, folder, *more):
    """Train to the end; what was said."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = nmt(command(prepared, folder, 3, *more))
    assert status == 0, said.getvalue()
    return said.getvalue()


@pytest.fixture(scope="module")
def unexported(prepared, tmp_path_factory):
    """The folder of a complete run without an export, and what was said."""
    folder = tmp_path_factory.mktemp("unexported")
    return folder, finish(prepared, folder, "--no-export")


def test_no_export_is_made_where_none_is_wanted(unexported):
    folder, errors = unexported
    assert "exporting" not in errors and not (folder / "run" / "export").exists()


def test_the_best_checkpoint_of_a_complete_run_is_exported_once(unexported, prepared, tmp_path):
    shutil.copytree(unexported[0], tmp_path, symlinks=True, dirs_exist_ok=True)
    errors = finish(prepared, tmp_path)
    run = RunDirectory(tmp_path / "run")
    assert has_export(run) and "done (" in errors.partition("exporting it")[0]
    assert "| onnx, step 3 | float32, " in run.card.read_text()
    assert "exporting it" not in finish(prepared, tmp_path)


def test_a_training_whose_export_fails_is_complete(unexported, prepared, tmp_path):
    shutil.copytree(unexported[0], tmp_path, symlinks=True, dirs_exist_ok=True)
    export = tmp_path / "run" / "export" / "onnx"
    export.mkdir(parents=True)
    (export / "notes.txt").write_text("mine")
    errors = finish(prepared, tmp_path)
    assert "nmt: warning: not exported, so Keras will translate: " in errors
    assert "has files that are no export" in errors and (export / "notes.txt").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(prepared, tmp_path, number):
    process = start(prepared, tmp_path, 100_000)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("step 2 "):
            process.send_signal(number)
            break
    rest = process.stderr.read()
    assert process.wait(timeout=60) == 128 + number
    assert "the same command goes on from there" in rest.splitlines()[-1]
    first = lines[0]
    assert first.startswith("nmt ") and "float32" in first and "parameters" in first
    assert (tmp_path / "run" / "checkpoints" / "last").exists()


@pytest.mark.slow
def test_a_second_signal_ends_at_once(prepared, tmp_path):
    process = start(prepared, tmp_path, 100_000)
    for line in process.stderr:
        if line.startswith("step 1 "):
            break
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - begun < 30
