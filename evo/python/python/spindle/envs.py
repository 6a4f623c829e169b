"""Tasks as environments of Gymnasium, one or many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from . import _adapters as adapters
from . import _native
from ._arrays import mask, numbers, seeds
from ._text import sets

# What `pip install` builds can draw; a build without the feature `render` cannot.
_RENDER_MODES = ("rgb_array",) if hasattr(_native, "Painter") else ()
_MODES = {AutoresetMode.NEXT_STEP: 0, AutoresetMode.SAME_STEP: 1, AutoresetMode.DISABLED: 2}


def env_names() -> list[str]:
    """Names of all tasks, as configs have them: `ant`, `half_cheetah`, …"""
    return _native.env_names()


def env_id(name: str) -> str:
    """Gymnasium's id of a task: `spindle/HalfCheetah-v0` for `half_cheetah`."""
    return f"spindle/{''.join(word.capitalize() for word in name.split('_'))}-v0"


def register() -> None:
    """Registers every task with Gymnasium. Importing `spindle` does it."""
    for name in env_names():
        if env_id(name) not in gymnasium.registry:
            gymnasium.register(
                env_id(name),
                entry_point="spindle.envs:Env",
                vector_entry_point="spindle.envs:VectorEnv",
                kwargs={"name": name},
            )


def make_vec(
    name: str,
    num_envs: int = 1,
    engine: str = "auto",
    seed: int | Sequence[int] | None = None,
    changes: Sequence[str] = (),
    *,
    horizon: int | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    copy: bool = True,
    set: dict[str, Any] | None = None,
    render_mode: str | None = None,
    **fields: Any,
) -> VectorEnv:
    """Many environments of one task, stepped together by all processors; see `VectorEnv`."""
    return VectorEnv(
        name,
        num_envs,
        engine,
        seed,
        changes,
        horizon=horizon,
        autoreset_mode=autoreset_mode,
        copy=copy,
        set=set,
        render_mode=render_mode,
        **fields,
    )


def make(name: str, **settings: Any) -> Env:
    """One environment; see `Env`."""
    return Env(name, **settings)


class _Batch:
    """The native batch with the buffers that it writes."""

    def __init__(
        self,
        name: str,
        num_envs: int,
        engine: str,
        changes: Sequence[str],
        horizon: int | None,
        settings: dict[str, Any] | None,
        fields: dict[str, Any],
    ) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, (int, np.integer)) or num_envs < 1:
            raise ValueError(f"num_envs is {num_envs!r}, expected a whole number of at least 1")
        if horizon is not None and (not isinstance(horizon, (int, np.integer)) or horizon < 1):
            raise ValueError(f"horizon is {horizon!r}, expected a whole number of at least 1")
        changes = [changes] if isinstance(changes, str) else list(changes)
        every = sets(fields, "env.") + sets(settings or {})
        self.native = _native.Batch(name, int(num_envs), engine, every, changes, horizon)
        self.count = int(num_envs)
        self.width = len(self.native.observations)
        self.acts = len(self.native.actions)
        self.terms = self.native.terms
        self.policy_seeds = np.zeros(self.count, np.uint64)
        self.blew_up = np.zeros(self.count, np.bool_)

    def observation_space(self) -> gymnasium.spaces.Box:
        return _box(self.native.observations)

    def action_space(self) -> gymnasium.spaces.Box:
        return _box(self.native.actions)

    def metadata(self) -> dict[str, Any]:
        return {"render_modes": list(_RENDER_MODES), "render_fps": max(1, round(1 / self.native.control_dt))}


class _Pictures:
    """Draws environments; the adapter is opened with the first picture."""

    def __init__(self, batch: _Batch, render_mode: str | None, width: int, height: int, camera: str) -> None:
        if render_mode is not None and render_mode not in _RENDER_MODES:
            valid = " or ".join(repr(mode) for mode in (None, *_RENDER_MODES))
            raise ValueError(f"render_mode is {render_mode!r}, expected {valid}: the viewer has a window")
        for name, side in (("width", width), ("height", height)):
            if isinstance(side, bool) or not isinstance(side, (int, np.integer)) or not 1 <= side <= 8192:
                raise ValueError(f"{name} is {side!r}, expected a whole number of pixels, 1 to 8192")
        self._batch, self._mode = batch, render_mode
        self._settings = int(width), int(height), camera
        self._painter = None

    def of(self, count: int) -> tuple[np.ndarray, ...] | None:
        if self._mode is None:
            gymnasium.logger.warn("render() needs environments that are made with render_mode='rgb_array'")
            return None
        if self._painter is None:
            adapters.expected()
            self._painter = _native.Painter(self._batch.native, *self._settings)
        return tuple(self._painter.picture(self._batch.native, env) for env in range(count))


def _box(channels: list[tuple[str, str, float, float]]) -> gymnasium.spaces.Box:
    low, high = (np.array([channel[side] for channel in channels], np.float32) for side in (2, 3))
    return gymnasium.spaces.Box(low, high, dtype=np.float32)


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])


class VectorEnv(gymnasium.vector.VectorEnv):
    """Many environments of one task, stepped together by all processors without the interpreter's lock.

    Args:
        name: A task (`env_names()`), a config (`ant.ron`, with its physics and changes) or a robot of your own
            (`robot.xml`, MJCF).
        num_envs: Number of environments, at least 1.
        engine: `"auto"` (lanes if it can do all that the robot asks for), `"lanes"`, `"rapier"` or `"config"` (as the
            config says).
        seed: Seeds of the first `reset`, as there.
        changes: What is different from the task: names of `evo list changes`, or a change in RON.
        horizon: Control steps after which an episode is truncated; the task's own if `None`.
        autoreset_mode: NextStep (the default), SameStep or Disabled, as Gymnasium defines them.
        copy: Whether every call returns arrays of its own. If `False`, all calls write to the same ones.
        set: Further fields of the config, such as `{"physics.fidelity": "Reference"}`.
        render_mode: `"rgb_array"` for `render`; `None` for none.
        width, height: Of pictures, in pixels, 1 to 8192.
        camera: `"corner"`, `"side"`, `"front"`, `"back"`, `"top"` or a camera of the robot's file.
        **fields: Fields of the task, such as `healthy_reward=0.5`. A string is RON, as after `--set`.

    Observations are float32 `[num_envs, observations]`, actions `[num_envs, actions]` in the task's units, clipped to
    their range; NaN is refused. Rewards are float64 `[num_envs]`. `info` has each reward term as `reward_NAME`,
    `blew_up` where the physics left the finite numbers, `is_success` if the task says what a success is, and, where an episode begins, `policy_seed` for `Policy.reset`.
    Arrays in `info` are `[num_envs]`; `_NAME` says where they hold.

    Episode k of an environment with the seed s begins as episode k of `evo eval --seed s` does. It depends on no other
    environment, nor on their number or that of threads.

    Raises:
        ValueError: Whatever the command line refuses, with its text.
    """

    def __init__(
        self,
        name: str = "ant",
        num_envs: int = 1,
        engine: str = "auto",
        seed: int | Sequence[int] | None = None,
        changes: Sequence[str] = (),
        *,
        horizon: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        set: dict[str, Any] | None = None,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 480,
        camera: str = "corner",
        **fields: Any,
    ) -> None:
        self._batch = _Batch(name, num_envs, engine, changes, horizon, set, fields)
        self._pictures = _Pictures(self._batch, render_mode, width, height, camera)
        self.num_envs = self._batch.count
        self.copy = copy
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self._batch.metadata(), "autoreset_mode": self.autoreset_mode}
        self.render_mode = render_mode
        self.single_observation_space = self._batch.observation_space()
        self.single_action_space = self._batch.action_space()
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._seed = None if seed is None else seeds(seed, self.num_envs)
        self._seeds = np.zeros(self.num_envs, np.uint64)
        self._everywhere = np.ones(self.num_envs, np.bool_)
        self._over = np.ones(self.num_envs, np.bool_)
        self._begun = False
        self._own = None if copy else self._buffers()

    @property
    def task(self) -> str:
        """Name of the task."""
        return self._batch.native.name

    @property
    def engine(self) -> str:
        """Name of the physics engine."""
        return self._batch.native.engine

    @property
    def control_dt(self) -> float:
        """Seconds between two actions."""
        return self._batch.native.control_dt

    @property
    def horizon(self) -> int:
        """Control steps after which an episode is truncated."""
        return self._batch.native.horizon

    @property
    def np_random_seed(self) -> tuple[int, ...]:
        """The seed of each environment."""
        return tuple(int(seed) for seed in self._seeds)

    def _buffers(self) -> tuple[np.ndarray, ...]:
        count, batch = self.num_envs, self._batch
        last = np.empty((count, batch.width), np.float32) if self.autoreset_mode == AutoresetMode.SAME_STEP else None
        return (
            np.empty((count, batch.width), np.float32),
            np.empty(count, np.float64),
            np.empty(count, np.bool_),
            np.empty(count, np.bool_),
            np.empty(count, np.bool_),
            np.empty(count, np.bool_),
            np.empty(count, np.bool_),
            np.empty((count, len(batch.terms)), np.float32),
            last,
            np.empty(count, np.uint64),
        )

    def _open(self) -> None:
        if self.closed:
            raise ClosedEnvironmentError(f"{self.task}: the environments are closed")

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | np.ndarray | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins new episodes everywhere, or where `options["reset_mask"]` is true.

        `seed` is one number s, for s, s + 1, …, or one each, or `None`: the next episode of the seeds there are, and
        before the first reset those of the constructor, else seeds from the system.
        """
        self._open()
        where = self._everywhere
        if options is not None and "reset_mask" in options:
            where = mask("options['reset_mask']", options["reset_mask"], self.num_envs)
            if not where.any():
                raise ValueError("options['reset_mask'] must be true somewhere")
            if not self._begun and not where.all():
                raise ResetNeeded("the first reset must be of all environments")
        if seed is None and not self._begun:
            seed = _fresh_seed() if self._seed is None else self._seed
        seeded = np.zeros(self.num_envs, np.bool_)
        if isinstance(seed, (list, tuple)) and len(seed) == self.num_envs:
            seeded = np.array([each is not None for each in seed])
            if not self._begun:
                seed, seeded = [_fresh_seed() if each is None else each for each in seed], self._everywhere
            given = seeds([0 if each is None else int(each) for each in seed], self.num_envs)
        elif seed is not None:
            given, seeded = seeds(seed, self.num_envs), self._everywhere
        else:
            given = self._seeds
        self._seeds = np.where(where & seeded, given, self._seeds)
        observations = np.empty((self.num_envs, self._batch.width), np.float32) if self.copy else self._own[0]
        policy_seeds = np.empty(self.num_envs, np.uint64)
        self._batch.native.reset(where, seeded, given, observations, policy_seeds)
        self._over = np.where(where, False, self._over)
        self._begun = True
        return observations, {"policy_seed": policy_seeds, "_policy_seed": where.copy()}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One control step: `actions [num_envs, actions]` → observations, rewards, terminated, truncated, info."""
        self._open()
        if not self._begun:
            raise ResetNeeded("call reset() before step()")
        mode = self.autoreset_mode
        if mode == AutoresetMode.DISABLED and self._over.any():
            which = int(self._over.argmax())
            raise ResetNeeded(f"the episode of environment {which} is over: reset it with options['reset_mask']")
        shape = (self.num_envs, self._batch.acts)
        actions = numbers("actions", actions, shape, np.float32, "environments × actions")
        buffers = self._buffers() if self.copy else self._own
        observations, rewards, terminated, truncated, stepped, blew_up, success, terms, last, policy_seeds = buffers
        self._batch.native.step(actions, _MODES[mode], *buffers)
        info: dict[str, Any] = {}
        names = self._batch.terms
        self._over = terminated | truncated
        begun = ~stepped
        if mode == AutoresetMode.SAME_STEP:
            begun = self._over
        if mode == AutoresetMode.SAME_STEP and begun.any():
            # What the last step of an episode came to is in `final_info`; the new episode has had no step.
            final = {"final_obs": np.full(self.num_envs, None, object), "_final_obs": begun.copy()}
            for which in np.flatnonzero(begun):
                final["final_obs"][which] = last[which].copy()
            ended: dict[str, Any] = {}
            for index, name in enumerate(names):
                ended[f"reward_{name}"] = np.where(begun, terms[:, index], 0.0)
                ended[f"_reward_{name}"] = begun.copy()
            ended["blew_up"], ended["_blew_up"] = blew_up & begun, begun.copy()
            if self._batch.native.has_aim:
                ended["is_success"], ended["_is_success"] = success & begun, begun.copy()
                success = success & ~begun
            info |= final | {"final_info": ended, "_final_info": begun.copy()}
            stepped, terms = ~begun, np.where(begun[:, None], np.float32(0.0), terms)
        for index, name in enumerate(names):
            info[f"reward_{name}"] = terms[:, index]
            info[f"_reward_{name}"] = stepped
        if self._batch.native.has_aim:
            info["is_success"], info["_is_success"] = success, stepped
        if blew_up.any():
            info["blew_up"], info["_blew_up"] = blew_up, stepped
        if begun.any():
            info["policy_seed"], info["_policy_seed"] = policy_seeds, begun
        return observations, rewards, terminated, truncated, info

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A picture of each environment, uint8 `[height, width, 3]`, drawn by a GPU or in software.

        Raises:
            RuntimeError: If there is no graphics adapter.
        """
        self._open()
        return self._pictures.of(self.num_envs)

    def close_extras(self, **kwargs: Any) -> None:
        """Gives the memory back."""
        self._own = None


class Env(gymnasium.Env):
    """One environment of a task; arguments as those of `VectorEnv`.

    Observations are float32 `[observations]`, actions `[actions]` in the task's units. `info` has each reward term as
    `reward_NAME`, `blew_up`, `is_success` if the task says what a success is, and, after `reset`, `policy_seed`. Without a seed, `reset` begins the next episode of the
    seed there is.
    """

    def __init__(
        self,
        name: str = "ant",
        engine: str = "auto",
        changes: Sequence[str] = (),
        *,
        horizon: int | None = None,
        set: dict[str, Any] | None = None,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 480,
        camera: str = "corner",
        **fields: Any,
    ) -> None:
        self._batch = _Batch(name, 1, engine, changes, horizon, set, fields)
        self._pictures = _Pictures(self._batch, render_mode, width, height, camera)
        self.metadata = self._batch.metadata()
        self.render_mode = render_mode
        self.observation_space = self._batch.observation_space()
        self.action_space = self._batch.action_space()
        self._everywhere = np.ones(1, np.bool_)
        self._ready = False
        self._seeded = False
        self._closed = False

    task = property(lambda self: self._batch.native.name, doc="Name of the task.")
    engine = property(lambda self: self._batch.native.engine, doc="Name of the physics engine.")
    control_dt = property(lambda self: self._batch.native.control_dt, doc="Seconds between two actions.")
    horizon = property(lambda self: self._batch.native.horizon, doc="Control steps after which an episode ends.")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins an episode: the first of `seed`, else the next of the seed there is."""
        self._open()
        given = seeds(0 if seed is None else seed, 1)
        super().reset(seed=None if seed is None else int(given[0]))
        seeded = np.full(1, seed is not None or not self._seeded)
        if seed is None and not self._seeded:
            self._np_random_seed = _fresh_seed()
            given = seeds(self._np_random_seed, 1)
        observation, policy_seed = np.empty((1, self._batch.width), np.float32), np.empty(1, np.uint64)
        self._batch.native.reset(self._everywhere, seeded, given, observation, policy_seed)
        self._seeded = self._ready = True
        return observation[0], {"policy_seed": policy_seed[0]}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One control step: `action [actions]` → observation, reward, terminated, truncated, info."""
        self._open()
        if not self._ready:
            raise ResetNeeded("call reset() before step(), and after the end of an episode")
        batch = self._batch
        action = numbers("action", action, (batch.acts,), np.float32, "actions")
        observation, reward = np.empty((1, batch.width), np.float32), np.empty(1)
        flags, terms = np.empty((5, 1), np.bool_), np.empty((1, len(batch.terms)), np.float32)
        batch.native.step(action[None], 2, observation, reward, *flags, terms, None, batch.policy_seeds)
        terminated, truncated, _, blew_up, success = (bool(flag[0]) for flag in flags)
        self._ready = not (terminated or truncated)
        info: dict[str, Any] = {f"reward_{name}": float(term) for name, term in zip(batch.terms, terms[0])}
        info["blew_up"] = blew_up
        if batch.native.has_aim:
            info["is_success"] = success
        return observation[0], float(reward[0]), terminated, truncated, info

    def render(self) -> np.ndarray | None:
        """A picture, uint8 `[height, width, 3]`, drawn by a GPU or in software.

        Raises:
            RuntimeError: If there is no graphics adapter.
        """
        self._open()
        pictures = self._pictures.of(1)
        return None if pictures is None else pictures[0]

    def _open(self) -> None:
        if self._closed:
            raise ClosedEnvironmentError(f"{self.task}: the environment is closed")

    def close(self) -> None:
        """Ends it; further calls are refused."""
        self._closed = True
