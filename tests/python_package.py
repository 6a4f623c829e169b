#!/usr/bin/env python3
"""Runs the Python of docs/how-to/python.md as it stands, and that of docs/tutorials/python.md as its notebook has it,
then compares what the package and tests/judge.py make of the same run in MuJoCo.

    python3 tests/python_package.py

Needs the package, cma, and what tests/python_data.py needs.
"""

import json
import os
import subprocess
import sys
import tempfile

import gymnasium
import spindle
from python_data import ROOT, run_docs
from python_notebook import run_notebook


def returns(run, environment, seed, episodes):
    """Return of each episode in Gymnasium."""
    policy, env, totals = spindle.load(run), gymnasium.make(environment), []
    for episode in range(episodes):
        (obs, _), total, over = env.reset(seed=seed + episode), 0.0, False
        policy.reset()
        while not over:
            obs, reward, *ended, _ = env.step(policy(obs[: len(policy.observations)]))
            total, over = total + reward, any(ended)
        totals.append(total)
    return totals


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.symlink(ROOT / "configs", "configs")
        blocks = run_docs("docs/how-to/python.md") + run_notebook()
        run = "results/runs/cheetah"
        judged = [sys.executable, ROOT / "tests/judge.py", run, "--episodes", "2", "--seed", "7", "--json"]
        judged = json.loads(subprocess.run(judged, check=True, capture_output=True, text=True).stdout)
        assert returns(run, "HalfCheetah-v5", 7, 2) == judged["returns"], judged
        os.chdir(ROOT)
    print(f"{blocks} blocks in Python run; the judge agrees")


main()
