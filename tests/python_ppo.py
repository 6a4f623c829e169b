#!/usr/bin/env python3
"""Runs the PPOs of docs/how-to/python.md, which need PyTorch, and looks whether they learn.

    python3 tests/python_ppo.py

Needs the package, torch and stable-baselines3.
"""

import re
from pathlib import Path

import gymnasium
import numpy as np
import spindle

PAGE = Path(__file__).resolve().parent.parent / "docs/how-to/python.md"
# An inverted pendulum that nobody balances falls after fewer control steps than this.
UNTRAINED = 15


def steps(model, episodes=10):
    """Control steps until the pendulum falls, 1000 at most."""
    env, total = gymnasium.make("spindle/InvertedPendulum-v0"), 0
    for episode in range(episodes):
        (obs, _), over = env.reset(seed=100 + episode), False
        while not over:
            obs, _, terminated, truncated, _ = env.step(model.predict(obs, deterministic=True)[0])
            total, over = total + 1, terminated or truncated
    return total / episodes


def main():
    blocks = re.findall(r'```python not-run="needs PyTorch[^\n]*\n(.*?)```', PAGE.read_text(), re.DOTALL)
    names = {"gymnasium": gymnasium, "np": np, "spindle": spindle}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    learned = {"Stable-Baselines3": steps(names["model"]), "the page's loop": np.mean(names["lengths"][-20:])}
    for name, length in learned.items():
        assert length > 4 * UNTRAINED, f"{name}: falls after {length} control steps"
    print(f"{len(blocks)} PPOs learn: " + ", ".join(f"{name} {length:.0f} steps" for name, length in learned.items()))


main()
