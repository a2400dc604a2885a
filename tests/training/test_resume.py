"""A training that was stopped and started again ends with the same bits."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from helpers.training_case import (
    assert_same_bits,
    everything,
    options,
    run_training,
    warnings_of,
)
from nmtcli import config as configuration
from nmtcli.errors import Interrupted, NmtError, UsageError
from nmtcli.runs import checkpoints
from nmtcli.training.events import Resumed, StepLogged


def test_an_interrupted_training_goes_on_to_the_same_bits(prepared, whole, tmp_path):
    from nmtcli.training.run import train

    def interrupt(event):
        if isinstance(event, StepLogged) and event.step == 6:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="saved at step 6") as caught:
        train(options(18), prepared, tmp_path / "run", interrupt)
    assert caught.value.exit_status == 130
    _, events = run_training(options(18), prepared, tmp_path / "run")
    assert [e.step for e in events if isinstance(e, Resumed)] == [6]
    assert_same_bits(whole, tmp_path / "run")


def test_after_a_crash_the_checkpoint_before_a_damaged_one_is_used_and_no_step_is_logged_twice(
    whole, prepared, tmp_path, caplog
):
    shutil.copytree(whole, tmp_path / "run", symlinks=True)
    broken = tmp_path / "run" / "checkpoints" / "step-18" / "model.npz"
    broken.write_bytes(broken.read_bytes()[:-100])
    metrics = tmp_path / "run" / "metrics.jsonl"
    with open(metrics, "a") as stream:  # steps that no checkpoint has, the last line cut off
        stream.write('{"kind": "train", "step": 21, "loss": 1.0}\n{"kind": "tra')
    run_training(options(18), prepared, tmp_path / "run")
    (warning,) = warnings_of(caplog)
    assert "step-18" in warning and "step-16" in warning
    assert_same_bits(whole, tmp_path / "run")
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [x["step"] for x in lines if x["kind"] == "train"] == [3, 6, 9, 12, 15, 18]


def test_a_changed_option_is_refused_with_the_difference(whole, prepared):
    with pytest.raises(UsageError, match=r"training.learning_rate: 0.002 -> 0.1"):
        run_training(options(18, learning_rate=0.1), prepared, whole)


def test_a_full_disk_leaves_the_checkpoint_before(whole, prepared, tmp_path, monkeypatch):
    shutil.copytree(whole, tmp_path / "run", symlinks=True)
    before = everything(tmp_path / "run")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(NmtError, match="No space left"):
        run_training(options(20), prepared, tmp_path / "run")
    monkeypatch.undo()
    assert everything(tmp_path / "run")[1] == before[1]
    assert not list((tmp_path / "run" / "checkpoints").glob(".*part"))


def test_a_loss_that_is_not_finite_goes_back_and_at_last_gives_up(prepared, tmp_path, caplog):
    with pytest.raises(NmtError, match=r"step \d+: the loss is .* Gave up after 2 recoveries"):
        config = options(50, learning_rate=1e30, clip_norm=0.0, recoveries=2, save_every=1)
        run_training(config, prepared, tmp_path / "run")
    warnings = warnings_of(caplog)
    assert len(warnings) == 2 and "training pairs" in warnings[0]


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_no_bit(prepared, tmp_path):
    config = options(2000, save_every=10, every=250)
    run_training(config, prepared, tmp_path / "whole")
    (tmp_path / "options.yaml").write_text(configuration.dump(config))
    given = [
        "--data",
        prepared,
        "--config",
        tmp_path / "options.yaml",
        "--run",
        tmp_path / "killed",
    ]
    command = [sys.executable, "-m", "nmtcli", "train", *map(str, given)]
    moments, reached = random.Random(7), []
    for _ in range(10):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if line.startswith("step "):  # two thirds of the moments are after the first update
                break
            if "parameters" in line and moments.random() < 1 / 3:
                break
        time.sleep(moments.uniform(0, 3))
        assert process.poll() is None, "the training was over before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        reached.append(max([0, *checkpoints.steps(tmp_path / "killed" / "checkpoints")]))
    print("newest checkpoint at each kill:", reached)
    assert len(set(reached)) >= 5 and reached[-1] < 2000
    subprocess.run(command, stderr=subprocess.DEVNULL, check=True)
    assert_same_bits(tmp_path / "whole", tmp_path / "killed")
