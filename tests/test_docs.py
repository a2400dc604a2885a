"""The documents name commands and options that exist, and every command is documented."""

import re
from pathlib import Path

import pytest

from nmtcli.cli.main import run as nmt

TOP = Path(__file__).resolve().parent.parent
PAGES = sorted([TOP / "README.md", TOP / "CONTRIBUTING.md", *(TOP / "docs").glob("*.md")])
COMMANDS = ["preprocess", "train", "translate", "score", "bleu", "inspect", "export"]


def used(page):
    """(command, options) of each `nmt COMMAND ...` in a page's code."""
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"```\n(.*?)```", text, re.S) + re.findall(r"`([^`\n]+)`", text)
    for line in "\n".join(code).splitlines():
        for found in re.finditer(r"\bnmt ([a-z]+)([^|#;]*)", line):
            yield found[1], re.findall(r"--[a-z-]+", found[2])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_a_page_exist(page, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for command, options in used(page):
        assert command in COMMANDS, f"{page.name}: nmt {command}"
        assert nmt([command, "--help"]) == 0
        shown = capsys.readouterr().out
        for option in options:
            assert option in shown, f"{page.name}: nmt {command} {option}"


def test_every_command_is_in_the_readme_and_in_the_help(capsys):
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    assert nmt(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert f"`nmt {command}" in readme
        assert re.search(rf"│ {command} +[A-Z]", shown), command


def test_links_in_the_pages_lead_to_files():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_alone_lists_every_target():
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"\.PHONY: (.*)", makefile)[1].split())
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.M))
    assert listed | {"clean"} == targets | {"clean"}
