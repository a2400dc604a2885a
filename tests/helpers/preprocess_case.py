"""A small corpus in a folder of its own, and how `nmt preprocess` on it is tried."""

import os
import random
import sys

import pytest

from nmtcli.cli.main import run
from nmtcli.data import vocabulary
from nmtcli.data.learn_subwords import learn

SMALL = ["--vocab-size", "60"]
NMT = [sys.executable, "-m", "nmtcli"]


def corpus_of(count, seed=1):
    """Lines of invented words, and the same words written in capitals as their translation."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefg", k=draw.randint(2, 6))) for _ in range(200)]
    sources = [" ".join(draw.choices(words, k=draw.randint(4, 12))) for _ in range(count)]
    return sources, [line.upper() for line in sources]


def write_lines(path, lines):
    content = "".join(line + "\n" for line in lines)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with a corpus `s`, `t` of 100 pairs and a validation corpus `vs`, `vt`."""
    monkeypatch.chdir(tmp_path)
    # In this process learning is faster; the tests that run the command itself use the child.
    monkeypatch.setattr(vocabulary, "learn_in_child", learn)
    for names, corpus in ((("s", "t"), corpus_of(100)), (("vs", "vt"), corpus_of(10, seed=2))):
        for name, lines in zip(names, corpus):
            write_lines(tmp_path / name, lines)
    return tmp_path


def listing():
    return sorted(os.listdir())


def fails(capsys, arguments, status, *words):
    """Run; check the status, that one line explains it, and that nothing was left behind."""
    before = listing()
    assert run(["preprocess", *arguments]) == status
    output = capsys.readouterr()
    errors = [line for line in output.err.splitlines() if line.startswith("nmt: ")]
    assert output.out == "" and len(errors) == 1 and output.err.endswith(errors[0] + "\n")
    for word in words:
        assert word in errors[0]
    assert listing() == before
