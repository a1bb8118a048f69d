"""`python -m yorch_async` is `yorch`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
