"""Sphinx's settings; `make docs` builds docs/_build/html.

The source folder is the top of the checkout, so that a link between two .md files leads to the
same place on the site, on a code host and in an editor.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the reference imports the layers, and needs no GPU

from nmtcli import __version__, backend  # noqa: E402

backend.choose()

project = "nmt"
release = version = __version__
author = ""
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "data/README.md"]
exclude_patterns = ["docs/_build", ".*", "runs", "prepared*", "build", "dist", "node_modules"]
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_nmt.extension",
]
highlight_language = "text"
smartquotes = False  # they make one dash of the two of an option
myst_enable_extensions = ["deflist", "dollarmath"]
html_math_renderer = "mathml"  # by the browser, without a script from elsewhere
myst_heading_anchors = 4
nb_execution_mode = "off"  # notebooks are shown with the outputs that they have

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False  # Keras's text on its own methods
autosummary_generate = False
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Call arguments", "params_style")]
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "nmt"
html_static_path = ["_static"]
html_css_files = ["nmt.css"]
templates_path = ["_templates"]
html_additional_pages = {"index": "redirect.html"}  # the landing page is docs/index.html
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {
        "font-stack": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', "
        "'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif",
        "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, "
        "'Liberation Mono', 'D2Coding', 'Noto Sans Mono CJK KR', monospace",
    },
}
