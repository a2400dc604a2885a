"""`nmt preprocess` on a folder that is there already, on failing disks, and when interrupted."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.preprocess_case import NMT, SMALL, corpus_of, fails, listing, write_lines
from nmtcli.cli.main import run
from nmtcli.config import from_dict
from nmtcli.data import preprocess as use_case
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs.atomic import atomic_directory
from nmtcli.training.setup import open_data


def test_the_same_command_again_keeps_the_folder_as_it_is(here, capsys):
    command = ["preprocess", "--train", "s", "t", *SMALL]
    run(command)
    before = written(Path("prepared/prepared.json"))
    Path("s").rename("s2")  # the same text in another place
    capsys.readouterr()
    assert run(["preprocess", "--train", "s2", "t", *SMALL]) == 0
    assert "prepared: already prepared" in capsys.readouterr().err
    assert written(Path("prepared/prepared.json")) == before


def written(path):
    """What changes when a file is written or replaced, and not when it is read."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_data_that_name_no_normalisation_go_on_with_the_older_one(here, capsys):
    run(["preprocess", "--train", "s", "t", "--valid", "s", "t", *SMALL])
    path = Path("prepared/prepared.json")
    facts = json.loads(path.read_text("utf-8"))
    assert facts["config"]["data"].pop("normalization") == "clean"
    path.write_text(json.dumps(facts), encoding="utf-8")
    config, _ = open_data(from_dict({}), "prepared")
    assert config.data.normalization == "nfc"
    capsys.readouterr()
    difference = "data.normalization: nfc -> clean"
    fails(capsys, ["--train", "s", "t", "--valid", "s", "t", *SMALL], 2, difference, "force")
    older = ["--set", "data.normalization=nfc"]
    assert run(["preprocess", "--train", "s", "t", "--valid", "s", "t", *older, *SMALL]) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--vocab-size", "50"], "subwords.vocabulary_size: 60 -> 50"),
        (["--train", "s", "t2"], "another train text"),
        (["--valid", "vs", "vt"], "another valid text"),
        (["--keep-rejected"], "keep_rejected"),
    ],
)
def test_other_text_or_options_are_refused_and_force_replaces(here, capsys, change, words):
    run(["preprocess", "--train", "s", "t", *SMALL])
    write_lines(here / "t2", [line + "X" for line in corpus_of(100)[1]])
    capsys.readouterr()
    command = ["--train", "s", "t", *SMALL, *change]
    fails(capsys, command, 2, "prepared: has been prepared", words, "force")
    assert run(["preprocess", *command, "--force"]) == 0
    assert run(["preprocess", *command]) == 0
    assert not [name for name in listing() if name.startswith(".")]


def test_force_spares_what_preprocess_did_not_write(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    Path("prepared/notes.txt").write_text("mine")
    capsys.readouterr()
    fails(capsys, ["--train", "s", "t", *SMALL, "--force"], 2, "also has notes.txt")
    assert Path("prepared/notes.txt").exists()


def test_a_failed_replacement_leaves_the_old_data(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    capsys.readouterr()
    fails(capsys, ["--train", "s", "t", "--vocab-size", "9999", "--force"], 2, "too little text")
    assert PreparedData("prepared").facts["vocabulary"]["source"] == 60


def test_a_damaged_folder_is_named_and_not_called_prepared(here, capsys):
    run(["preprocess", "--train", "s", "t", *SMALL])
    Path("prepared/train/00000.target.tokens.npy").write_bytes(b"")
    capsys.readouterr()
    fails(capsys, ["--train", "s", "t", *SMALL], 1, "00000.target.tokens.npy", "--force")
    assert run(["preprocess", "--train", "s", "t", *SMALL, "--force"]) == 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: p.rename("elsewhere"), "there is no such folder"),
        (lambda p: (p / "prepared.json").unlink(), "incomplete"),
        (lambda p: (p / "subwords.target.model").unlink(), "incomplete"),
        (lambda p: (p / "prepared.json").write_text("{"), "damaged; remove"),
        (lambda p: (p / "prepared.json").write_text('{"format": 1, "version": "0"}'), "damaged"),
        (lambda p: (p / "prepared.json").write_text('{"format": 9, "version": "7"}'), "format 9"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_by_its_readers(here, spoil, words):
    run(["preprocess", "--train", "s", "t", *SMALL])
    spoil(Path("prepared"))
    with pytest.raises(UsageError, match=f"prepared.*{words}"):
        PreparedData("prepared")


def test_a_folder_of_other_things_and_a_file_are_not_prepared_data(here):
    with pytest.raises(UsageError, match="is not prepared data"):
        PreparedData(here)
    with pytest.raises(UsageError, match="is a file"):
        PreparedData(here / "s")


def test_a_full_disk_is_one_line_and_nothing_is_left(here):
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    before = listing()
    command = [*NMT, "preprocess", "--train", "s", "t", *SMALL]
    done = subprocess.run(command, preexec_fn=small_files, capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot be written (File too large)" in done.stderr.splitlines()[-1]
    assert listing() == before


def test_a_folder_without_permission_is_one_line(here, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    refused = pytest.raises(UsageError, match="no permission to write there; choose another folder")
    with refused, atomic_directory(here / "out"):
        pass


def test_a_replacement_that_fails_at_the_last_step_is_undone(here, monkeypatch):
    monkeypatch.setattr("nmtcli.runs.atomic._exchange", lambda one, other: False)
    Path("out").mkdir()
    Path("out/old").touch()
    rename, calls = os.rename, []

    def fail_second(old, new):
        calls.append(new)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        rename(old, new)

    monkeypatch.setattr(os, "rename", fail_second)
    refused = pytest.raises(NmtError, match="No space left")
    with refused, atomic_directory(Path("out"), replace=True) as folder:
        (folder / "new").touch()
    assert os.listdir("out") == ["old"]
    assert not [name for name in listing() if name.startswith(".")]


@pytest.mark.parametrize(
    ("number", "status", "stage"),
    [
        (signal.SIGINT, 130, "filtering"),
        (signal.SIGINT, 130, "learning subwords"),
        (signal.SIGTERM, 143, "learning subwords"),
    ],
)
def test_an_interruption_at_any_stage_leaves_nothing(here, number, status, stage):
    sources, targets = corpus_of(30_000)
    write_lines(here / "big", sources)
    write_lines(here / "BIG", targets)
    before = listing()
    command = [*NMT, "preprocess", "--train", "big", "BIG", "--vocab-size", "200"]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while stage not in child.stderr.readline():
        assert child.poll() is None
    time.sleep(0.1)  # into the stage, in which the temporary folder is there
    assert any(name.startswith(".prepared.") for name in listing())
    child.send_signal(number)
    _, rest = child.communicate(timeout=10)
    assert child.returncode == status
    assert rest.splitlines()[-1].endswith("ed; nothing was written")
    assert listing() == before


def test_an_interruption_between_steps_of_the_library_leaves_nothing(here):
    def interrupt(stage, done, total):
        if stage == "encode":
            raise KeyboardInterrupt

    data = {"train_source": "s", "train_target": "t"}
    config = from_dict({"data": data, "subwords": {"vocabulary_size": 60}})
    before = listing()
    with pytest.raises(KeyboardInterrupt):
        use_case.preprocess(config, Path("out"), on_progress=interrupt)
    assert listing() == before
    report = use_case.preprocess(config, Path("out"))
    assert not report.already and report.counts["train"].kept == 100
    assert use_case.preprocess(config, Path("out")).already


def test_no_deep_learning_framework_is_imported(here):
    program = (
        "import sys; from nmtcli.cli.main import run;"
        "status = run(['preprocess', '--train', 's', 't', '--vocab-size', '60']);"
        "bad = {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules);"
        "sys.exit(f'imported {bad}' if bad else status)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(PreparedData("prepared").train) == 100


def test_help_needs_no_heavy_import(here):
    program = (
        "import sys; from nmtcli.cli.main import run; status = run(['preprocess', '--help']);"
        "bad = {'numpy', 'sentencepiece', 'yaml'} & set(sys.modules);"
        "sys.exit(f'imported {bad}' if bad else status)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--keep-rejected" in done.stdout
