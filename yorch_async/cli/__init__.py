"""The command line, `yorch`. Without the tools that it needs, it says how to install them."""

from importlib.util import find_spec

if find_spec("click") is None or find_spec("rich") is None:
    from ._without import main
else:
    from ._main import main

__all__ = ["main"]
