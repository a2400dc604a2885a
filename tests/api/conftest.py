"""A folder with two tiny runs, `runs/one` and the newer `runs/two`."""

import os

import pytest

from helpers.tiny_run import make_tiny_run


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    for number, name in enumerate(("one", "two"), start=1):
        run = make_tiny_run(folder / "runs" / name, seed=number, max_length_factor=1.0)
        os.utime(run.checkpoints / "last", (number, number))
    return folder


@pytest.fixture
def runs(folder, monkeypatch):
    """Go to the folder."""
    monkeypatch.chdir(folder)
    return folder / "runs"
