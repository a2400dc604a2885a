"""Docstrings as reStructuredText.

The docstrings of the project are plain text: `code` between backticks, formulas as indented
blocks, labels such as "Reference: ...", and sections such as "Args:". Napoleon understands the
sections that have fields; this module translates the rest before Napoleon reads it.
"""

import re

FIELDS = ("Args", "Call arguments", "Raises", "Attributes")  # Napoleon reads them
TEXTS = ("Returns", "Yields", "Input shape", "Output shape")
CODE = ("Call", "Example", "Examples")
HEADER = re.compile(rf"({'|'.join((*FIELDS, *TEXTS, *CODE))}):$")
LABEL = re.compile(r"(Letters|References?|Shapes?): ")
ITEM = re.compile(r"([a-z][a-z_0-9]*(?:, [a-z][a-z_0-9]*)*): ")
NAME = re.compile(r"[A-Z]\w+|nmtcli(?:\.\w+)+")
SPECIAL = re.compile(r"[*|\\]|_(?!\w)")
LETTER = re.compile(r"^(\s*(?:[\w*, ]+: )?)(?=[A-Za-z]\.(?: |$))")  # `heads: H.` is no list
STARS = re.compile(r"(\s*\*{1,2})(?=\w+:)")  # of `**kwargs: text`, which Napoleon escapes


def to_rst(lines: list[str]) -> list[str]:
    """Translate the lines of a docstring that is not indented."""
    result: list[str] = []
    section, in_code = "", False
    for number, block in enumerate(_blocks(lines)):
        header = HEADER.match(block[0])
        if header:
            section, block = header[1], block[1:]
            result += _section(section, block)
            in_code = section in CODE
        elif not block[0].startswith(" "):
            section, in_code = "", False
            result += _paragraph(block) if number else _marked(block)
        elif in_code:
            result += block
        elif section:
            result += _marked(block)
        else:
            result += ["", ".. code-block:: text", "", *block]
            in_code = True
        result.append("")
    return result


def _blocks(lines: list[str]) -> list[list[str]]:
    """Split lines at empty lines, and before the headers of sections."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if not line.strip() or HEADER.match(line):
            blocks.append([])
        if line.strip():
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _section(name: str, body: list[str]) -> list[str]:
    if name in FIELDS:
        return [f"{name}:", *_marked(body)]
    if name in TEXTS:
        return [f":{name}:", *_listed(body)]
    return [f".. rubric:: {name}", "", ".. code-block:: python", "", *body]


def _paragraph(block: list[str]) -> list[str]:
    if ITEM.match(block[0]):
        return _listed(block)
    label = LABEL.match(block[0])
    if label:
        block = [block[0][label.end() :], *block[1:]]
        first, *rest = _marked(block)
        return [f"**{label[1]}:** {first}", *rest]
    return _marked(block)


def _listed(block: list[str]) -> list[str]:
    """Make a list of the lines `name: text` of a block, if it has such lines."""
    indent = re.match(" *", block[0])[0] if block else ""
    inner = [line.removeprefix(indent) for line in block]
    if not inner or not ITEM.match(inner[0]):
        return _marked(block)
    text = []
    for line in _marked(inner):
        item = ITEM.match(line)
        text.append(f"- ``{item[1]}``: {line[item.end() :]}" if item else f"  {line.strip()}")
    return [indent + line for line in text]


def _marked(block: list[str]) -> list[str]:
    """Mark code, and escape what has a meaning in reStructuredText."""
    text, *pieces = re.split(r"`([^`]+)`", "\n".join(block))
    text = _escaped(text)
    for code, after in zip(pieces[::2], pieces[1::2]):
        separator = "\\ " if after[:1].isalnum() else ""
        text += _code(code) + separator + _escaped(after)
    return text.split("\n")


def _code(text: str) -> str:
    text = re.sub(r"\n\s*", " ", text) if "\n" in text else text
    return f":py:obj:`.{text}`" if NAME.fullmatch(text) else f"``{text}``"


def _escaped(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        stars = STARS.match(line)
        start = stars.end() if stars else 0
        line = line[:start] + SPECIAL.sub(r"\\\g<0>", line[start:])
        lines.append(LETTER.sub(r"\1\\", line))
    return "\n".join(lines)
