"""What the command line says when the tools that it is made with are not installed.

*Guarantees*: needs the standard library only.
"""

import sys

__all__ = ["main"]


def main() -> int:
    """Say what to install; the exit status is that of a wrong usage."""
    print("yorch needs click and rich: pip install 'yorch_async[cli]'", file=sys.stderr)  # noqa: T201 - all that there is
    return 2
