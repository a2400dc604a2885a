"""An option is declared once: its help, its type and its check are those of the configuration."""

import dataclasses
import importlib
import inspect
import re

import pytest
import typer

from helpers.fake_engine import make_run
from nmtcli.cli.main import COMMANDS
from nmtcli.cli.main import run as nmt
from nmtcli.cli.options import _whole_number, flag, group, with_options
from nmtcli.config.loading import SECTIONS
from nmtcli.errors import UsageError
from nmtcli.inference.loading import search_options


@group
class Group:
    words: list[str] = flag("Take words.", "--word", "-w", default=[], metavar="WORD")
    size: int = flag("Take a size.", default=3, minimum=1, panel="Sizes")
    derived: bool = False


def called(*arguments):
    """What a command of a group and two sections is called with."""
    found = []

    @with_options(search=("beam", "sample"), data=("weights", "tags", "alignments"))
    def command(*, of_group: Group, overrides: dict) -> None:
        found.append((of_group, overrides))

    app = typer.Typer()
    app.command()(command)
    app(list(arguments), standalone_mode=False)
    given, overrides = found[0]
    return vars(given), overrides


def test_what_is_not_given_is_the_groups_default_and_no_override():
    defaults = {"words": [], "size": 3, "derived": False}
    assert called() == (defaults, {"search": {}, "data": {}})


def test_what_is_given_is_in_the_group_and_in_the_overrides():
    given, overrides = called("-w", "a", "--word", "b", "--size", "4", "--beam", "2", "--sample")
    assert (given["words"], given["size"]) == (["a", "b"], 4)
    assert overrides == {"search": {"beam": 2, "sample": True}, "data": {}}


def test_a_switch_can_be_switched_off():
    assert called("--no-sample")[1]["search"] == {"sample": False}


def test_lists_are_read_with_commas_or_repeated():
    given = "--weights", "1,0.5", "--tags", "<2ko>, ,", "--alignments", "a", "--alignments", "b"
    assert called(*given)[1]["data"] == {
        "weights": (1.0, 0.5), "tags": ("<2ko>", "", ""), "alignments": ("a", "b")
    }  # fmt: skip
    with pytest.raises(UsageError, match="--weights: 'x'"):
        called("--weights", "1,x")


def commands():
    return {name: getattr(importlib.import_module(f"nmtcli.cli.{name}"), name) for name in COMMANDS}


def test_no_command_has_more_than_a_dozen_parameters():
    for name, command in commands().items():
        assert len(inspect.signature(inspect.unwrap(command)).parameters) <= 12, name


def test_every_flag_of_the_configuration_is_one_of_a_command_with_the_same_text(
    capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    shown = ""
    for name in COMMANDS:
        assert nmt([name, "--help"]) == 0
        shown += re.sub(r"[│\s]+", "", capsys.readouterr().out)
    declared = [option for section in SECTIONS.values() for option in dataclasses.fields(section)]
    flags = [option for option in declared if option.metadata["flag"]]
    assert len(flags) > 30
    for option in flags:
        for name in option.metadata["flag"].split("/"):
            assert name in shown
        assert re.sub(r"\s+", "", option.metadata["cli_help"]) in shown, option.name


def test_a_switch_that_a_run_has_on_can_be_switched_off(tmp_path):
    run = make_run(tmp_path / "run", by_sentence=True)
    assert search_options(run).by_sentence
    assert not search_options(run, overrides={"by_sentence": False}).by_sentence


def test_a_run_that_samples_can_search_again_and_the_other_way_round(tmp_path):
    sampling, searching = make_run(tmp_path / "s", sample=True), make_run(tmp_path / "b", beam=4)
    assert search_options(sampling).beam == 1
    assert search_options(searching, overrides={"sample": True}).beam == 1
    assert search_options(searching).beam == 4
    assert search_options(sampling, overrides={"sample": False, "beam": 3}).beam == 3


@pytest.mark.parametrize(("text", "value"), [("10000", 10_000), ("1e4", 10_000), ("-1", -1)])
def test_a_whole_number_may_have_an_exponent(text, value):
    assert _whole_number(text) == value


@pytest.mark.parametrize("text", ["x", "1e-3", "nan", "inf", "1e999", "1.5", ""])
def test_what_is_no_whole_number_names_the_option(text, capsys):
    assert nmt(["train", "--steps", text]) == 2
    errors = capsys.readouterr().err
    assert "--steps" in errors and f"'{text}' is not a valid integer" in errors
