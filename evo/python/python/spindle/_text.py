"""Settings as the command line takes them: PATH=VALUE, with values in RON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def ron(value: Any, outermost: bool = True) -> str:
    """A value in RON. A string is taken as it stands, as on the command line; within lists it is quoted."""
    if value is None:
        return "None"
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    if isinstance(value, str):
        return value if outermost or "(" in value else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(str(key))}: {ron(each, False)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(ron(each, False) for each in value) + ")"
    if isinstance(value, (list, np.ndarray)):
        return "[" + ", ".join(ron(each, False) for each in value) + "]"
    raise TypeError(f"{value!r} is no setting: expected a number, text, a list, a tuple, a dict, True, False or None")


def sets(fields: Mapping[str, Any], prefix: str = "") -> list[str]:
    """`fields` as options of `--set`, whose paths begin with `prefix`."""
    return [f"{prefix}{path}={ron(value)}" for path, value in fields.items()]
