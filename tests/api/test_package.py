"""`import nmtcli` is light, names all of the API, and library calls print nothing."""

import json
import subprocess
import sys

import pytest

import nmtcli

PROGRAM = """
import json, logging, os, sys
import nmtcli
light = sorted(sys.modules)
logging.getLogger("nmtcli").addHandler(logging.NullHandler())
translator = nmtcli.load("runs/one")
text = translator("가나 다라.")
picture = translator.translate(["가나 다라. " * 20])[0]._repr_html_()
with open("shown.json", "w", encoding="utf-8") as file:
    json.dump({"light": light, "text": text, "picture": picture}, file)
"""


def test_importing_it_is_light_and_calls_print_nothing(runs, folder):
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=folder, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    shown = json.loads((folder / "shown.json").read_text(encoding="utf-8"))
    ours = [name for name in shown["light"] if name.startswith("nmtcli")]
    assert ours == ["nmtcli"]
    assert not {"keras", "tensorflow", "jax", "numpy", "matplotlib", "yaml"} & {*shown["light"]}
    assert shown["text"] and "가나" in shown["picture"]


def test_every_public_name_is_there_and_documented():
    for name in nmtcli.__all__:
        found = getattr(nmtcli, name)
        assert found.__doc__, name
        assert name in dir(nmtcli)
    assert {*nmtcli._HOMES, *nmtcli._PACKAGES} == {*nmtcli.__all__}


@pytest.mark.parametrize(
    "name", [name for name in nmtcli.__all__ if name in nmtcli._HOMES and name.islower()]
)
def test_every_function_has_an_example(name):
    assert ">>> " in getattr(nmtcli, name).__doc__


def test_other_names_are_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'nmtcli' has no attribute 'translate'"):
        _ = nmtcli.translate
