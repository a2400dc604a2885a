"""The lesson: both languages have the same code, it runs, and the committed outputs are clean."""

import ast
import json
import os
import re
from pathlib import Path

import pytest

from helpers.covering import others_are_slow

DOCS = Path(__file__).resolve().parents[2] / "docs"
LANGUAGES = ["lesson.ipynb", "lesson.ko.ipynb"]
TRAINING = "training"  # the tag of the cells that need a training
OF_THIS_MACHINE = re.compile(r"(?:/(?:root|home|Users|tmp|usr|opt|var)/|site-packages)[\w/.-]*")
HANGUL = re.compile("[가-힣]")


def cells_of(name):
    return json.loads((DOCS / name).read_text(encoding="utf-8"))["cells"]


def code_cells(name):
    return [cell for cell in cells_of(name) if cell["cell_type"] == "code"]


def source(cell):
    return "".join(cell["source"])


def without_texts(code):
    """The code with every text replaced by an empty one; comments are not part of a tree."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            node.values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.unparse(tree)


def test_both_languages_have_the_same_code_but_for_texts():
    english, korean = map(code_cells, LANGUAGES)
    assert [c["metadata"] for c in english] == [c["metadata"] for c in korean]
    assert [without_texts(source(c)) for c in english] == [without_texts(source(c)) for c in korean]


def test_both_languages_have_the_same_texts_formulas_and_steps():
    english, korean = map(cells_of, LANGUAGES)
    kinds = [[cell["cell_type"] for cell in cells] for cells in (english, korean)]
    assert kinds[0] == kinds[1]
    for ours, theirs in zip(english, korean):
        if ours["cell_type"] == "markdown":
            assert not HANGUL.search(source(ours).replace("한국어", "").replace("공부했어요", "")
                                     .replace("어제", "").replace("준호는 역사를", ""))  # fmt: skip
            assert HANGUL.search(source(theirs))
            for what in (r"^#+ \d*", r"\*\*\(\d\)", r"arXiv:[\d.]+"):
                found = [re.findall(what, source(cell), re.M) for cell in (ours, theirs)]
                assert found[0] == found[1]
            formulas = [set(re.findall(r"\$([^$]*\\[^$]*)\$", source(c))) for c in (ours, theirs)]
            assert formulas[0] == formulas[1]


def test_the_ten_steps_are_in_order():
    for name in LANGUAGES:
        text = "\n".join(source(c) for c in cells_of(name) if c["cell_type"] == "markdown")
        assert re.findall(r"^## (\d+)\. ", text, re.M) == [str(n) for n in range(1, 11)]


def test_links_lead_to_files():
    for name in LANGUAGES:
        for cell in cells_of(name):
            for target in re.findall(r"\]\(([^)#:]+)\)", source(cell)):
                if cell["cell_type"] == "markdown":
                    assert (DOCS / target).exists(), f"{name}: {target}"


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_outputs_are_those_of_one_run_without_errors_and_noise(name):
    cells = code_cells(name)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    kinds = {output["output_type"] for output in outputs}
    assert kinds <= {"display_data", "execute_result", "stream"}
    assert all(out["name"] == "stdout" for out in outputs if out["output_type"] == "stream")
    pictures = [out for out in outputs if "image/png" in out.get("data", {})]
    assert len(pictures) >= 13
    assert OF_THIS_MACHINE.findall(json.dumps(outputs)) == []
    assert (DOCS / name).stat().st_size < 1_500_000


@pytest.mark.parametrize("name", others_are_slow(LANGUAGES, LANGUAGES[1:]))
def test_what_needs_no_training_runs_and_every_comparison_holds(name, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.chdir(DOCS)
    cells = [cell for cell in code_cells(name) if TRAINING not in cell["metadata"].get("tags", ())]
    variables = {}
    for number, cell in enumerate(cells):
        exec(compile(source(cell), f"{name}, code cell {number}", "exec"), variables)
    assert sum(source(cell).count("assert ") for cell in cells) >= 15
    assert variables["VOCABULARY"][variables["y_hat"].argmax()] == "studied"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize("name", LANGUAGES)
def test_the_whole_notebook_runs_with_a_few_updates(name, backend, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(DOCS / name, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(DOCS)}})
    settings = {"KERAS_BACKEND": backend, "LESSON_MINUTES": "0.02", "LESSON_RUNS": str(tmp_path)}
    client.execute(env=os.environ | settings)
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    assert [out for out in outputs if out.get("name") == "stderr"] == []
    assert sum("image/png" in out.get("data", {}) for out in outputs) >= 11
