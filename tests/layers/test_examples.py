"""The examples in docstrings and on the page of the layers do what they say."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nmtcli import layers

TOP = Path(__file__).parents[2]
MODULES = sorted({getattr(layers, name).__module__ for name in layers.__all__})


@pytest.mark.parametrize("name", [*MODULES, "nmtcli.models.cross_entropy"])
def test_examples_of_docstrings_print_what_they_say(name):
    module = importlib.import_module(name)
    found = doctest.testmod(module, extraglobs={"np": importlib.import_module("numpy")})
    assert found.failed == 0 and found.attempted > 0


def test_every_public_layer_has_an_example_and_its_shapes():
    for name in layers.__all__:
        text = getattr(layers, name).__doc__
        assert "Example:" in text and ">>>" in text, name
        assert "Reference:" in text, name


def test_the_page_of_the_layers_runs_and_names_every_layer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page, korean = ((TOP / f"docs/layers{end}.md").read_text("utf-8") for end in ("", ".ko"))
    assert re.findall(r"```.*?```", page, re.S) == re.findall(r"```.*?```", korean, re.S)
    table = {
        name for row in re.findall(r"^\| (`.*?) \|", page, re.M) for name in row.split("`")[1::2]
    }
    assert table == set(layers.__all__)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(block.replace("(2000", "(20"), names)
    assert (tmp_path / "model.keras").is_file()


@pytest.mark.slow
def test_the_translator_of_the_page_trains_saves_loads_and_prints_bleu(tmp_path):
    environment = {**os.environ, "DATA": str(TOP / "data"), "PAIRS": "300", "EPOCHS": "1"}
    environment["VOCABULARY"] = "600"
    program = [sys.executable, str(TOP / "docs/examples/encoder_decoder.py")]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1].startswith("BLEU = ")
    assert (tmp_path / "translator.keras").is_file()
