"""Episodes in Gymnasium: many at once, in lockstep, so that the controller works on arrays."""

import re
import sys
from collections import defaultdict

import gymnasium
import mujoco
import numpy as np

from .numbers import f32
from .refusal import require
from .tasks import counterpart

# Environments that exist at a time.
TOGETHER = 128


def warn(message):
    """What MuJoCo warns of, on stderr; by itself it writes a file into the present folder."""
    if "deprecated" not in message:
        print(f"mujoco: {message}", file=sys.stderr)


mujoco.set_mju_user_warning(warn)


def versions():
    """Versions on which results depend."""
    return {"gymnasium": gymnasium.__version__, "mujoco": mujoco.__version__}


def scaled(space, unit):
    """From ±1 to the environment's range."""
    middle, half = f32(0.5) * (space.low + space.high), f32(0.5) * (space.high - space.low)
    return middle + half * np.clip(unit, f32(-1), f32(1))


class Judge:
    """A policy and the environment that it is judged in; `limit`: control steps per episode, if not Gymnasium's."""

    def __init__(self, policy, limit=None):
        self.policy = policy
        self.options = {} if limit is None else {"max_episode_steps": limit}
        changes = policy.config.get("changes") or []
        self.environment, self.inputs, self.notes = counterpart(policy.env, policy.settings, changes)
        env = gymnasium.make(self.environment)
        shape, actions = env.observation_space.shape, env.action_space.shape
        env.close()
        require(
            self.inputs == policy.inputs and shape[0] >= self.inputs and actions == (policy.outputs,),
            f"{policy.file}: {policy.inputs} observations and {policy.outputs} actions; {self.environment} has "
            f"{self.inputs} of {shape[0]} and {actions[0]}",
        )

    def run(self, episodes, seed):
        """Results of so many episodes; episode k begins with `reset(seed=seed + k)`."""
        seeds = range(seed, seed + episodes)
        results = [self.together(seeds[at : at + TOGETHER]) for at in range(0, episodes, TOGETHER)]
        returns = np.concatenate([result["returns"] for result in results])
        lengths = np.concatenate([result["lengths"] for result in results])
        terminated = np.concatenate([result["terminated"] for result in results])
        terms = {name: sum(r["terms"][name] for r in results) / episodes for name in results[0]["terms"]}
        controller = self.policy.controller
        neuron_ticks = lengths.sum() * controller.ticks * sum(controller.sizes)
        return {
            "run": self.policy.run,
            "checkpoint": str(self.policy.file),
            "which": self.policy.which,
            "env": re.sub(r"(?<!^)(?=[A-Z])", "_", self.policy.env).lower(),
            "environment": self.environment,
            "episodes": episodes,
            "seed": seed,
            "return_mean": float(returns.mean()),
            "return_std": float(returns.std()),
            "lowest": float(returns.min()),
            "falls": int(terminated.sum()),
            "falls_share": float(terminated.mean()),
            "length_mean": float(lengths.mean()),
            "spike_rate": float(sum(r["spikes"] for r in results) / max(neuron_ticks, 1)),
            "terms": terms,
            "returns": returns.tolist(),
            "lengths": lengths.tolist(),
            "notes": self.notes,
        }

    def together(self, seeds):
        envs = [gymnasium.make(self.environment, **self.options) for _ in seeds]
        count = len(envs)
        rows = np.stack([env.reset(seed=seed)[0] for env, seed in zip(envs, seeds)])
        returns, lengths, terminated = np.zeros(count), np.zeros(count, int), np.zeros(count, bool)
        terms, spikes, running = defaultdict(float), 0, np.ones(count, bool)
        self.policy.start(count, seeds)
        while running.any():
            actions = scaled(envs[0].action_space, self.policy(rows[:, : self.inputs]))
            spikes += sum(int(layer[running].sum()) for layer in self.policy.spikes)
            for k in np.flatnonzero(running):
                rows[k], reward, terminated[k], truncated, info = envs[k].step(actions[k])
                returns[k] += reward
                lengths[k] += 1
                running[k] = not (terminated[k] or truncated)
                for name, value in info.items():
                    if name.startswith("reward_"):
                        terms[name.removeprefix("reward_")] += float(value)
        for env in envs:
            env.close()
        return {
            "returns": returns, "lengths": lengths, "terminated": terminated, "terms": dict(terms), "spikes": spikes
        }  # fmt: skip
