"""Populations of networks, for anybody's simulator."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _adapters as adapters
from . import _native
from ._arrays import mask as truth
from ._arrays import numbers, seeds
from ._text import sets


class Controller:
    """The description of a network, and the layout of its parameters.

    Args:
        config: A network in RON, `Snn(hidden: [Recurrent(neurons: 64)], ticks: 4)` or `Mlp(hidden: [64, 64])`, or a
            config's file (`ant.ron`), whose task then gives `inputs` and `outputs`.
        inputs: Number of observations.
        outputs: Number of actions.
        set: Fields that are to differ: of the network (`{"ticks": 8}`), or of the config (`{"controller.ticks": 8}`).

    Raises:
        ValueError: Whatever the command line refuses, with its text.
    """

    def __init__(
        self,
        config: str = "Snn()",
        inputs: int | None = None,
        outputs: int | None = None,
        *,
        set: dict[str, Any] | None = None,
    ) -> None:
        self._native = _native.Controller(str(config), inputs, outputs, sets(set or {}))

    def __repr__(self) -> str:
        return f"<spindle.Controller {self.description}>"

    @property
    def description(self) -> str:
        """Shape, model and size, in one line."""
        return self._native.description

    @property
    def config(self) -> str:
        """The network in RON, with all of its fields."""
        return self._native.config

    @property
    def n_inputs(self) -> int:
        """Number of observations."""
        return self._native.n_inputs

    @property
    def n_outputs(self) -> int:
        """Number of actions."""
        return self._native.n_outputs

    @property
    def n_parameters(self) -> int:
        """Number of parameters of one individual."""
        return self._native.n_parameters

    @property
    def layout(self) -> dict[str, dict[str, Any]]:
        """The blocks of a parameter vector by name, in order: `slice`, `rows` (sources), `cols` (targets) and `scale`
        (weight = scale · θ). A block with fewer parameters than rows × cols is sparse or of push-pull pairs."""
        return {
            name: {"slice": slice(offset, offset + length), "rows": rows, "cols": cols, "scale": scale}
            for name, offset, rows, cols, length, scale in self._native.layout
        }

    def initial(self, seed: int = 0) -> np.ndarray:
        """Where a run with this seed starts its search, float32 `[n_parameters]`."""
        return self._native.initial(seed)

    def population(self, theta: Any, backend: str = "cpu") -> Population:
        """Individuals with the parameters `theta [P, n_parameters]`, at the beginning of an episode.

        `backend` is `"cpu"` (all processors), `"gpu"` or `"auto"` (whichever is faster); actions are the same bits but
        for the precision `F32Free`.
        """
        if backend != "cpu":
            adapters.expected()
        return Population(self, theta, backend)


class Population:
    """Individuals of one network, each with weights and states of its own. Made by `Controller.population`."""

    def __init__(self, controller: Controller, theta: Any, backend: str) -> None:
        self.controller = controller
        self._size = len(theta) if np.ndim(theta) == 2 else -1
        if self._size == 0:
            raise ValueError("theta has no rows: expected at least 1 individual")
        self._native = controller._native.population(self._theta(theta), backend)

    def __len__(self) -> int:
        return self._size

    @property
    def backend(self) -> str:
        """Where it runs: `cpu` or `gpu`."""
        return self._native.backend

    def _theta(self, theta: Any) -> np.ndarray:
        shape = (self._size, self.controller.n_parameters)
        return numbers("theta", theta, shape, np.float32, "individuals × parameters")

    def load(self, theta: Any) -> None:
        """Gives all individuals other parameters, `[P, n_parameters]`, and begins an episode."""
        self._native.load(self._theta(theta))
        self.reset()

    def reset(self, *, seed: int | np.ndarray = 0, mask: np.ndarray | None = None) -> None:
        """Begins an episode of all individuals, or where `mask [P]` is true; `seed` as for `Policy.reset`."""
        where = np.ones(self._size, np.bool_) if mask is None else truth("mask", mask, self._size)
        self._native.reset(seeds(seed, self._size), where)

    def step(self, obs: Any, reward: Any = None) -> np.ndarray:
        """One control step: `obs [P, n_inputs]` → actions `[P, n_outputs]` in −1 to 1, float32.

        Those of an individual that has failed (parameters or states that are not finite) are NaN. `reward [P]` are the
        rewards of the step before, which only networks read whose weights change by reward.
        """
        shape = (self._size, self.controller.n_inputs)
        observations = numbers("obs", obs, shape, np.float32, "individuals × observations")
        if not np.isfinite(observations).all():
            raise ValueError("obs is not finite")
        rewards = np.zeros(self._size, np.float32)
        if reward is not None:
            rewards[:] = reward
        actions = np.empty((self._size, self.controller.n_outputs), np.float32)
        self._native.step(observations, rewards, actions)
        return actions

    @property
    def faults(self) -> np.ndarray:
        """Which individuals have failed, truth values `[P]`."""
        return np.array(self._native.faults())

    @property
    def spikes(self) -> dict[str, np.ndarray]:
        """Spikes of the last step by layer: truth values `[P, ticks, neurons]`."""
        return self._native.spikes()

    @property
    def states(self) -> dict[str, dict[str, np.ndarray]]:
        """State variables after the last step by layer and name: `[P, neurons]`."""
        return self._native.states()
