"""How Sphinx makes the HTML pages: ``python3 dev.py docs``.

The sources are the Markdown files of the repository, whose root is Sphinx's source folder, so that one link works on
GitHub and in the pages. The table of contents stands here, since GitHub would show it as text.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "backends")]

from promptecho import __version__  # noqa: E402 - this very checkout

project = "promptecho"
author = "the promptecho authors"
copyright = "MIT licence"
version = release = __version__

CONTENTS = {
    "Guide": ["TUTORIAL", "docs/cli", "docs/snapshots"],
    "Reference": [
        "docs/reference/use_cassette", "docs/reference/settings", "docs/reference/pytest", "docs/reference/cassettes",
        "docs/reference/errors", "docs/reference/snapshots", "docs/reference/normalizers", "docs/reference/backends",
        "docs/reference/providers",
    ],
    "Project": ["SUPPORT", "DESIGN", "benchmarks/README", "benchmarks/RESULTS", "CHANGELOG", "CONTRIBUTING"],
}  # fmt: skip

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["*.md", "docs/**.md", "benchmarks/*.md"]

html_theme = "furo"
html_title = f"promptecho {version}"
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

add_module_names = False  # each page says where its names are imported from
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_use_type_comments = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
# The builder looks nothing up on the network, so Python's own names are no links.
nitpick_ignore_regex = [
    ("py:(class|data|exc|obj)", r"(os|re|datetime|collections\.abc|pathlib|types)\..*"),
    ("py:class", r"PathLike|MatchOn|Volatile|Redactions|Hooks|Given|timedelta"),  # the text on each argument says more
    ("py:class", r"promptecho\._session\.activation\.(Activation|Decorated)"),  # the two forms of use_cassette
    ("py:class", r"promptecho\.snapshot\._\w+\.\w+"),  # what matchers are, which a test only hands on
]


def add_contents(app: Any, name: str, source: list[str]) -> None:
    """Give the front page the table of contents that the other pages hang on."""
    if name == root_doc:
        for caption, pages in CONTENTS.items():
            listed = "\n".join(pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def add_index(app: Any, problem: Exception | None) -> None:
    """Let the folder open on the front page."""
    if problem is None and app.builder.name == "html":
        page = '<!doctype html><title>promptecho</title><meta http-equiv="refresh" content="0; url=README.html">\n'
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app: Any) -> None:
    app.connect("source-read", add_contents)
    app.connect("build-finished", add_index)
