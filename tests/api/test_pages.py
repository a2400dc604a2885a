"""The examples of docs/python.md and of the README run, and both languages have the same."""

import logging
import re
from pathlib import Path

import pytest

from helpers.training_case import write_corpus

TOP = Path(__file__).resolve().parents[2]
PAGES = {
    "docs/python.md": "docs/python.ko.md",
    "README.md": "README.ko.md",
}
# A training that takes a second instead of minutes.
LONG = "max_epochs=10"
SHORT = "max_steps=2, max_epochs=0, embedding_size=16, encoder_size=16, decoder_size=16"


def examples(page):
    """The fenced blocks of Python in a page, in order."""
    text = (TOP / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


@pytest.fixture
def place(folder, tmp_path, monkeypatch):
    """A folder with two tiny runs and a corpus."""
    (tmp_path / "runs").mkdir()
    for name in ("one", "two"):
        (tmp_path / "runs" / name).symlink_to(folder / "runs" / name)
    write_corpus(tmp_path)
    for name in ("valid.ko", "valid.en"):  # a few lines are enough
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / name).write_text("".join(lines[:4]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    level = logging.getLogger("nmtcli").level
    yield tmp_path
    logging.getLogger("nmtcli").setLevel(level)


@pytest.mark.parametrize("page", PAGES)
def test_every_example_runs(page, place, capsys):
    names = {}
    for number, example in enumerate(examples(page), start=1):
        code = compile(example.replace(LONG, SHORT), f"{page}, example {number}", "exec")
        exec(code, names)
    shown = capsys.readouterr().out
    if page == "docs/python.md":
        assert "unknown option 'bem'; did you mean 'beam'?" in shown
        assert (place / "attention.svg").read_text(encoding="utf-8").startswith("<?xml")
        valid = (place / "valid.ko").read_text(encoding="utf-8").count("\n")
        assert (place / "out.en").read_text(encoding="utf-8").count("\n") == valid
        assert names["trained"].step == 2 and "26.0" not in names["bleu"].signature
    else:
        assert "Translation(" in repr(names["results"][0])


@pytest.mark.parametrize(("english", "korean"), PAGES.items())
def test_both_languages_have_the_same_examples(english, korean):
    assert examples(english) == examples(korean) != []
