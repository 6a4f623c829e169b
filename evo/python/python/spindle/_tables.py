"""Tables in CSV, as the program writes them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np


def _value(text: str) -> float | str:
    try:
        return float(text) if text else float("nan")
    except ValueError:
        return text


class Rows:
    """The rows of a table that grows, as they come."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, 0
        self.columns: list[str] | None = None

    def new(self) -> list[dict[str, float | str]]:
        """The rows since the last call: numbers, NaN for an empty cell, or text."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._at)
                text = file.read()
        except FileNotFoundError:
            return []
        # What is not a line yet comes again.
        text = text[: text.rfind(b"\n") + 1]
        self._at += len(text)
        rows = list(csv.reader(text.decode().splitlines()))
        if self.columns is None and rows:
            self.columns = rows.pop(0)
        return [{name: _value(cell) for name, cell in zip(self.columns or (), row)} for row in rows]


def table(path: Path) -> dict[str, np.ndarray]:
    """A table by column: float64 `[rows]`, NaN for an empty cell; objects if a cell is text. Empty without a file."""
    rows = Rows(path)
    read = rows.new()
    columns = {name: [row[name] for row in read] for name in rows.columns or ()}
    is_text = {name: any(isinstance(value, str) for value in values) for name, values in columns.items()}
    return {name: np.array(values, object if is_text[name] else np.float64) for name, values in columns.items()}
