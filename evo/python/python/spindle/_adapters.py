"""Graphics adapters."""

import os
import tempfile


def expected() -> None:
    """To be called before adapters are looked for: Mesa's drivers write an error to stderr without this variable."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
