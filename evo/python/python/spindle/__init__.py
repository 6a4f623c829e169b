"""Spindle in Python: environments, trained policies, populations of spiking networks, strategies and runs.

    import gymnasium, spindle

    envs = spindle.make_vec("ant", num_envs=1024, seed=1)    # a gymnasium.vector.VectorEnv
    env = gymnasium.make("spindle/Ant-v0")                   # a gymnasium.Env
    policy = spindle.load("results/runs/RUN")                # policy.reset(n), action = policy(obs)
    search = spindle.strategies.CmaEs(x0, sigma=0.5)         # ask() and tell()
    network = spindle.Controller("ant.ron")                  # network.population(theta).step(obs)
    run = spindle.train("ant.ron", set={"run.generations": 50})

Fitness is maximised. Mistakes in what you pass are `ValueError`, with the text that the command line prints.
"""

from importlib.metadata import PackageNotFoundError, version

from . import strategies
from .controllers import Controller, Population
from .envs import Env, VectorEnv, env_id, env_names, make, make_vec, register
from .policies import Policy, load
from .runs import Front, Recording, Run, read_recording, run, train
from .sweeps import Sweep, sweep

try:
    __version__ = version("spindle")
except PackageNotFoundError:
    # Run from its sources.
    __version__ = "0"

register()

__all__ = [
    "Controller",
    "Env",
    "Front",
    "Policy",
    "Population",
    "Recording",
    "Run",
    "Sweep",
    "VectorEnv",
    "env_id",
    "env_names",
    "load",
    "make",
    "make_vec",
    "read_recording",
    "register",
    "run",
    "strategies",
    "sweep",
    "train",
]
