"""How the documentation is built: `make docs`. A warning is an error, also about a reference that leads nowhere."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where the last two extensions are

project = "yorch_async"
author = "The yorch_async authors"
project_copyright = author
release = version = version_of("yorch_async")

extensions = ["myst_parser", "sphinx.ext.autodoc", "_reference", "_rules_page"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
default_role = "py:obj"  # `name` in a docstring is a link where there is such a name, else just code
smartquotes = False  # quotation marks are part of messages and code

myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings name the types that matter, and overloads would bury them
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
