"""metrics.jsonl and the event file for TensorBoard say what was measured."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nmtcli.errors import NmtError
from nmtcli.runs.metrics_log import Metrics, read_metrics


def read_scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_tensorboard_reads_the_numbers_that_were_written(tmp_path):
    metrics = Metrics(tmp_path / "metrics.jsonl", step=0)
    metrics.write("train", 5, loss=2.5, note="text is no scalar")
    metrics.write("train", 10, loss=1.5)
    metrics.write("validation", 10, bleu=25.0, perplexity=None)
    metrics.close()
    assert read_scalars(tmp_path / "tensorboard") == {
        "train/loss": [(5, 2.5), (10, 1.5)],
        "validation/bleu": [(10, 25.0)],
    }
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {
        "kind": "train",
        "step": 5,
        "loss": 2.5,
        "note": "text is no scalar",
    }


def test_what_was_measured_after_the_checkpoint_is_forgotten(tmp_path):
    first = Metrics(tmp_path / "metrics.jsonl", step=0)
    for step in (5, 10, 15):
        first.write("train", step, loss=float(step))
    first.close()
    again = Metrics(tmp_path / "metrics.jsonl", step=10)
    again.write("train", 15, loss=99.0)
    again.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(5, 5.0), (10, 10.0), (15, 99.0)]
    assert read_scalars(tmp_path / "tensorboard")["train/loss"][-1] == (15, 99.0)


def test_writing_event_files_imports_no_tensorflow(tmp_path):
    code = (
        "import sys\n"
        "from nmtcli.runs.metrics_log import Metrics\n"
        f"Metrics({str(tmp_path / 'metrics.jsonl')!r}, 0).write('train', 1, loss=1.0)\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_line_without_its_end_does_not_spoil_the_next_one(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "train", "step": 5}\n{"kind": "train", "step": 10}')
    metrics = Metrics(path, step=10)
    metrics.write("train", 15)
    metrics.close()
    assert [line["step"] for line in read_metrics(path)] == [5, 10, 15]


def test_a_full_disk_is_one_line_that_names_the_file(tmp_path, monkeypatch):
    metrics = Metrics(tmp_path / "metrics.jsonl", step=0)

    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(NmtError, match=r"metrics.jsonl: .*\(No space left on device\); free some"):
        metrics.sync()
    metrics.close()


RUNS = Path(__file__).parents[1] / "end_to_end" / "runs"


@pytest.mark.parametrize("name", ["rnn", "transformer"])
def test_every_line_of_a_real_training_is_read_and_kept_on_resume(name, tmp_path):
    log = tmp_path / "metrics.jsonl"
    shutil.copyfile(RUNS / name / "metrics.jsonl", log)
    written = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in written.splitlines()]
    assert read_metrics(log) == lines and any(line["epoch"] % 1 for line in lines)
    Metrics(log, step=300).close()
    assert log.read_text(encoding="utf-8") == written
