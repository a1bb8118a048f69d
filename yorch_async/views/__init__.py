"""What a plan looks like: as text, Mermaid, Graphviz and JSON."""

from ._dot import to_dot
from ._json import to_json
from ._mermaid import to_mermaid
from ._text import to_text

__all__ = ["to_dot", "to_json", "to_mermaid", "to_text"]
