"""What the user gives, as the arrays that the extension takes."""

from __future__ import annotations

from typing import Any

import numpy as np


def numbers(name: str, values: Any, shape: tuple[int, ...], dtype: Any, means: str) -> np.ndarray:
    """`values` as a contiguous array of this shape and type; `means` says in words what the axes are."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be numbers, got an array of {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}: {means}")
    return np.ascontiguousarray(array, dtype)


def seeds(seed: Any, count: int) -> np.ndarray:
    """`seed`, `seed + 1`, … or a seed each, as unsigned 64-bit numbers."""
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        if not 0 <= int(seed) < 1 << 64:
            raise ValueError(f"seed is {seed}, expected 0 to 2**64 - 1")
        return np.uint64(int(seed)) + np.arange(count, dtype=np.uint64)
    array = np.asarray(seed)
    if array.dtype.kind not in "iu" or array.shape != (count,):
        raise ValueError(f"seeds must be one whole number or {count} of them, got {seed!r}")
    if array.dtype.kind == "i" and (array < 0).any():
        raise ValueError("seeds must not be negative")
    return array.astype(np.uint64)


def mask(name: str, values: Any, count: int) -> np.ndarray:
    """`values` as `count` truth values."""
    array = np.asarray(values)
    if array.dtype != np.bool_ or array.shape != (count,):
        raise ValueError(f"{name} must be {count} truth values, got {array.dtype} of shape {array.shape}")
    return np.ascontiguousarray(array)
