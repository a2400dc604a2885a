"""A folder from a stranger: nothing in it leads out of it, and nothing in it is run."""

import contextlib
import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from nmtcli.cli.main import run as run_command
from nmtcli.config import Config, ModelConfig, dump, load
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import NmtError, UsageError
from nmtcli.inference.loading import search_options
from nmtcli.runs import checkpoints, reading
from nmtcli.runs.directory import RunDirectory

RUN = Path(__file__).parents[1] / "end_to_end" / "runs" / "rnn"


@pytest.fixture
def run(tmp_path):
    """A copy of a run, beside a file that is not for its readers."""
    shutil.copytree(RUN, tmp_path / "run", symlinks=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "other").mkdir()
    shutil.copytree(RUN / "checkpoints" / "step-300", tmp_path / "other" / "step-300")
    return RunDirectory(tmp_path / "run")


def replace(path: Path, target) -> None:
    """Put a link in the place of a file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("run.json", "secret"), ("config.yaml", "secret"), ("metrics.jsonl", "secret"),
        ("MODEL_CARD.md", "secret"), ("subwords.source.model", "secret"), ("samples", "other"),
        ("export", "other"), ("checkpoints", "other"), ("checkpoints/best", "other/step-300"),
        ("checkpoints/last", "other/step-300"), ("checkpoints/step-300/model.npz", "secret"),
        ("checkpoints/step-300", "other/step-300"), ("tensorboard", "other"),
    ],
)  # fmt: skip
def test_a_link_that_leads_out_of_the_run_is_refused(run, name, target, absolute, capsys):
    path = run.path / name
    outside = run.path.parent / target
    replace(path, outside if absolute else os.path.relpath(outside, path.parent))
    for command in (["inspect", "--card"], ["inspect"], ["translate", "--run"]):
        assert run_command([*command, str(run.path)]) in (1, 2)
        output = capsys.readouterr()
        assert "secret" not in output.out
        if name != "run.json" or absolute:
            assert "leads out of its folder" in output.err


def test_links_inside_and_a_link_to_the_whole_run_are_followed(run, tmp_path):
    replace(run.checkpoints / "best", "step-300")
    (run.path / "again").symlink_to(".")
    (tmp_path / "linked").symlink_to("run")
    assert RunDirectory(tmp_path / "linked").read_facts()["vocabulary"]


def test_what_a_training_removes_meanwhile_is_no_fault(run, monkeypatch):
    (run.checkpoints / "step-1").mkdir()
    (run.checkpoints / "file").touch()
    scan, seen = os.scandir, []

    def removing(path):
        with scan(path) as found:
            entries = list(found)
        seen.extend(entry.name for entry in entries)
        (run.checkpoints / "file").unlink(missing_ok=True)
        if (run.checkpoints / "step-1").exists():
            (run.checkpoints / "step-1").rmdir()
        return contextlib.nullcontext(entries)

    with monkeypatch.context() as patch:
        patch.setattr(reading.os, "scandir", removing)
        reading.check_folder(run.checkpoints)
    assert {"step-1", "file"} <= set(seen)


def test_a_link_that_leads_to_itself_is_no_crash(run):
    (run.path / "loop").symlink_to("loop")
    run.read_facts()


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "checkpoints/pipe", "run.json"])
def test_a_pipe_in_a_run_is_refused_and_not_waited_for(run, name):
    (run.path / name).unlink(missing_ok=True)
    os.mkfifo(run.path / name)
    with pytest.raises(UsageError, match=r"is a pipe|has no run\.json"):
        run.read_facts()


def test_a_socket_in_a_run_is_refused(run, monkeypatch):
    monkeypatch.chdir(run.path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(UsageError, match="is a pipe or a device"):
            run.read_facts()


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "../step-300/model.npz", "a\0b"])
def test_a_manifest_names_no_file_of_another_folder(run, name):
    path = run.checkpoints / "step-300" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 6}
    path.write_text(json.dumps(manifest))
    with pytest.raises(NmtError, match="names other files"):
        checkpoints.load(run.checkpoints)


@pytest.mark.parametrize(
    "manifest", [{"name": "../../other/step-300"}, {"step": "300/../../../other/step-300"}]
)
def test_a_copied_link_names_no_other_folder(run, manifest):
    copied = run.checkpoints / "best"
    if copied.is_symlink():
        copied.unlink()
    copied.mkdir(exist_ok=True)
    (copied / "manifest.json").write_text(json.dumps(manifest))
    assert checkpoints.target(run.checkpoints, "best") is None


def test_large_files_are_refused_before_they_are_read(run, capsys):
    for name in ("run.json", "config.yaml", "subwords.source.model"):
        with open(run.path / name, "r+b") as stream:
            stream.truncate(10**12)  # takes no room on the disk
        status = run_command(["translate", "--run", str(run.path), "--engine", "keras"])
        line = capsys.readouterr().err
        assert status in (1, 2) and line.count("\n") == 1 and name in line
        shutil.copyfile(RUN / name, run.path / name)


def test_paths_in_the_configuration_of_a_run_are_not_read_by_a_translation(run, tmp_path):
    trap = str(tmp_path / "trap")
    os.mkfifo(trap)  # whoever opens it waits for ever
    options = load(run.config)
    values = {
        "data": {"train_source": trap, "train_target": trap, "valid_source": trap,
                 "valid_target": trap, "alignments": [trap]},
        "subwords": {"taken_from": trap},
        "training": {"init_from": trap},
    }  # fmt: skip
    run.config.write_text(dump(load(None, overrides=values)))
    assert search_options(run) == options.search
    assert run_command(["inspect", str(run.path)]) == 0


def test_the_sizes_of_a_model_are_those_of_its_checkpoint(run):
    from nmtcli.engines.load import load_model

    facts = run.read_facts()
    for options, vocabulary in (
        (ModelConfig(embedding_size=10**9), 70),
        (ModelConfig(encoder_layers=10**9), 70),
        (ModelConfig(decoder_size=10**6, encoder_size=10**6), 70),
        (ModelConfig(architecture="transformer", feed_forward_size=10**9), 70),
        (ModelConfig(attention="luong-location", attention_positions=10**9), 70),
        (ModelConfig(embedding_size=16), 10**9),
    ):
        run.config.write_text(dump(Config(model=options)))
        run.write_facts(facts | {"vocabulary": {"source": vocabulary, "target": vocabulary}})
        with pytest.raises(NmtError, match="many times as large as its checkpoint"):
            load_model(run)


def test_what_a_terminal_would_obey_is_shown_as_text(run, capsys):
    run.config.write_text('model: {cell: "\\e]0;title\\a\\nsecond line"}\n')
    assert run_command(["translate", "--run", str(run.path)]) == 2
    line = capsys.readouterr().err
    assert "\\x1b]0;title\\x07\\nsecond line" in line and line.count("\n") == 1
    run.card.write_text("# Card\n\x1b[2J\ttext\x9b31m\n")
    assert run_command(["inspect", "--card", str(run.path)]) == 0
    assert capsys.readouterr().out == "# Card\n\\x1b[2J\ttext\\x9b31m\n"
    facts = run.read_facts() | {"device": "\x1b[2J", "\x1b[31m": {"\n": 1}}
    run.write_facts(facts)
    assert run_command(["inspect", str(run.path)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_prepared_data_lead_nowhere_else(tmp_path):
    folder = tmp_path / "prepared"
    folder.mkdir()
    (folder / "prepared.json").write_text("{}")
    (tmp_path / "secret").write_text("secret")
    (folder / "valid.source.txt").symlink_to("../secret")
    with pytest.raises(UsageError, match="leads out of its folder"):
        PreparedData(folder)
    (folder / "valid.source.txt").unlink()
    os.mkfifo(folder / "valid.source.txt")
    with pytest.raises(UsageError, match="is a pipe"):
        PreparedData(folder)
