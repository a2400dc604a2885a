"""Pages with generated parts, their languages, and the entries of the navigation."""

import posixpath
import re
from collections.abc import Callable

from sphinx_nmt.commands import commands_markdown
from sphinx_nmt.options import options_markdown
from sphinx_nmt.public_names import module_markdown

MARKER = re.compile(r"<!-- generated: (\w+) ?([\w.]*) -->")
MAKERS = {"commands": commands_markdown, "options": options_markdown, "module": module_markdown}
TOCTREE = re.compile(r"```\{toctree\}.*?```", re.S)
TITLED = re.compile(r".*<(.*)>")  # an entry of the navigation with a title


def with_generated(text: str) -> str:
    """Replace each marker of a page by what it names."""
    return MARKER.sub(lambda marker: MAKERS[marker[1]](*filter(None, [marker[2]])), text)


def with_existing(text: str, folder: str, exists: Callable[[str], bool]) -> str:
    """Leave out of the navigation the pages that are not written yet."""

    def kept(block: re.Match) -> str:
        lines = block[0].splitlines()
        return "\n".join(line for line in lines if _kept(line, folder, exists))

    return TOCTREE.sub(kept, text)


def _kept(line: str, folder: str, exists: Callable[[str], bool]) -> bool:
    is_entry = line and line[0] not in ":`" and "*" not in line
    return not is_entry or exists(page_of(line, folder))


def page_of(entry: str, folder: str) -> str:
    """Return the page that an entry of the navigation of a page in `folder` names."""
    return posixpath.normpath(posixpath.join(folder, TITLED.sub(r"\1", entry)))


def language_of(page: str) -> str:
    """Return the language of a page from its name: `docs/attention.ko` is Korean."""
    return "ko" if page.endswith(".ko") else "en"


def translation_of(page: str) -> str:
    """Return the name of the same page in the other language."""
    return page.removesuffix(".ko") if language_of(page) == "ko" else f"{page}.ko"
