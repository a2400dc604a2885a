"""The variant without TensorFlow is made from setup.cfg, and declares nothing of its own."""

import runpy
import shutil
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def variant():
    return runpy.run_path(str(TOP / "release" / "jax_variant.py"))


def lines(setup, section, key):
    return [line for line in setup[section][key].split("\n") if line]


def test_the_requirements_are_the_usual_ones_with_jax_in_place_of_tensorflow(variant):
    setup = variant["read_setup"]()
    usual = lines(setup, "options", "install_requires")
    found = variant["requirements"](setup)
    assert set(usual) - set(found) == {
        line for line in usual if line.startswith(("tensorflow>", "tensorflow-text>", "tf2onnx>"))
    }
    assert set(found) - set(usual) == set(lines(setup, "options.extras_require", "jax"))
    assert len(set(usual) - set(found)) == 3 and any(line.startswith("keras") for line in found)


def test_all_else_of_the_variant_is_as_usual(variant, tmp_path):
    shutil.copy(TOP / "setup.cfg", tmp_path)
    variant["make_variant"](tmp_path)
    before, after = variant["read_setup"](), variant["read_setup"](tmp_path / "setup.cfg")
    assert after["metadata"]["name"] == "nmtcli-jax"
    for section, key in (
        ("metadata", "version"), ("metadata", "classifiers"), ("options", "python_requires"),
        ("options.entry_points", "console_scripts"), ("options.package_data", "nmtcli"),
        ("options.extras_require", "ko"),
    ):  # fmt: skip
        assert after[section][key] == before[section][key]
    assert "jax" not in after["options.extras_require"]


def test_the_readme_names_the_pythons_of_the_classifiers(variant):
    text = variant["read_setup"]()["metadata"]["classifiers"]
    pythons = [line.rpartition(" ")[2] for line in text.split("\n") if "Python :: 3." in line]
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    assert f"Python ({pythons[0]} to {pythons[-1]})" in readme
