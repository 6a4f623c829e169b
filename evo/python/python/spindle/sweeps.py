"""Sweeps: many trials of one config, with different settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ._tables import table
from .runs import Run


class Sweep:
    """The folder of a sweep. `docs/sweeps.md` of the project describes its files.

    Every access reads the file anew, so that a sweep can be followed while it runs.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not (self.path / "sweep.ron").is_file():
            raise ValueError(f"{self.path} is not the folder of a sweep: it has no sweep.ron")

    def __repr__(self) -> str:
        return f"<spindle.Sweep {self.path}>"

    @property
    def config(self) -> str:
        """The config of the sweep, in RON."""
        return (self.path / "sweep.ron").read_text(encoding="utf-8")

    @property
    def trials(self) -> dict[str, np.ndarray]:
        """`sweep.csv` by column, best trial first: float64 `[trials]`, NaN where there is no value; text as objects."""
        return table(self.path / "sweep.csv")

    @property
    def runs(self) -> dict[str, np.ndarray]:
        """`trials.csv` by column, with a row per finished run, that is trial, seed and rung; as `trials`."""
        return table(self.path / "trials.csv")

    def frame(self, of: str = "trials") -> Any:
        """The `trials`, or the `runs`, as a `pandas.DataFrame`; needs pandas."""
        import pandas

        if of not in ("trials", "runs"):
            raise ValueError(f"no table {of!r}; there are 'trials' and 'runs'")
        return pandas.DataFrame(getattr(self, of))

    def run(self, trial: str, seed: int) -> Run:
        """The run of a trial, `"t0005"`, with this seed.

        Raises:
            ValueError: There is none.
        """
        return Run(self.path / "trials" / trial / f"s{seed}")


def sweep(path: str | os.PathLike[str]) -> Sweep:
    """Reads a sweep of `evo sweep` from its folder, finished or not: `results/sweeps/NAME`.

    Raises:
        ValueError: It is not the folder of a sweep.
    """
    return Sweep(path)
