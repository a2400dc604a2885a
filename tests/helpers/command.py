"""Commands run in this process with a fake engine."""

import io
import sys

import pytest

from helpers.fake_engine import FakeSubwords, fake_engine, install, make_run
from nmtcli.cli.main import run as run_command
from nmtcli.config import SearchConfig
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.inference.translator import Translator

ENGINE = fake_engine()


def translated(*lines, **search):
    subwords = FakeSubwords()
    search = SearchConfig(**{"max_source_pieces": 30, **search})
    return list(
        Translator(StepwiseSearch(ENGINE), subwords, subwords, search).translate_lines(lines)
    )


@pytest.fixture
def nmt(tmp_path, monkeypatch):
    """Run a command in a folder with one run: (status, stdout bytes, stderr text)."""
    monkeypatch.chdir(tmp_path)
    install(monkeypatch, ENGINE)
    make_run(tmp_path / "runs" / "one", beam=3, max_source_pieces=30)

    def command(*arguments, stdin=b""):
        streams = [io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (stdin, b"", b"")]
        for name, stream in zip(("stdin", "stdout", "stderr"), streams):
            monkeypatch.setattr(sys, name, stream)
        status = run_command(list(arguments))
        streams[1].flush()
        streams[2].flush()
        return status, streams[1].buffer.getvalue(), streams[2].buffer.getvalue().decode()

    return command
