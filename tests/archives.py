#!/usr/bin/env python3
"""Compares the strategies with an archive with those of pyribs: coverage, QD score, maximum and time.

    pip install ribs==0.12.0
    python3 tests/archives.py [--seeds 10] [--generations 300] [--strategies cma_me] [--domains arm] [--json F]

Domains, settings and starts are those of `evo/strategies/examples/archive.rs`, which this script builds and runs: 20
parameters, an archive of 100 × 100 cells, 540 members per generation. Fails if a mean of ours is more than pyribs'
standard deviation over the seeds below pyribs' mean. Runs of the two take turns; times are of processors, ours with the
domain.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
from ribs.archives import GridArchive
from ribs.emitters import EvolutionStrategyEmitter, IsoLineEmitter
from ribs.schedulers import Scheduler

ROOT = pathlib.Path(__file__).resolve().parent.parent
N, CELLS, BOUND, EMITTERS, BATCH = 20, 100, 5.12, 15, 36
STRATEGIES = ["map_elites", "cma_me", "cma_mae"]
DOMAINS = ["sphere", "rastrigin", "arm"]


def sphere(x):
    return np.sum(x**2, axis=1)


def rastrigin(x):
    return np.sum(10 + x**2 - 10 * np.cos(2 * np.pi * x), axis=1)


def projected(function):
    shift = 0.4 * BOUND
    worst = function(np.full((1, N), -BOUND - shift))[0]

    def evaluate(x):
        clipped = np.where(np.abs(x) <= BOUND, x, BOUND / np.where(x == 0, 1, x))
        halves = clipped.reshape(len(x), 2, N // 2).sum(axis=2)
        return 100 * (1 - function(x - shift) / worst), halves

    return evaluate, BOUND * N / 2


def arm(angles):
    sums = np.cumsum(angles, axis=1)
    place = np.stack([np.cos(sums).sum(axis=1), np.sin(sums).sum(axis=1)], axis=1)
    return 100 * (1 - np.var(angles, axis=1)), place


def domain(name):
    if name == "arm":
        return arm, float(N)
    return projected({"sphere": sphere, "rastrigin": rastrigin}[name])


def theirs(strategy, name, generations, seed):
    evaluate, most = domain(name)
    shape = {"solution_dim": N, "dims": (CELLS, CELLS), "ranges": [(-most, most)] * 2}
    # Elites are the best of their cells, also where a threshold lets worse ones in.
    result = GridArchive(**shape, seed=seed)
    archive = result
    if strategy == "cma_mae":
        archive = GridArchive(**shape, seed=seed, learning_rate=0.01, threshold_min=0.0)
    x0 = np.zeros(N)
    if strategy == "map_elites":
        # Its first generation has the deviation of the others; ours has 0.5.
        start = np.random.default_rng(seed).normal(0, 0.5, (EMITTERS * BATCH, N))
        emitters = [
            IsoLineEmitter(
                archive, iso_sigma=0.1, line_sigma=0.2, initial_solutions=start, batch_size=EMITTERS * BATCH, seed=seed
            )
        ]
    else:
        rules = {
            "cma_me": {"ranker": "2imp", "selection_rule": "filter", "restart_rule": "no_improvement"},
            "cma_mae": {"ranker": "imp", "selection_rule": "mu", "restart_rule": "basic"},
        }[strategy]
        emitters = [
            EvolutionStrategyEmitter(archive, x0=x0, sigma0=0.5, batch_size=BATCH, seed=1000 * seed + index, **rules)
            for index in range(EMITTERS)
        ]
    scheduler = Scheduler(archive, emitters, result_archive=None if archive is result else result)
    spent = 0.0
    for _ in range(generations):
        clock = time.process_time()
        members = scheduler.ask()
        spent += time.process_time() - clock
        fitness, descriptors = evaluate(members)
        clock = time.process_time()
        scheduler.tell(fitness, descriptors)
        spent += time.process_time() - clock
    stats = result.stats
    return {
        "coverage": float(stats.coverage),
        "qd_score": float(stats.qd_score) / CELLS**2,
        "maximum": float(stats.obj_max),
        "ms_per_generation": 1e3 * spent / generations,
    }


def spent():
    """Processor time of the programs that this one has started, s."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--seeds", type=int, default=10)
    words.add_argument("--generations", type=int, default=300)
    words.add_argument("--strategies", nargs="*", default=STRATEGIES, choices=STRATEGIES)
    words.add_argument("--domains", nargs="*", default=DOMAINS, choices=DOMAINS)
    words.add_argument("--example", help="the built example, instead of building it")
    words.add_argument("--json", type=pathlib.Path, help="where to write all numbers")
    words = words.parse_args()

    example = words.example
    if example is None:
        command = ["cargo", "build", "-p", "strategies", "--example", "archive", "--locked", "--message-format=json"]
        built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        lines = [json.loads(line) for line in built.splitlines()]
        example = next(line["executable"] for line in lines if line.get("executable"))

    def ours(strategy, name, seed):
        command = [example, strategy, name, str(words.generations), str(seed)]
        before = spent()
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        # All of the program, the domain included.
        return {**found, "ms_per_generation": 1e3 * (spent() - before) / words.generations}

    rows, worse = [], []
    print("strategy, domain: coverage, QD score per cell, maximum, ms per generation; ours | pyribs, mean ± deviation")
    for strategy in words.strategies:
        for name in words.domains:
            both = {"ours": [], "pyribs": []}
            for seed in range(1, words.seeds + 1):
                both["ours"].append(ours(strategy, name, seed))
                both["pyribs"].append(theirs(strategy, name, words.generations, seed))
            rows.append({"strategy": strategy, "domain": name, **both})
            cells = []
            for key in ("coverage", "qd_score", "maximum", "ms_per_generation"):
                mean = {who: statistics.mean(run[key] for run in runs) for who, runs in both.items()}
                spread = {who: statistics.pstdev(run[key] for run in runs) for who, runs in both.items()}
                cells.append(" | ".join(f"{mean[who]:.4g} ± {spread[who]:.2g}" for who in both))
                if key in ("coverage", "qd_score") and mean["ours"] < mean["pyribs"] - spread["pyribs"]:
                    worse.append(f"{strategy} on {name}: {key} {cells[-1]}")
            print(f"{strategy}, {name}: {'; '.join(cells)}", flush=True)
    if words.json:
        words.json.write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(worse) or "none of ours is below the spread of pyribs")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
