"""Training, and what it leaves: runs and recordings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import _native
from ._tables import Rows, table
from ._text import ron
from .policies import Policy, load
from .strategies import Archive

_POLL_S = 0.05


class _Evo:
    """The program in a process of its own: it ends its generation and writes a checkpoint when this process goes."""

    def __init__(self, words: Sequence[str]) -> None:
        self.lines: list[str] = []
        command = [sys.executable, "-m", "spindle", *words]
        # Of its own session, so that Ctrl-C reaches this process alone, which then asks for an orderly end.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._out: list[str] = []
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._out), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.lines), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        for line in stream:
            lines.append(line.rstrip("\n"))

    def stop(self) -> None:
        """Asks it to end after the generation that it computes."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()

    def running(self) -> bool:
        return self.process.poll() is None

    def finish(self) -> str:
        """Waits for its end, and gives what it printed.

        Raises:
            ValueError: Bad input, with its message.
            RuntimeError: The work failed, with its message.
        """
        code = self.process.wait()
        for thread in self._threads:
            thread.join()
        self.stop()
        if code == 0:
            return "\n".join(self._out)
        begin = next((index for index, line in enumerate(self.lines) if line.startswith("error: ")), 0)
        message = "\n".join(self.lines[begin:]).removeprefix("error: ")
        if code == 2:
            raise ValueError(message)
        raise RuntimeError(message or f"evo ended with code {code}")


def _run(words: Sequence[str]) -> str:
    evo = _Evo(words)
    try:
        return evo.finish()
    except KeyboardInterrupt:
        evo.process.terminate()
        evo.process.wait()
        raise


def train(
    config: str | os.PathLike[str],
    *,
    set: Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    name: str | None = None,
    seed: int | None = None,
    generations: int | None = None,
    threads: int | None = None,
    backend: str | None = None,
    init: str | os.PathLike[str] | None = None,
    on_generation: Callable[[dict[str, float | str]], Any] | None = None,
) -> Run:
    """Trains as `evo CONFIG` does, in a process of its own, and gives the run: the same bits as the command line.

    Args:
        config: A config, `ant.ron` or a path; the shipped ones come with the package.
        set: What is to differ, by path: `{"strategy.sigma": 0.1, "run.generations": 50}`. A string is RON.
        out: Run folder; `results/runs/NAME__sSEED__TIME` if `None`.
        name, seed, generations, threads, backend, init: As the options of `evo train`.
        on_generation: Called with every row of the metrics, soon after its generation. If it returns `False`, training
            ends after the generation that is being computed, with a checkpoint, as after Ctrl-C.

    Raises:
        ValueError: Bad input, with the text of the command line.
        RuntimeError: Training failed.
        KeyboardInterrupt: After Ctrl-C; the run has its checkpoint, and `Run.resume` goes on.
    """
    words = ["train", "--config", os.fspath(config), "--worker"]
    options = {
        "out": out, "name": name, "seed": seed, "generations": generations, "threads": threads, "backend": backend,
        "init": init,
    }  # fmt: skip
    words += [f"--{option}={value}" for option, value in options.items() if value is not None]
    words += [word for path, value in (set or {}).items() for word in ("--set", f"{path}={ron(value)}")]
    return _follow(_Evo(words), None if out is None else Path(out), on_generation, 0)


def _follow(evo: _Evo, folder: Path | None, on_generation: Any, known: int) -> Run:
    rows = None
    try:
        while True:
            running = evo.running()
            if folder is None:
                said = (re.match(r"run\s+(\S.*)$", line) for line in list(evo.lines))
                folder = next((Path(match[1]) for match in said if match), None)
            if folder is not None and on_generation is not None:
                if rows is None:
                    rows = Rows(folder / "metrics.csv")
                for row in rows.new():
                    if row["generation"] > known and on_generation(row) is False:
                        evo.stop()
            if not running:
                break
            time.sleep(_POLL_S)
    except BaseException:
        # Ctrl-C or a mistake in the callback: it ends in order, then that goes on.
        evo.stop()
        evo.process.wait()
        raise
    evo.finish()
    if folder is None:
        raise RuntimeError("evo did not say where the run is")
    return Run(folder)


def run(path: str | os.PathLike[str]) -> Run:
    """The run of a folder, `latest`, or that whose name begins so in `results/runs`."""
    return Run(_native.find_run(os.fspath(path)))


class Front(NamedTuple):
    """The members of a run with several objectives of which none is better than another in all of them."""

    names: tuple[str, ...]
    """Names of the objectives."""
    cells: np.ndarray
    """Number of each member, int64 `[members]`: what `spindle.load(run, cell=…)` takes."""
    objectives: np.ndarray
    """`[members, objectives]`, as `front.csv` has them: energy in synaptic operations per control step, lower is
    better; of all others, higher is better."""
    parameters: np.ndarray
    """`[members, parameters]`."""


class Run:
    """A run folder. `docs/data.md` of the project describes its files."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not (self.path / "config.ron").is_file():
            raise ValueError(f"{self.path} is not a run folder: it has no config.ron")

    def __repr__(self) -> str:
        return f"<spindle.Run {self.path}>"

    @property
    def config(self) -> str:
        """The resolved config, in RON."""
        return (self.path / "config.ron").read_text(encoding="utf-8")

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """`metrics.csv` by column, float64 `[generations]`, NaN where nothing was measured; text as objects."""
        return table(self.path / "metrics.csv")

    def frame(self) -> Any:
        """The metrics as a `pandas.DataFrame`; needs pandas."""
        import pandas

        return pandas.DataFrame(self.metrics)

    @property
    def summary(self) -> dict[str, Any] | None:
        """The final numbers; `None` while the run is not finished."""
        file = self.path / "summary.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    @property
    def policy(self) -> Policy:
        """The policy of its last checkpoint; `spindle.load` has more to choose from."""
        return load(self.path)

    def _members(self) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray, np.ndarray, int | None] | None:
        """Names, numbers, fitness, values, parameters, and the number of cells of an archive."""
        found = _native.members(str(self.path))
        if found is None:
            return None
        names, cells, fitness, values, parameters, count = found
        rows = (len(cells), -1)
        return names, cells.astype(np.int64), fitness, values.reshape(rows), parameters.reshape(rows), count

    def archive(self) -> Archive | None:
        """The archive of its last checkpoint; `None` if its strategy keeps none, or nothing is in it yet.

        `spindle.load(run.path, cell=archive.cells[i])` is the policy of elite i.

        Raises:
            ValueError: A checkpoint that is damaged or missing.
        """
        found = self._members()
        if found is None or found[5] is None:
            return None
        names, cells, fitness, descriptors, parameters, count = found
        return Archive(cells, fitness, descriptors, parameters, count, tuple(names))

    def front(self) -> Front | None:
        """The front of its last checkpoint, by falling first objective; `None` if its strategy has one objective, or no
        generation is finished yet.

        `spindle.load(run.path, cell=front.cells[i])` is the policy of member i.

        Raises:
            ValueError: A checkpoint that is damaged or missing.
        """
        found = self._members()
        if found is None or found[5] is not None:
            return None
        names, cells, _, objectives, parameters, _ = found
        return Front(tuple(names), cells, objectives, parameters)

    def resume(
        self, generations: int | None = None, *, on_generation: Callable[[dict[str, float | str]], Any] | None = None
    ) -> Run:
        """Goes on with it, to `generations` in all, with the same bits as a run that was never stopped."""
        words = ["resume", str(self.path), "--worker"]
        words += [] if generations is None else [f"--generations={generations}"]
        done = self.metrics.get("generation", np.zeros(0))
        return _follow(_Evo(words), self.path, on_generation, int(done[-1]) if len(done) else 0)

    def eval(self, episodes: int | None = None, *, seed: int | None = None, **options: Any) -> dict[str, Any]:
        """What `evo eval --json` says; `options` as there: `best=True`, `change="wind"`, `engine="rapier"`."""
        return json.loads(
            _run(["eval", str(self.path), "--json", *_options(options | {"episodes": episodes, "seed": seed})])
        )

    def record(
        self, episodes: int = 1, *, seed: int | None = None, out: str | os.PathLike[str] | None = None, **options: Any
    ) -> Recording:
        """Records episodes as `evo record` does; into `out`, or `episode.rollout.safetensors` in the run's folder."""
        file = Path(out) if out is not None else self.path / "episode.rollout.safetensors"
        more = options | {"episodes": episodes, "seed": seed, "out": os.fspath(file)}
        _run(["record", str(self.path), *_options(more)])
        return read_recording(file)


def _options(options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words.append(f"{option}={value}")
    return words


class Recording:
    """Episodes of `evo record`: `meta`, and each episode's arrays by name, with a row per control step."""

    def __init__(self, path: Path, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.path, self.meta, self.arrays = path, meta, arrays
        numbers = sorted({int(name.split(".")[0]) for name in arrays if name[0].isdigit()})
        self.episodes: list[dict[str, np.ndarray]] = [
            {name.removeprefix(f"{number}."): array for name, array in arrays.items() if name.startswith(f"{number}.")}
            for number in numbers
        ]

    def __repr__(self) -> str:
        return f"<spindle.Recording {self.path}, {len(self.episodes)} episodes>"


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """Reads a recording, `….rollout.safetensors`."""
    meta, arrays = _native.tensors(os.fspath(path))
    return Recording(Path(path), json.loads(meta), arrays)
