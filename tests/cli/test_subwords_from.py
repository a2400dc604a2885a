"""`nmt preprocess --subwords-from`: the pieces of a run or of other prepared data."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from helpers.preprocess_case import SMALL, corpus_of, fails, write_lines
from nmtcli.cli.main import run
from nmtcli.data.prepared import PreparedData

TAKEN = ["--train", "s2", "t2", "--subwords-from", "first", "--out", "second"]


@pytest.fixture
def first(here):
    """Prepared data `first` with its own pieces, and another text `s2`, `t2`."""
    for name, lines in zip(("s2", "t2"), corpus_of(80, seed=7)):
        write_lines(here / name, lines)
    assert run(["preprocess", "--train", "s", "t", *SMALL, "--subwords", "bpe", "--separate",
                "--out", "first"]) == 0  # fmt: skip
    return here / "first"


def as_a_run(folder: Path) -> None:
    """What a run has of the prepared data that it was trained on."""
    facts = json.loads((folder / "prepared.json").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(facts["config"]))
    (folder / "run.json").write_text(json.dumps({"format": 2, "version": "0.1.0"}))
    (folder / "prepared.json").unlink()


@pytest.mark.parametrize("make", [lambda folder: None, as_a_run])
def test_the_pieces_are_those_of_the_other_folder(first, make):
    make(first)
    assert run(["preprocess", *TAKEN]) == 0
    second = PreparedData("second")
    for name in ("subwords.source.model", "subwords.target.model"):
        assert (Path("second") / name).read_bytes() == (first / name).read_bytes()
    told = second.facts["config"]["subwords"]
    assert (told["type"], told["joint"], told["vocabulary_size"]) == ("bpe", False, 60)
    assert len(second.train) == 80 and not second.joint


def test_prepared_data_are_known_again_wherever_the_pieces_lie(first, capsys):
    run(["preprocess", *TAKEN])
    shutil.copytree("first", "moved")
    capsys.readouterr()
    elsewhere = ["moved" if word == "first" else word for word in TAKEN]
    assert run(["preprocess", *elsewhere]) == 0
    assert "already prepared" in capsys.readouterr().err
    run(["preprocess", "--train", "s2", "t2", *SMALL, "--subwords", "bpe", "--separate",
         "--out", "other"])  # fmt: skip
    capsys.readouterr()
    others = ["other" if word == "first" else word for word in TAKEN]
    fails(capsys, others, 2, "second: has been prepared with other", "(other subwords)")


def test_options_that_the_pieces_do_not_have_are_refused(first, capsys):
    capsys.readouterr()
    fails(capsys, [*TAKEN, "--vocab-size", "50"], 2, "vocabulary_size is 50", "have 60")
    fails(capsys, [*TAKEN, "--subwords", "char"], 2, "subwords.type is char", "have bpe")


def test_a_tag_must_be_a_piece(first, capsys):
    capsys.readouterr()
    fails(
        capsys,
        [*TAKEN, "--tags", "<web>"],
        2,
        "tag <web> is not a token of",
        "first",
    )
    tagged = ["--train", "s", "t", *SMALL, "--tags", "<web>", "--out", "tagged"]
    assert run(["preprocess", *tagged]) == 0
    others = ["tagged" if word == "first" else word for word in TAKEN]
    assert run(["preprocess", *others, "--tags", "<web>"]) == 0


def test_a_folder_without_pieces_is_refused(first, capsys):
    capsys.readouterr()
    nowhere = ["nowhere" if word == "first" else word for word in TAKEN]
    fails(capsys, nowhere, 2, "nowhere: there is no such run")
    (first / "subwords.target.model").unlink()
    fails(capsys, TAKEN, 2, "subwords.target.model: the file is missing")
