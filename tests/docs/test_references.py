"""The references of the documentation have every command, option and public name."""

from dataclasses import fields
from pathlib import Path

import pytest

from nmtcli.cli.main import COMMANDS
from nmtcli.cli.main import run as nmt
from nmtcli.config.loading import SECTIONS
from nmtcli.errors import Interrupted, NmtError, UsageError
from sphinx_nmt.commands import commands_markdown
from sphinx_nmt.options import options_markdown, section_markdown
from sphinx_nmt.pages import with_generated
from sphinx_nmt.public_names import further_classes, module_markdown, public_names
from sphinx_nmt.values import plain

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
MODULES = ["nmtcli", "nmtcli.models", "nmtcli.training.events", "nmtcli.config", "nmtcli.errors"]


def page(name):
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def options_of(command):
    """The names of the options in the reference of a command."""
    section = commands_markdown().split(f"### nmt {command}\n")[1].split("\n### ")[0]
    section = section.split("\n## ")[0]
    heads = [line.split("} ")[1] for line in section.splitlines() if line.startswith("```{option}")]
    return {one.split()[0] for head in heads for one in head.split(", ")}


def test_the_pages_have_their_generated_parts():
    assert "### nmt translate" in with_generated(page("commands"))
    assert "```{confval} search.beam" in with_generated(page("options"))
    for module in MODULES:
        assert f"<!-- generated: module {module} -->" in page("python")
    assert "<!-- generated: module nmtcli.layers -->" in page("layers")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_of_a_command_has_the_options_of_its_help(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert nmt([command, "--help"]) == 0
    shown = capsys.readouterr().out
    rows = [line for line in shown.splitlines() if line.startswith("│") and " --" in line[:8]]
    names = {line[1:].lstrip(" *").split()[0] for line in rows} - {"--help"}
    assert names and names <= options_of(command)
    assert all(name in shown for name in options_of(command))


def test_an_option_of_the_configuration_is_named_by_the_command():
    text = commands_markdown().split("```{option} --beam K")[1].split("```")[0]
    assert "{confval}`search.beam`" in text
    text = commands_markdown().split("```{option} --plot-format FORMAT")[1].split("```\n")[0]
    assert "Default: `png`." in text


def test_every_option_of_the_configuration_has_its_declaration():
    text = options_markdown()
    for section, cls in SECTIONS.items():
        for spec in fields(cls):
            entry = text.split(f"```{{confval}} {section}.{spec.name}\n")[1].split("```")[0]
            assert plain(spec.metadata["help"]) in entry
    assert (
        "```{confval} data.max_words\n"
        ":type: integer\n"
        ":default: `200` words\n"
        "\n"
        "Drop pairs in which a side has more words than this.\n"
        "At least 1 words.\n"
        "```"
    ) in section_markdown("data")


def test_every_public_layer_has_an_entry():
    import nmtcli.layers

    text = module_markdown("nmtcli.layers")
    assert {"Attention", "GRUCell"} <= set(nmtcli.layers.__all__)
    for name in nmtcli.layers.__all__:
        assert f".. autoclass:: nmtcli.layers.{name}\n" in text


def test_a_module_without_all_has_the_names_that_it_defines():
    assert "StepLogged" in public_names("nmtcli.training.events")
    assert not {"dataclass", "Path", "Event"} & set(public_names("nmtcli.training.events"))
    assert ".. autofunction:: nmtcli.errors.check_choice\n" in module_markdown("nmtcli.errors")


def test_base_classes_and_returned_classes_have_entries_too():
    def find() -> "list[NmtError | Missing]":  # noqa: F821
        """Name a class that cannot be found."""

    def load() -> list[NmtError | None]:
        """Name a class in other types."""

    assert further_classes([Interrupted, UsageError]) == [NmtError]
    assert further_classes([load]) == [NmtError]
    assert further_classes([find, NmtError, load]) == []
    assert "Further classes" not in module_markdown("nmtcli.errors")
    assert "nmtcli.config.attention.Mechanism\n" in module_markdown("nmtcli.config")


def test_plain_text_stays_plain_in_markdown():
    assert plain("each --train of <s> or a_b*") == r"each `--train` of \<s> or a\_b\*"
    assert plain("a non--option") == "a non--option"
