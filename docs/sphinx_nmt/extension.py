"""The extension: it connects what this package makes to Sphinx."""

import inspect
import posixpath
import textwrap

from docutils import nodes
from latex2mathml.converter import convert

from sphinx_nmt.docstrings import to_rst
from sphinx_nmt.pages import language_of, translation_of, with_existing, with_generated
from sphinx_nmt.search import Search


def setup(app) -> dict:
    """Connect everything to Sphinx."""
    app.connect("source-read", _complete)
    app.connect("autodoc-process-docstring", _translate_docstring, priority=100)  # before Napoleon
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    app.connect("doctree-read", _set_dashes)
    app.connect("html-page-context", _declare_language)
    app.add_search_language(Search)
    app.add_html_math_renderer("mathml", (_write_inline, None), (_write_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _complete(app, page: str, source: list[str]) -> None:
    folder = posixpath.dirname(page)
    text = with_existing(source[0], folder, app.env.found_docs.__contains__)
    source[0] = with_generated(text)


def _translate_docstring(app, what: str, name: str, value, options, lines: list[str]) -> None:
    if what == "class" and _is_layer(value) and _is_ours(value.call):
        lines[:] = _with_call(value, lines)
    lines[:] = to_rst(lines)


def _is_layer(value) -> bool:
    """Return whether this is a class of a Keras layer or model."""
    return "Layer" in _keras_bases(value)


def _keras_bases(value) -> set[str]:
    return {base.__name__ for base in value.__mro__ if base.__module__.startswith("keras.")}


def _is_ours(function) -> bool:
    return function.__module__.startswith("nmtcli.")


def _with_call(layer: type, lines: list[str]) -> list[str]:
    """Insert how a layer is called before the first section of its docstring."""
    first = lines.index("Args:") if "Args:" in lines else len(lines)
    name = "model" if "Model" in _keras_bases(layer) else "layer"
    call = textwrap.wrap(f"{name}{_parameters(layer.call)}", 72, subsequent_indent=4 * " ")
    return [*lines[:first], "", "Call:", *(f"    {line}" for line in call), "", *lines[first:]]


def _parameters(method) -> str:
    _, *parameters = inspect.signature(method).parameters.values()  # without self
    return str(inspect.Signature(parameters))


def _signature(app, what: str, name: str, value, options, signature, returned):
    """Return the signature of a layer's constructor, which Keras hides.

    The options of a configuration's section have a page of their own.
    """
    if what != "class":
        return None
    if name.startswith("nmtcli.config.") and name.endswith("Config"):
        return "", ""
    if _is_layer(value):
        return _parameters(value.__init__) if _is_ours(value.__init__) else "(**kwargs)", ""
    return None


def _skip(app, what: str, name: str, value, skip: bool, options) -> bool | None:
    """Skip the fields of named tuples, whose docstrings say nothing."""
    return True if (getattr(value, "__doc__", "") or "").startswith("Alias for field") else None


def _set_dashes(app, doctree) -> None:
    """Write a dash between a parameter and its text."""
    for text in list(doctree.findall(nodes.Text)):
        before = text.parent.children[: text.parent.index(text)]
        if text.startswith(" -- ") and before and not isinstance(before[-1], nodes.Text):
            text.parent.replace(text, nodes.Text(" – " + text.removeprefix(" -- ")))


def _write_inline(writer, node) -> None:
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _write_block(writer, node) -> None:
    writer.body.append(convert(node.astext(), display="block"))
    raise nodes.SkipNode


def _declare_language(app, page: str, template: str, context: dict, doctree) -> None:
    context["language"] = language_of(page)
    other = translation_of(page)
    if other in app.env.found_docs:
        address = app.builder.get_relative_uri(page, other)
        link = f'<link rel="alternate" hreflang="{language_of(other)}" href="{address}">'
        context["metatags"] = context.get("metatags", "") + link
