"""A folder with two tiny runs, `runs/one` and the newer `runs/two`."""

import os

import pytest

from helpers.tiny_run import make_tiny_run
from nmtcli.engines.load import load_engine


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    for number, name in enumerate(("one", "two"), start=1):
        run = make_tiny_run(folder / "runs" / name, seed=number, max_length_factor=1.0)
        os.utime(run.checkpoints / "last", (number, number))
    return folder


@pytest.fixture(scope="session")
def engines():
    """The engines that were loaded, by run and options."""
    return {}


@pytest.fixture(autouse=True)
def loaded_once(engines, monkeypatch):
    """Load each engine once for all tests: what they compare is done with one engine anyway."""

    def load_once(run, *options, **more):
        key = run.path.resolve(), options, tuple(more.items())
        if key not in engines:
            engines[key] = load_engine(run, *options, **more)
        return engines[key]

    monkeypatch.setattr("nmtcli.engines.load.load_engine", load_once)


@pytest.fixture
def runs(folder, monkeypatch):
    """Go to the folder."""
    monkeypatch.chdir(folder)
    return folder / "runs"
