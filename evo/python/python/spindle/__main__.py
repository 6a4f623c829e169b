"""The command `evo`, as `evo` or `python -m spindle`; the configs that are shipped come with it."""

import os
import signal
import sys
import tempfile
from pathlib import Path

from . import _native

CONFIGS = Path(__file__).parent / "configs"


def main() -> None:
    """Does what the command line says, and ends with its exit code."""
    # Ctrl-C is the program's.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Mesa's drivers write an error to stderr without it.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    sys.exit(_native.evo(["evo", *sys.argv[1:]], [sys.executable, "-m", "spindle"], CONFIGS))


if __name__ == "__main__":
    main()
