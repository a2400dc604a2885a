"""Runs of format 2 that an earlier version trained are read, and translate to the same bytes.

`runs/` has a run of each architecture and what `nmt translate --scores` printed when they were
made. A change that cannot read them raises `FORMAT` in `runs/directory.py` and says so in the
changelog.
"""

import json
from pathlib import Path

import pytest

from nmtcli.cli.main import run as run_command
from nmtcli.runs.directory import FORMAT

RUNS = Path(__file__).parent / "runs"


@pytest.mark.parametrize("name", ["rnn", "transformer"])
def test_a_run_of_this_format_translates_to_the_same_bytes(name, tmp_path):
    assert json.loads((RUNS / name / "run.json").read_text("utf-8"))["format"] == FORMAT
    output = tmp_path / "out.txt"
    arguments = ["--run", str(RUNS / name), "-i", str(RUNS / "in.txt"), "-o", str(output)]
    assert run_command(["translate", "--engine", "keras", "--scores", *arguments]) == 0
    assert output.read_bytes() == (RUNS / f"{name}.out.txt").read_bytes()


@pytest.mark.parametrize("name", ["rnn", "transformer"])
def test_inspect_reads_a_run_of_this_format(name, capsys):
    assert run_command(["inspect", str(RUNS / name)]) == 0
    assert "step-300" in capsys.readouterr().out
