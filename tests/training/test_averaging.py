"""The average of checkpoints: which, the mean itself, and where it can be used."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.tiny_run import make_tiny_run
from nmtcli.cli.main import run as nmt
from nmtcli.errors import NmtError, UsageError
from nmtcli.runs import checkpoints
from nmtcli.runs.directory import RunDirectory
from nmtcli.training.averaging import average, choose, made_of, mean_of

STEPS = (10, 20, 30, 40)


def make_run(folder, values=(1.0, 2.0, 4.0, 8.0), dtype="float32"):
    """A run of four checkpoints with one weight and a best validation at step 20, then 40."""
    run = RunDirectory(folder)
    run.create({})
    run.config.write_text("validation: {early_stopping: bleu}\n")
    lines = []
    for step, value, bleu in zip(STEPS, values, (10.0, 30.0, 20.0, 25.0)):
        arrays = {"model": {"w": np.full((2, 3), value, dtype)}, "optimizer": {"0": np.zeros(1)}}
        checkpoints.save(run.checkpoints, step, arrays, {"step": step})
        lines.append({"kind": "validation", "step": step, "bleu": bleu, "perplexity": 5.0})
    lines.append({"kind": "train", "step": 40, "loss": 1.0})
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["step-10", "step-20", "step-30", "step-40"]),
        ({"last": 2}, ["step-30", "step-40"]),
        ({"best": 2}, ["step-20", "step-40"]),
        ({"best": 3}, ["step-20", "step-30", "step-40"]),
        ({"named": ["step-40", "step-10"]}, ["step-10", "step-40"]),
        ({"named": ["last", "step-20"]}, ["step-20", "step-40"]),
    ],
)
def test_checkpoints_are_chosen_by_age_by_score_or_by_name(wanted, names, tmp_path):
    assert choose(make_run(tmp_path / "run"), **wanted) == names


def test_the_average_is_a_checkpoint_of_the_mean_that_says_what_it_is_of(tmp_path):
    run = make_run(tmp_path / "run")
    made = average(run, last=3)
    assert made.name == "average" and made.made_of == ["step-20", "step-30", "step-40"]
    step, arrays, state = checkpoints.load(run.checkpoints, "average")
    assert step == 40 and state == {"average_of": made.made_of} and made_of(run) == made.made_of
    assert arrays["model"]["w"].dtype == np.float32
    np.testing.assert_array_equal(arrays["model"]["w"], np.float32((2.0 + 4.0 + 8.0) / 3))


def test_an_average_changes_neither_last_nor_best_nor_the_steps(tmp_path):
    run = make_run(tmp_path / "run")
    checkpoints.point(run.checkpoints, "best", 20)
    average(run)
    assert checkpoints.steps(run.checkpoints) == list(STEPS)
    assert checkpoints.load(run.checkpoints, "last")[0] == 40
    assert checkpoints.load(run.checkpoints, "best")[0] == 20
    checkpoints.prune(run.checkpoints, keep=2)
    assert checkpoints.averages(run.checkpoints) == ["average"]


def test_sums_are_not_rounded_on_the_way(tmp_path):
    """In float32 the first sum would lose the 1 beside 2**24, which is not so in float64."""
    run = make_run(tmp_path / "run", values=(2.0**24, 1.0, 1.0, 2.0**24))
    mean = mean_of(run, [f"step-{step}" for step in STEPS])["w"]
    np.testing.assert_array_equal(mean, np.float32((2**25 + 2) / 4))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=4))
def test_the_mean_is_that_of_numpy(tmp_path_factory, values):
    run = make_run(tmp_path_factory.mktemp("mean") / "run", values)
    expected = np.mean(np.array(values, "float64")).astype("float32")
    mean = mean_of(run, [f"step-{step}" for step in STEPS])["w"]
    np.testing.assert_allclose(mean, expected, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"last": 5}, "5 checkpoints wanted, but there are 4 .*keep_checkpoints"),
        ({"best": 5}, "5 checkpoints wanted, but with a validation there are 4"),
        ({"named": ["step-10"]}, "at least two checkpoints"),
        ({"named": ["step-10", "step-11"]}, "no checkpoint 'step-11' .available: step-10"),
        ({"named": ["step-10", "step-10"]}, "named twice"),
        ({"named": ["average", "step-10"]}, "no checkpoint 'average'"),
        ({"last": 2, "best": 2}, "give one of --last, --best and --checkpoint"),
        ({"output": "best"}, "--output best: an average is named average"),
        ({"output": "average-../x"}, "an average is named average"),
    ],
)
def test_what_has_no_average_is_refused(wanted, message, tmp_path):
    run = make_run(tmp_path / "run")
    with pytest.raises(UsageError, match=message):
        average(run, **wanted)
    assert checkpoints.averages(run.checkpoints) == []


def test_a_damaged_checkpoint_is_not_replaced_by_the_one_before(tmp_path):
    run = make_run(tmp_path / "run")
    (run.checkpoints / "step-30" / "model.npz").write_bytes(b"x")
    with pytest.raises(NmtError, match=r"step-30 is damaged .*name another checkpoint"):
        average(run, last=2)


def test_weights_of_other_shapes_have_no_mean(tmp_path):
    run = make_run(tmp_path / "run")
    checkpoints.save(run.checkpoints, 50, {"model": {"w": np.zeros((9, 9))}}, {})
    with pytest.raises(NmtError, match="step-50: other weights than step-40"):
        average(run, last=2)


def test_a_damaged_average_is_named_and_best_falls_back_on_a_step(tmp_path, caplog):
    run = make_run(tmp_path / "run")
    average(run)
    checkpoints.point(run.checkpoints, "best", "average")
    assert checkpoints.target(run.checkpoints, "best") == "average"
    (run.checkpoints / "average" / "model.npz").write_bytes(b"x")
    with pytest.raises(NmtError, match="average is damaged .*make it again with nmt average"):
        checkpoints.load(run.checkpoints, "average")
    assert checkpoints.load(run.checkpoints, "best")[0] == 40
    assert "step-40 is used instead" in caplog.messages[0]


@pytest.mark.slow
def test_every_command_reads_the_average_of_equal_checkpoints_as_one_of_them(tmp_path, capsys):
    run = make_tiny_run(tmp_path / "run")
    _, arrays, _ = checkpoints.load(run.checkpoints, "step-7")
    checkpoints.save(run.checkpoints, 8, arrays, {})
    assert nmt(["average", "--run", str(run.path), "--last", "2"]) == 0
    said = capsys.readouterr().err
    assert "the mean of step-7, step-8" in said and "--checkpoint average" in said
    (tmp_path / "in.txt").write_text("가나 다라.\n")
    command = ["translate", "-i", str(tmp_path / "in.txt"), "--run", str(run.path), "--beam", "2"]
    assert nmt([*command, "--checkpoint", "average"]) == 0
    averaged = capsys.readouterr().out
    assert nmt([*command, "--checkpoint", "step-7"]) == 0
    assert averaged == capsys.readouterr().out != ""
    assert nmt(["inspect", str(run.path)]) == 0
    assert "average, " in capsys.readouterr().out
