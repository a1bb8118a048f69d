"""Run the benchmarks: all of them, or those that are named."""

import argparse
import platform
import sys
from importlib import import_module

NAMES = ("execution", "plan")


def main() -> None:
    """Print one table per benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a first impression")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    print(f"CPython {platform.python_version()} on {platform.machine()}, {sys.platform}")
    for name in options.names or NAMES:
        import_module(f"benchmarks.bench_{name}").main(repetitions=5 if options.quick else 21)


if __name__ == "__main__":
    main()
