"""Every page of the documentation is in the navigation, and links lead to what exists."""

import fnmatch
import re
from pathlib import Path

import pytest

from sphinx_nmt.pages import TOCTREE, language_of, page_of, translation_of, with_existing

TOP = Path(__file__).resolve().parents[2]
BUILT = TOP / "docs" / "_build"
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "docs/**/*.ipynb", "data/README.md")
    for path in sorted(TOP.glob(pattern))
    if BUILT not in path.parents
]
MARKDOWN = [path for path in PAGES if path.suffix == ".md"]
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)")
INCLUDED = re.compile(r"```\{include\} (\S+)\n:start-after: \"(.*)\"\n:end-before: \"(.*)\"\n```")


def name_of(path):
    """A page as Sphinx names it: without the suffix, from the top."""
    return path.relative_to(TOP).with_suffix("").as_posix()


def entries_of(path):
    """The pages that a page's navigation names."""
    folder = path.parent.relative_to(TOP).as_posix()
    lines = "\n".join(TOCTREE.findall(path.read_text(encoding="utf-8"))).splitlines()
    return [page_of(line, folder) for line in lines if line and line[0] not in ":`"]


def anchors_of(path):
    """The anchors of a page's headings, as a code host makes them."""
    headings = re.findall(r"^#+ (.*)", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_navigation():
    index = TOP / "docs" / "index.md"
    entries = entries_of(index)
    missing = [
        name_of(page)
        for page in PAGES
        if page != index and not any(fnmatch.fnmatch(name_of(page), entry) for entry in entries)
    ]
    assert missing == []


def test_pages_that_are_not_written_are_left_out_of_the_navigation():
    text = "```{toctree}\n:caption: A\n\nhere\nTitle <../there>\nabsent\n*.ko\n```\nabsent\n"
    pages = {"docs/here", "there"}
    assert with_existing(text, "docs", pages.__contains__) == text.replace("absent\n*", "*")


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_links_lead_to_files_and_headings(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target, anchor in LINK.findall(text):
        file = page.parent / target if target else page
        assert file.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors_of(file), f"{target}#{anchor}: no such heading"


@pytest.mark.parametrize("page", ["docs/index.md", "docs/index.ko.md"])
def test_what_a_page_includes_exists(page):
    path = TOP / page
    found = INCLUDED.findall(path.read_text(encoding="utf-8"))
    assert len(found) == path.read_text(encoding="utf-8").count("{include}") == 2
    for file, begin, end in found:
        text = (path.parent / file).read_text(encoding="utf-8")
        assert end in text.partition(begin)[2]


def test_every_korean_page_names_its_english_page_and_the_other_way_round():
    names = {name_of(page) for page in MARKDOWN}
    korean = {name for name in names if language_of(name) == "ko"}
    assert korean >= {"README.ko", "docs/attention.ko", "docs/index.ko"}
    for name in korean:
        assert translation_of(translation_of(name)) == name
        for page, other in ((name, translation_of(name)), (translation_of(name), name)):
            text = (TOP / f"{page}.md").read_text(encoding="utf-8")
            assert f"]({other.rpartition('/')[2]}.md)" in text, f"{page} has no link to {other}"
