"""Trained controllers."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from . import _native
from ._arrays import mask as truth
from ._arrays import numbers, seeds
from ._text import sets


def load(
    path: str | os.PathLike[str],
    *,
    best: bool = False,
    cell: int | None = None,
    stage: str | None = None,
    engine: str | None = None,
    set: dict[str, Any] | None = None,
) -> Policy:
    """The policy of a run folder (its last checkpoint), of a checkpoint, of `latest`, or of the run that is called so.

    Args:
        path: Run folder, checkpoint, `latest` or the beginning of a name in `results/runs`.
        best: Take the best member that was ever seen, not the mean of the search distribution.
        cell: Take the elite of this cell of its archive, or this member of its front; `Run.archive` and `Run.front`
            list them.
        stage: Take the last checkpoint of this stage.
        engine: Build its task for this engine, where that is of interest; it changes no action.
        set: Fields of its config that are to differ, such as `{"controller.precision": "I8"}`.

    Raises:
        ValueError: If there is no such run or member, or it does not fit.
    """
    if cell is not None and (isinstance(cell, bool) or not isinstance(cell, (int, np.integer)) or cell < 0):
        raise ValueError(f"cell is {cell!r}, expected a whole number of at least 0")
    number = None if cell is None else int(cell)
    return Policy(_native.Policy(os.fspath(path), best, number, stage, engine, sets(set or {})))


class Policy:
    """A trained controller with its observation normalisation and scaling of actions: the same bits as `evo eval`.

    `policy.reset(n)` begins an episode of n copies; then `action = policy(obs)` is one control step of all. What a
    network remembers between steps is kept per copy. Observations and actions are in the task's units.
    """

    def __init__(self, native: Any) -> None:
        self._native = native
        self._inputs, self._outputs = native.shape
        self._count = 1
        self._begun = False

    def __repr__(self) -> str:
        return f"<spindle.Policy for {self.env}: {self.description}>"

    @property
    def env(self) -> str:
        """Name of its task."""
        return self._native.env

    @property
    def description(self) -> str:
        """Shape, model and size of its network, in one line."""
        return self._native.description

    @property
    def config(self) -> str:
        """The config of its run, in RON."""
        return self._native.config

    @property
    def parameters(self) -> np.ndarray:
        """Its parameters, float32 `[parameters]`."""
        return self._native.parameters

    @property
    def observations(self) -> list[str]:
        """Names of the observations that it takes, in order."""
        return self._native.channels[0]

    @property
    def actions(self) -> list[str]:
        """Names of the actions that it gives, in order."""
        return self._native.channels[1]

    @property
    def n(self) -> int:
        """Number of copies."""
        return self._count

    def reset(self, n: int | None = None, *, seed: int | np.ndarray = 0, mask: np.ndarray | None = None) -> None:
        """Begins an episode.

        Args:
            n: Number of copies; as many as before if `None`, 1 at first.
            seed: What random encoders draw from: s for s, s + 1, …, or one each. `info["policy_seed"]` of our
                environments makes it the episode of `evo eval`. Most networks draw nothing.
            mask: Which copies begin, `[n]` truth values; the others go on.
        """
        if n is not None and (isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1):
            raise ValueError(f"n is {n!r}, expected a whole number of at least 1")
        count = self._count if n is None else int(n)
        if mask is not None and count != self._count:
            raise ValueError(f"there are {self._count} copies: a mask cannot change their number")
        where = None if mask is None else truth("mask", mask, count)
        self._native.reset(seeds(seed, count), where)
        self._count = count
        self._begun = True

    def __call__(self, obs: np.ndarray, reward: float | np.ndarray | None = None) -> np.ndarray:
        """One control step: `obs [observations]` → `[actions]`, or `[n, observations]` → `[n, actions]`, float32.

        Args:
            obs: Observations in the task's units, finite.
            reward: Rewards of the step before, `[n]`; only networks whose weights change by reward read them.

        Raises:
            ValueError: Another shape, or observations that are not finite.
            RuntimeError: The controller failed: a state of it is no longer finite.
        """
        single = self._count == 1 and np.ndim(obs) == 1
        shape = (self._inputs,) if single else (self._count, self._inputs)
        observations = numbers("obs", obs, shape, np.float32, "observations" if single else "copies × observations")
        if not np.isfinite(observations).all():
            raise ValueError("obs is not finite")
        if not self._begun:
            self.reset()
        rewards = np.zeros(self._count, np.float32)
        if reward is not None:
            rewards[:] = reward
        actions = np.empty((self._count, self._outputs), np.float32)
        self._native.step(observations.reshape(self._count, self._inputs), rewards, actions)
        return actions[0] if single else actions

    @property
    def spikes(self) -> dict[str, np.ndarray]:
        """Spikes of the last step by layer (`hidden.0`, …): truth values `[n, ticks, neurons]`."""
        return self._native.spikes()

    @property
    def states(self) -> dict[str, dict[str, np.ndarray]]:
        """State variables after the last step by layer and name: `states["hidden.0"]["v"]`, `[n, neurons]`."""
        return self._native.states()

    def watch(self, copy: int = 0) -> None:
        """Records every tick of one copy from now on, for `traces`."""
        self._native.watch(copy)

    @property
    def traces(self) -> dict[str, dict[str, np.ndarray]]:
        """Of the copy that is watched, by layer: `current`, `membrane`, `threshold` and states `[ticks, neurons]`."""
        return self._native.traces()

    def activity(self, copy: int = 0) -> dict[str, float]:
        """What one copy has done since its reset: `spike_rate` per neuron and tick, `synops_per_step`,
        `energy_pj_per_step` (an estimate)."""
        return dict(zip(("spike_rate", "synops_per_step", "energy_pj_per_step"), self._native.activity(copy)))

    def to_nir(self, path: str | os.PathLike[str]) -> None:
        """Writes the network as a NIR file, as `evo nir export` does; warns of what the format cannot say."""
        for warning in self._native.to_nir(os.fspath(path)):
            warnings.warn(warning, stacklevel=2)

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Writes the whole policy as an ONNX file, as `evo export` does."""
        self._native.to_onnx(os.fspath(path))
