#!/usr/bin/env python3
"""What other packages reach where Spindle's strategies are compared with them, as data for its tests.

    python3 tests/strategies_peers.py restarts > tests/data/es/restarts.json
    python3 tests/strategies_peers.py members > tests/data/es/members.json
    python3 tests/strategies_peers.py authors > tests/data/es/crfmnes.json
    python3 tests/strategies_peers.py lm_ma_es > tests/data/es/lm_ma_es.json

They need the packages cma, evosax, crfmnes and ribs, in this order. Functions and seeds are those of
`strategies::functions` and of the tests. Nothing of the packages is copied, only what they measure.
"""

import argparse
import json
import statistics
import sys
from importlib.metadata import version

import numpy as np

SEEDS = range(1, 16)
TARGET = 1e-8


def rotation(n):
    """R of the rotated functions: splitmix64 from the state n, orthonormalised by rows."""
    state, mask = n, (1 << 64) - 1

    def uniform():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return ((z ^ (z >> 31)) >> 11) * 2.0**-53 - 0.5

    r = np.array([[uniform() for _ in range(n)] for _ in range(n)])
    for i in range(n):
        for j in range(i):
            r[i] -= (r[i] @ r[j]) * r[j]
        r[i] /= np.linalg.norm(r[i])
    return r


def part(n):
    return np.arange(n) / max(n - 1, 1)


def rastrigin(x):
    return float(np.sum(10 + x * x - 10 * np.cos(2 * np.pi * x)))


def step_ellipsoid(z):
    z = 10 ** (0.5 * part(len(z))) * z
    rounded = np.where(np.abs(z) > 0.5, np.floor(0.5 + z), np.floor(0.5 + 10 * z) / 10)
    return 0.1 * max(abs(z[0]) / 1e4, float(np.sum(10 ** (2 * part(len(z))) * rounded**2)))


def weierstrass(z):
    k = np.arange(12)

    def waves(z):
        at = 3.0**k * (z[:, None] + 0.5)
        return np.sum(np.cos(2 * np.pi * (at - np.floor(at))) / 2.0**k, axis=1)

    return 10 * float(np.mean(waves(z)) - waves(np.zeros(1))[0]) ** 3


def schaffers_f7(z):
    z = 10 ** (0.5 * part(len(z))) * z
    s = np.sqrt(z[:-1] ** 2 + z[1:] ** 2)
    return float(np.mean(np.sqrt(s) * (1 + np.sin(50 * s**0.2) ** 2))) ** 2


def griewank_rosenbrock(z):
    z = max(1.0, np.sqrt(len(z)) / 8) * z + 1
    s = 100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2
    return 10 * float(np.mean(s / 4000 - np.cos(s))) + 10


RUGGED = {
    "rastrigin": (rastrigin, False),
    "rotated_rastrigin": (rastrigin, True),
    "step_ellipsoid": (step_ellipsoid, True),
    "weierstrass": (weierstrass, True),
    "schaffers_f7": (schaffers_f7, True),
    "griewank_rosenbrock": (griewank_rosenbrock, True),
}


class Hit(Exception):
    """The target was reached, or the budget used up."""


def counted(name, n, budget):
    """A function that counts its calls and ends the run; and what it has counted."""
    function, rotated = RUGGED[name]
    r = rotation(n) if rotated else np.eye(n)
    seen = {"evaluations": 0, "best": np.inf}

    def value(x):
        seen["evaluations"] += 1
        found = function(r @ np.asarray(x, float))
        seen["best"] = min(seen["best"], found)
        if found < TARGET or seen["evaluations"] == budget:
            raise Hit
        return found

    return value, seen


def restarts(n, budget):
    """BIPOP of pycma: how often it reaches the target, and after how many evaluations."""
    import cma

    rows = {}
    for name in RUGGED:
        evaluations = []
        for seed in SEEDS:
            value, seen = counted(name, n, budget)
            draws = np.random.RandomState(seed)
            begun = []

            def start():
                begun.append(0)
                return 2 + (draws.uniform(-4, 4, n) if len(begun) > 1 else np.zeros(n))

            options = {"seed": seed, "verbose": -9, "maxfevals": budget}
            try:
                cma.fmin2(value, start, 2.0, options, restarts={"maxrestarts": 99}, bipop=True)
            except Hit:
                pass
            evaluations.append(seen["evaluations"] if seen["best"] < TARGET else None)
            print(name, seed, seen, len(begun), file=sys.stderr)
        reached = [each for each in evaluations if each is not None]
        rows[name] = {
            "successes": len(reached),
            "median_evaluations": statistics.median(reached) if reached else None,
            "evaluations": evaluations,
        }
    protocol = (
        f"n = {n}, start 2 in each coordinate, restarts uniform within 4 of it, sigma 2, at most {budget} evaluations, "
        f"first value below {TARGET}, seeds 1 to 15; no limit on restarts"
    )
    return {"package": f"cma {version('cma')}", "protocol": protocol, "n": n, "budget": budget, "bipop": rows}


SMOOTH = {
    "sphere": (lambda np, x: np.sum(x**2), 2.0),
    "ellipsoid": (lambda np, x: np.sum(10 ** (6 * np.arange(x.size) / (x.size - 1)) * x**2), 2.0),
    "rosenbrock": (lambda np, x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), 0.0),
    "rastrigin": (lambda np, x: np.sum(10 + x**2 - 10 * np.cos(2 * np.pi * x)), 2.0),
}
GENERATIONS = (50, 100, 300, 1000)
SIGMA = 0.5


def members(n, population):
    """Best values after some generations of what evosax has."""
    import jax
    import jax.numpy as jnp
    import optax
    from evosax import algorithms

    # Settings that differ from evosax's defaults, and whether the first members are given.
    cases = {
        "de_best": ("DifferentialEvolution", {}, {"elitism": True}, True),
        "de_random": ("DifferentialEvolution", {}, {"elitism": False}, True),
        "pso": ("PSO", {}, {"inertia_coeff": 0.72984, "cognitive_coeff": 1.49618, "social_coeff": 1.49618}, True),
        "ga": ("SimpleGA", {"std_schedule": optax.constant_schedule(0.1)}, {"crossover_rate": 0.3}, True),
        "lm_ma_es": ("LM_MA_ES", {}, {"std_init": SIGMA}, False),
        "cr_fm_nes": ("CR_FM_NES", {}, {"std_init": SIGMA}, False),
    }
    rows = []
    for name, (algorithm, made, changed, given) in cases.items():
        es = getattr(algorithms, algorithm)(population, jnp.zeros(n), **made)
        params = es.default_params.replace(**changed)
        for function, (formula, x0) in SMOOTH.items():
            value = jax.jit(jax.vmap(lambda x: formula(jnp, x)))

            @jax.jit
            def generation(carry, key):
                state, best = carry
                ask, tell = jax.random.split(key)
                x, state = es.ask(ask, state, params)
                fitness = value(x)
                state, _ = es.tell(tell, x, fitness, state, params)
                best = jnp.minimum(best, jnp.min(fitness))
                return (state, best), best

            bests = []
            for seed in SEEDS:
                first, init, rest = jax.random.split(jax.random.PRNGKey(seed), 3)
                start = jnp.full(n, x0)
                if given:
                    # Spindle's genetic algorithm has one width for the first members and for mutations.
                    x = start + (0.1 if name == "ga" else SIGMA) * jax.random.normal(first, (population, n))
                    state, best = es.init(init, x, value(x), params), jnp.min(value(x))
                else:
                    state, best = es.init(init, start, params), jnp.inf
                # The first members are a generation.
                count = GENERATIONS[-1] - int(given)
                _, trace = jax.lax.scan(generation, (state, best), jax.random.split(rest, count))
                trace = np.concatenate([[float(best)], np.asarray(trace)]) if given else np.asarray(trace)
                bests.append([float(trace[g - 1]) for g in GENERATIONS])
            rows.append(row(name, function, x0, bests))
    return rows, {"evosax": version("evosax"), "jax": version("jax")}


def authors(n, population):
    """The same of the program of CR-FM-NES' authors."""
    import crfmnes

    rows = []
    for function, (formula, x0) in SMOOTH.items():
        bests = []
        for seed in SEEDS:
            start = np.full((n, 1), x0)
            es = crfmnes.CRFMNES(n, lambda x: formula(np, x.ravel()), start, SIGMA, population, seed=seed)
            trace = []
            # What is below counts as reached.
            while len(trace) < GENERATIONS[-1] and es.f_best > 1e-12:
                es.one_iteration()
                trace.append(es.f_best)
            bests.append([float(trace[min(g, len(trace)) - 1]) for g in GENERATIONS])
        rows.append(row("cr_fm_nes", function, x0, bests))
    return rows, {"crfmnes": version("crfmnes")}


def lm_ma_es(n, budget):
    """LM-MA-ES of pyribs: evaluations to 1e-8, and the best values where it does not get there."""
    from ribs.emitters.opt import LMMAEvolutionStrategy

    rows = {}
    for name in ("sphere", "ellipsoid"):
        formula, x0 = SMOOTH[name]
        evaluations, bests = [], []
        for seed in SEEDS:
            es = LMMAEvolutionStrategy(sigma0=SIGMA, solution_dim=n, seed=seed)
            es.reset(np.full(n, x0))
            count, best = 0, np.inf
            while count < budget and best >= TARGET:
                values = np.array([formula(np, x) for x in es.ask()])
                reached = np.flatnonzero(values < TARGET)
                count += int(reached[0]) + 1 if reached.size else len(values)
                best = min(best, values.min())
                es.tell(np.argsort(values), values, len(values) // 2)
            evaluations.append(count if best < TARGET else None)
            bests.append(float(best))
            print(name, seed, count, best, file=sys.stderr)
        reached = [each for each in evaluations if each is not None]
        median = statistics.median(each if each is not None else np.inf for each in evaluations)
        rows[name] = {
            "dim": n,
            "x0": x0,
            "sigma0": SIGMA,
            "popsize": es.batch_size,
            "budget": budget,
            "successes": len(reached),
            "median_evals_all": median if np.isfinite(median) else None,
            "median_best": statistics.median(bests),
        }
    protocol = "start x0 in each coordinate, evaluations up to the first value below 1e-8, seeds 1 to 15"
    return {"package": f"ribs {version('ribs')}", "protocol": protocol, "results": rows}


def row(strategy, function, x0, bests):
    """Medians over the seeds; none where a run left the numbers."""
    medians = [None if np.isnan(column).any() else statistics.median(column) for column in zip(*bests)]
    found = {"strategy": strategy, "function": function, "x0": x0, "best_median": medians}
    print(found, file=sys.stderr)
    return found


def table(n, population, run):
    """Rows with their versions and protocol."""
    rows, versions = run(n, population)
    protocol = (
        f"n = {n}, population {population}, start x0 in each coordinate, sigma {SIGMA} (first members normal around it; for "
        "ga, 0.1), "
        "best value so far after as many generations, median of seeds 1 to 15"
    )
    return {
        "versions": versions,
        "protocol": protocol,
        "n": n,
        "population": population,
        "sigma": SIGMA,
        "generations": GENERATIONS,
        "results": rows,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("restarts", "members", "authors", "lm_ma_es"))
    parser.add_argument("--n", type=int, help="dimension; default 5 for restarts, 100 for lm_ma_es, else 20")
    parser.add_argument("--budget", type=int, help="evaluations of a run of restarts or lm_ma_es")
    parser.add_argument("--population", type=int, default=64, help="for members and authors")
    arguments = parser.parse_args()
    if arguments.what == "restarts":
        found = restarts(arguments.n or 5, arguments.budget or 100_000)
    elif arguments.what == "lm_ma_es":
        found = lm_ma_es(arguments.n or 100, arguments.budget or 100_000)
    else:
        run = members if arguments.what == "members" else authors
        found = table(arguments.n or 20, arguments.population, run)
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
