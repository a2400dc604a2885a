"""Docstrings become reStructuredText: formulas, labels, sections, lists and code."""

import pytest

from sphinx_nmt.docstrings import to_rst


def rst(text):
    """The lines of the translation that are not empty."""
    return [line for line in to_rst(text.splitlines()) if line.strip()]


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "Score.\n\n    e = v . tanh(W q)",
            ["Score.", ".. code-block:: text", "    e = v . tanh(W q)"],
        ),
        ("First.\n\nReference: A (2015).", ["First.", "**Reference:** A (2015)."]),
        (
            "First.\n\nExample:\n    f(1)\n\n    g(2)",
            ["First.", ".. rubric:: Example", ".. code-block:: python", "    f(1)", "    g(2)"],
        ),
        (
            "First.\n\nReturns:\n    a score: (B, T).",
            ["First.", ":Returns:", "    a score: (B, T)."],
        ),
        ("First.\n\nInput shape:\n    (B, T)", ["First.", ":Input shape:", "    (B, T)"]),
        ("First.\n\nArgs:\n    heads: H.", ["First.", "Args:", r"    heads: \H."]),
        (
            "First.\n\nArgs:\n    **kwargs: of *this*",
            ["First.", "Args:", r"    **kwargs: of \*this\*"],
        ),
        (
            "Of it.\n\nloss: a mean.\nstep: a\n  number.",
            ["Of it.", "- ``loss``: a mean.", "- ``step``: a", "  number."],
        ),
        ("nmtcli: a tool.", ["nmtcli: a tool."]),
        (
            "Of `units`s and `Attention`, a|b c_.",
            [r"Of ``units``\ s and :py:obj:`.Attention`, a\|b c\_."],
        ),
    ],
    ids=[
        "formula",
        "label",
        "example",
        "returns",
        "shape",
        "letter",
        "stars",
        "list",
        "title",
        "code",
    ],
)
def test_a_docstring_is_translated(text, expected):
    assert rst(text) == expected
