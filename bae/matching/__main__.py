"""`python -m bae.matching WORKSPACE A B`: compare two dictionaries of a workspace's index, and keep what was found beside it."""

import sys
from pathlib import Path

from bae.matching.stored import compare
from bae.workspace import Workspace


def main(folder: str, a: str, b: str) -> Path:
    """Does the work and returns the file."""
    return compare(Workspace.open(Path(folder)), a, b)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python -m bae.matching WORKSPACE A B")
    try:
        print(main(*sys.argv[1:]))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
