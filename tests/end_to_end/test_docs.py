"""The documents name commands and options that exist, every command is documented, and the commands
of the pages on attention make their pictures."""

import re
import shlex
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from helpers.covering import others_are_slow
from helpers.tiny_run import make_tiny_run
from nmtcli.cli.main import run as nmt
from nmtcli.plots.heatmap_layout import WINDOW_COLOUR

TOP = Path(__file__).resolve().parents[2]
PAGES = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")])
COMMANDS = [
    "preprocess", "train", "translate", "score", "bleu", "align", "inspect", "export", "average",
]  # fmt: skip

ATTENTION = [TOP / "docs" / name for name in ("attention.md", "attention.ko.md")]
SVG_TEXT = "{http://www.w3.org/2000/svg}text"
SCRIPT = TOP / "docs" / "examples" / "pictures.sh"
# Models of the attention study whose name is no preset: the preset, and what is added to it.
COMPOSED = {
    "input-feeding": ("luong-general", {"input_feeding": True}),
    "coverage": ("bahdanau", {"coverage": True}),
    "transformer": ("bahdanau", {"architecture": "transformer", "attention_heads": 4}),
}


def read(page):
    """A page's text, a command that goes on after a backslash being one line."""
    return re.sub(r"\\\n +", "", page.read_text(encoding="utf-8"))


def commands_of(page):
    return re.findall("^nmt .*", read(page), re.M)


def drawing_commands_of(page):
    return [command for command in commands_of(page) if "docs/images/" in command]


def used(page):
    """(command, options) of each `nmt COMMAND ...` in a page's code."""
    text = read(page)
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


def test_make_alone_lists_every_target():
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"\.PHONY: (.*)", makefile)[1].split())
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.M))
    assert listed | {"clean"} == targets | {"clean"}


def test_the_pages_on_attention_are_among_the_checked_ones():
    assert set(ATTENTION) <= set(PAGES)


def test_both_languages_have_the_same_commands_and_pictures():
    english, korean = ATTENTION
    assert commands_of(english) == commands_of(korean)
    for what in (
        r"!\[.*?\]\((.*?)\)",
        r"arXiv:[0-9.]+[0-9]",
        "`(?:model|training)\\..*?`",
        r"\| `[a-z-]+` \| [0-9].*",  # what was measured
    ):
        found = [re.findall(what, read(page)) for page in ATTENTION]
        assert found[0] == found[1] != []


def test_the_script_has_exactly_the_drawing_commands_of_the_page():
    assert drawing_commands_of(SCRIPT) == drawing_commands_of(ATTENTION[0]) == commands_of(SCRIPT)


@pytest.mark.parametrize("page", ATTENTION, ids=lambda page: page.name)
def test_each_picture_stands_under_the_command_that_makes_it(page):
    text = read(page)
    beside = re.findall(r"```\n(nmt .*)\n```\n!\[.*?\]\(images/(.*?)/00001\.svg\)", text)
    assert len(beside) == text.count("](images/") == len(drawing_commands_of(page))
    for command, name in beside:
        assert shlex.split(command).count(f"docs/images/{name}") == 1


def test_every_mechanism_with_weights_has_a_picture_of_the_same_sentences():
    from nmtcli.config.attention import PRESETS

    drawn = [
        command
        for command in commands_of(SCRIPT)
        if "nmt align docs/examples/reordering" in command
    ]
    runs = {re.search("--run runs/study/sample/(.*?)-1 ", command)[1] for command in drawn}
    assert runs == {*PRESETS, *COMPOSED} - {"none"}


@pytest.mark.parametrize(
    "command",
    others_are_slow(commands_of(SCRIPT), commands_of(SCRIPT)[::4]),
    ids=lambda c: re.search("images/(\\S+)", c)[1],
)
def test_a_drawing_command_makes_its_picture(command, tmp_path, monkeypatch, capsys):
    name = re.search(r"docs/images/(\S+)", command)[1]
    run = re.search(r"--run (\S+)", command)[1]
    mechanism = re.fullmatch(r"runs/study/(?:sample|hansards)/(.*)-1", run)[1]
    attention, added = COMPOSED.get(mechanism, (mechanism, {}))
    shutil.copytree(TOP / "docs" / "examples", tmp_path / "docs" / "examples")
    make_tiny_run(tmp_path / run, attention=attention, model=added, max_source_pieces=1000)
    monkeypatch.chdir(tmp_path)

    assert nmt(shlex.split(command)[1:]) == 0
    shown = capsys.readouterr()
    for line in shown.err.splitlines():  # the run has made-up subwords
        assert "characters that the run's subwords do not have" in line
    pictures = [path for path in Path("docs/images").rglob("*") if path.is_file()]
    assert pictures == [Path("docs/images", name, "00001.svg")]

    svg = pictures[0].read_text(encoding="utf-8")
    texts = {"".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(SVG_TEXT)}
    words = [
        Path(path).read_text(encoding="utf-8") for path in re.findall(r"docs/examples/\S+", command)
    ]
    if "nmt translate" in command:
        words.append(shown.out)  # the other side is what the model found
    assert len(words) == 2 and set(" ".join(words).split()) <= texts
    assert (WINDOW_COLOUR in svg) == ("local" in mechanism)
