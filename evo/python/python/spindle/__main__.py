"""The command `evo`, as `evo` or `python -m spindle`; the configs that are shipped come with it."""

import sys
from pathlib import Path

from . import _native

CONFIGS = Path(__file__).parent / "configs"


def main() -> None:
    """Does what the command line says, and ends with its exit code."""
    sys.exit(_native.evo(["evo", *sys.argv[1:]], [sys.executable, "-m", "spindle"], CONFIGS))


if __name__ == "__main__":
    main()
