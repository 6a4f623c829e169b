#!/usr/bin/env python3
"""Steps per second of the ant with random actions: the Python package beside Gymnasium and EnvPool, in turns.

    python3 tests/python_speed.py target/release/evo --seconds 2 --rounds 3

Needs the package, gymnasium[mujoco] and, where it can be had, envpool. Prints a table in Markdown: the median of the
rounds with the lowest and the highest, by the clock and per processor second. Actions are drawn before, so that only `step` is timed; episodes begin anew on
their own.
`evo bench physics` draws its actions within the time, and computes no observations for Python.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time

import gymnasium
import numpy as np
import spindle

try:
    import envpool
except ImportError:
    envpool = None
COUNTS = (1, 16, 1024)
DRAWN = 16


def ours(engine):
    """Makes environments of the package's."""
    return lambda count: spindle.make_vec("ant", num_envs=count, engine=engine)


def gymnasiums(mode):
    """Makes environments of Gymnasium's."""
    return lambda count: gymnasium.make_vec("Ant-v5", num_envs=count, vectorization_mode=mode)


def pool(count):
    """Makes environments of EnvPool's, as many threads as processors."""
    return envpool.make("Ant-v5", env_type="gymnasium", num_envs=count)


# Each environment of AsyncVectorEnv is a process, so it has no large batch.
KINDS = {
    "Spindle, lanes": (ours("lanes"), COUNTS),
    "Spindle, rapier": (ours("rapier"), COUNTS),
    "Gymnasium, SyncVectorEnv": (gymnasiums("sync"), COUNTS),
    "Gymnasium, AsyncVectorEnv": (gymnasiums("async"), COUNTS[:2]),
    "EnvPool": (pool, COUNTS),
}
if envpool is None:
    del KINDS["EnvPool"]


def speed(envs, count, actions, seconds):
    """Environment steps per second, and per processor second of this process."""
    steps, began, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        envs.step(actions[steps % DRAWN])
        steps += 1
    return count * steps / (time.perf_counter() - began), count * steps / (time.process_time() - used)


def bench_physics(evo, engine, seconds):
    """What `evo bench physics` says."""
    command = [evo, "bench", "physics", "--env", "ant", "--engine", engine, "--seconds", str(seconds), "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told["control_steps_per_s"], told["control_steps_per_cpu_s"]


def call(policy, observation, seconds):
    """Microseconds of one `policy(obs)`, by the clock and of the processor."""
    policy.reset()
    calls, began, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        policy(observation)
        calls += 1
    return 1e6 * (time.perf_counter() - began) / calls, 1e6 * (time.process_time() - used) / calls


def show(values, digits=0):
    """Median of the rounds, lowest to highest."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evo", help="the program, built as the package is")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--policy", default="ant.ron", help="config whose controller is timed")
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    made, measured = {}, {}
    for kind, (make, counts) in KINDS.items():
        for count in counts:
            envs = make(count)
            low, high = (np.asarray(side).reshape(-1)[-8:] for side in (envs.action_space.low, envs.action_space.high))
            envs.reset()
            made[kind, count] = envs, random.uniform(low, high, (DRAWN, count, 8)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        small = {"strategy.population": 4, "rollout.horizon": 5, "run.eval_episodes": 1, "run.generations": 1}
        policy = spindle.train(arguments.policy, set=small, out=f"{folder}/run").policy
    observation = random.normal(size=len(policy.observations)).astype(np.float32)
    for _ in range(arguments.rounds):
        for (kind, count), (envs, actions) in made.items():
            value = speed(envs, count, actions, arguments.seconds)
            measured.setdefault((kind, count), []).append(value)
        for engine in ("lanes", "rapier"):
            value = bench_physics(arguments.evo, engine, arguments.seconds)
            measured.setdefault(("bench", engine), []).append(value)
        measured.setdefault("call", []).append(call(policy, observation, arguments.seconds))
    for side, what in enumerate(("per second", "per processor second")):
        print(f"\n| {what} | " + " | ".join(map(str, COUNTS)) + " |\n| --- |" + " --- |" * len(COUNTS))
        values = {key: [value[side] for value in rounds] for key, rounds in measured.items()}
        for kind in KINDS:
            # The processes of AsyncVectorEnv are not counted.
            known = [(kind, count) in values and not (side == 1 and "Async" in kind) for count in COUNTS]
            cells = [show(values[kind, count]) if there else "" for count, there in zip(COUNTS, known)]
            print(f"| {kind} | " + " | ".join(cells) + " |")
        for engine in ("lanes", "rapier"):
            print(f"| `evo bench physics --engine {engine}` | | | {show(values['bench', engine])} |")
        print(f"\n`policy(obs)`, {policy!r}: {show(values['call'], 1)} µs")
    for envs, _ in made.values():
        envs.close()


if __name__ == "__main__":
    main()
