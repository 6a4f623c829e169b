#!/usr/bin/env python3
"""What other packages reach where Spindle's variants of strategies are compared with them, as data for its tests.

    python3 tests/strategies_variants.py adaptation > tests/data/es/adaptation.json
    python3 tests/strategies_variants.py margin > tests/data/es/margin.json
    python3 tests/strategies_variants.py noise > tests/data/es/noise.json
    python3 tests/strategies_variants.py diagonal > tests/data/es/diagonal.json
    python3 tests/strategies_variants.py constraints > tests/data/es/constraints.json
    python3 tests/strategies_variants.py low_rank > tests/data/es/low_rank.json
    python3 tests/strategies_variants.py nsga2 > tests/data/es/nsga2.json
    python3 tests/strategies_variants.py mo_cma_es > tests/data/es/mo_cma_es.json

They need the packages cmaes (two), cma (three), hyperscalees (github.com/ESHyperscale/HyperscaleES, with jax and optax),
pymoo, and deap. Functions and seeds are those of the tests. Nothing of the packages is copied, only what they measure.
"""

import argparse
import contextlib
import json
import statistics
import sys
from importlib.metadata import version

import numpy as np
from strategies_peers import SMOOTH, rotation

SEEDS = range(1, 16)
TARGET = 1e-8


def smooth(name):
    """A function of `strategies::functions` and its start in each coordinate."""
    formula, x0 = SMOOTH[name]
    return lambda x: float(formula(np, x)), x0


def summary(evaluations):
    """How often a target was reached, and the median over all runs; none where most failed."""
    median = statistics.median(np.inf if each is None else each for each in evaluations)
    successes = sum(each is not None for each in evaluations)
    return {"successes": successes, "median_evaluations": median if np.isfinite(median) else None}


def until(ask, tell, value, target, budget):
    """Evaluations up to the first below the target, if there is one."""
    count = 0
    while count < budget:
        members = ask()
        values = [value(x) for x in members]
        for place, each in enumerate(values):
            if each < target:
                return count + place + 1
        count += len(values)
        tell(members, values)
    return None


def adaptation():
    """CMA-ES with learning-rate adaptation of the package cmaes."""
    from cmaes import CMA

    n, sigma, rows = 5, 2.0, {}
    for name, x0, budget in (("sphere", 3.0, 20_000), ("ellipsoid", 3.0, 50_000), ("rastrigin", 3.0, 200_000)):
        value = smooth(name)[0]
        found = []
        for seed in SEEDS:
            es = CMA(mean=np.full(n, x0), sigma=sigma, seed=seed, lr_adapt=True)

            def ask():
                return [es.ask() for _ in range(es.population_size)]

            found.append(until(ask, lambda x, f: es.tell(list(zip(x, f))), value, TARGET, budget))
        rows[name] = {"x0": x0, "budget": budget, **summary(found)}
        print(name, found, file=sys.stderr)
    noisy, budget = {}, 20_000
    for adapts in (False, True):
        ends = []
        for seed in SEEDS:
            es = CMA(mean=np.full(n, 3.0), sigma=sigma, seed=seed, lr_adapt=adapts)
            noise = np.random.RandomState(1000 + seed)
            for _ in range(budget // es.population_size):
                members = [es.ask() for _ in range(es.population_size)]
                es.tell([(x, float(x @ x) + noise.randn()) for x in members])
            ends.append(float(es.mean @ es.mean))
        noisy["adapted" if adapts else "plain"] = statistics.median(ends)
    protocol = (
        f"n = {n}, sigma {sigma}, default population, start x0 in each coordinate, evaluations to the first value below "
        f"{TARGET}, seeds 1 to 15; noisy: sphere plus a standard normal, its value without noise at the mean after "
        f"{budget} evaluations from 3, median"
    )
    versions = {"cmaes": version("cmaes")}
    return {"versions": versions, "protocol": protocol, "n": n, "sigma": sigma, "results": rows, "noisy_sphere": noisy}


def mixed(name, x):
    """Half of the parameters are binary (one_max) or integers (int), the first ones."""
    half = len(x) // 2
    discrete, rest = x[:half], x[half:]
    kind, goal = name.split("_", 1)
    weights = 1000 ** (2 * np.arange(half) / (half - 1)) if kind == "ellipsoid" else np.ones(half)
    if goal == "one_max":
        return float(np.sum(weights * rest**2) + half - np.sum(discrete))
    return float(np.sum(weights * rest**2) + np.sum(weights * discrete**2))


def margin():
    """CMA-ES with margin of the package cmaes."""
    from cmaes import CMAwM

    n, budget, rows = 20, 100_000, {}
    for name in ("sphere_one_max", "ellipsoid_one_max", "sphere_int", "ellipsoid_int"):
        one_max = name.endswith("one_max")
        low, high, first = (0, 1, 0.5) if one_max else (-10, 10, 2.0)
        half = n // 2
        bounds = np.array([[low, high]] * half + [[-np.inf, np.inf]] * half)
        steps = np.array([1.0] * half + [0.0] * half)
        mean = np.array([first] * half + [2.0] * half)
        found = []
        for seed in SEEDS:
            es = CMAwM(mean=mean, sigma=1.0, bounds=bounds, steps=steps, seed=seed)
            raw = []

            def ask():
                pairs = [es.ask() for _ in range(es.population_size)]
                raw[:] = [x for _, x in pairs]
                return [x for x, _ in pairs]

            def tell(_, values):
                es.tell(list(zip(raw, values)))

            found.append(until(ask, tell, lambda x: mixed(name, x), TARGET, budget))
        rows[name] = {"low": low, "high": high, "x0": first, "budget": budget, **summary(found)}
        print(name, found, file=sys.stderr)
    protocol = (
        f"n = {n}, the first half discrete from low to high in steps of 1, sigma 1, start x0 there and 2 in the others, "
        f"default population, evaluations to the first value below {TARGET}, seeds 1 to 15"
    )
    return {"versions": {"cmaes": version("cmaes")}, "protocol": protocol, "n": n, "results": rows}


def noise():
    """The noise handler of pycma: value without noise at the mean."""
    import cma

    n, budget, sigma, rows = 10, 20_000, 1.0, {}
    kinds = {"additive": lambda f, z: f + z, "relative": lambda f, z: f * (1 + 4 * z / n)}
    for name, spoil in kinds.items():
        for handled in (False, True):
            ends = []
            for seed in SEEDS:
                draws = np.random.RandomState(1000 + seed)

                def value(x):
                    return float(spoil(np.sum(np.square(x)), draws.randn()))

                es = cma.CMAEvolutionStrategy(n * [1.0], sigma, {"seed": seed, "verbose": -9})
                handler = cma.NoiseHandler(n, maxevals=[1, 1, 30] if handled else 0)
                count = 0
                while count < budget:
                    each = int(handler.evaluations) if handled else 1
                    members, values = es.ask_and_eval(value, evaluations=each)
                    count += each * len(members)
                    es.tell(members, values)
                    if handled:
                        es.sigma *= handler(members, values, value, es.ask)
                        count += handler.evaluations_just_done
                ends.append(float(np.sum(np.square(es.mean))))
            rows[f"{name}_handled" if handled else name] = statistics.median(ends)
            print(name, handled, sorted(ends), file=sys.stderr)
    protocol = (
        f"sphere, n = {n}, start 1 in each coordinate, sigma {sigma}, default population; plus a standard normal z (additive) or "
        f"times 1 + 4 z/n (relative); value without noise at the mean after {budget} evaluations, median of seeds 1 to 15; "
        "handled: NoiseHandler with up to 30 evaluations"
    )
    return {"versions": {"cma": version("cma")}, "protocol": protocol, "n": n, "sigma": sigma, "budget": budget, "results": rows}


def diagonal():
    """CMA-ES of pycma that begins with a diagonal matrix."""
    import cma

    n, budget, rows = 20, 100_000, {}
    iterations = int(100 * n / (4 + int(3 * np.log(n))) ** 0.5)
    for name in ("sphere", "ellipsoid", "rotated_ellipsoid", "rosenbrock"):
        function, x0 = smooth(name.removeprefix("rotated_"))
        turn = rotation(n) if name.startswith("rotated_") else np.eye(n)
        for first in (0, iterations):
            found = []
            for seed in SEEDS:
                options = {"seed": seed, "verbose": -9, "CMA_diagonal": first}
                es = cma.CMAEvolutionStrategy(n * [x0], 0.5, options)
                found.append(until(es.ask, es.tell, lambda x: function(turn @ x), TARGET, budget))
            rows[f"{name}_{'diagonal' if first else 'full'}"] = summary(found)
            print(name, first, found, file=sys.stderr)
    protocol = (
        f"n = {n}, start x0 of the functions, sigma 0.5, default population, diagonal in the first {iterations} iterations, "
        f"evaluations to the first value below {TARGET}, at most {budget}, seeds 1 to 15"
    )
    return {"versions": {"cma": version("cma")}, "protocol": protocol, "n": n, "iterations": iterations, "budget": budget, "results": rows}


CONSTRAINED = {
    # Function, constraints, value at the optimum, start.
    "sphere_plane": (lambda x: np.sum(x**2), lambda x: [1 - x[0]], 1.0, 2.0),
    "ellipsoid_planes": (
        lambda x: np.sum(1e4 ** (np.arange(x.size) / (x.size - 1)) * x**2),
        lambda x: [1 - x[0], 0.1 - x[-1]],
        101.0,
        2.0,
    ),
    "linear_ball": (lambda x: np.sum(x), lambda x: [np.sum(x**2) - 1], -(10**0.5), 0.1),
    "idle": (lambda x: np.sum((x - 1) ** 2), lambda x: [np.sum(x) - 100], 0.0, 2.0),
}


def constraints():
    """The augmented Lagrangian of pycma."""
    import cma

    n, budget, rows = 10, 50_000, {}
    for name, (function, bounds, best, x0) in CONSTRAINED.items():
        found = []
        for seed in SEEDS:
            fitness = cma.ConstrainedFitnessAL(function, bounds, archives=False, logging=0)
            es = cma.CMAEvolutionStrategy(n * [x0], 0.5, {"seed": seed, "verbose": -9})
            count = 0
            reached = None
            while count < budget and reached is None:
                members = es.ask()
                es.tell(members, [fitness(x) for x in members])
                fitness.update(es)
                count += len(members)
                mean = np.asarray(es.mean)
                if abs(function(mean) - best) < 1e-6 and max(bounds(mean)) < 1e-6:
                    reached = count
            found.append(reached)
        rows[name] = summary(found)
        print(name, found, file=sys.stderr)
    protocol = (
        f"n = {n}, sigma 0.5, default population, evaluations until the mean is within 1e-6 of the best value and breaks no "
        f"constraint by more than 1e-6, at most {budget}, seeds 1 to 15"
    )
    return {"versions": {"cma": version("cma")}, "protocol": protocol, "n": n, "budget": budget, "results": rows}


def low_rank():
    """EGGROLL of its authors: values at the mean."""
    import jax
    import jax.numpy as jnp
    import optax
    from hyperscalees.noiser.eggroll import EggRoll

    side, population, sigma, rate, generations = 16, 64, 0.1, 0.05, (50, 100, 300)
    rows = []
    for function in ("sphere", "rosenbrock", "ellipsoid"):
        formula, x0 = SMOOTH[function]
        for rank in (1, 4):
            ends = []
            for seed in SEEDS:
                params = jnp.full((side, side), x0)
                frozen, state = EggRoll.init_noiser(params, sigma, rate, solver=optax.adam, noise_reuse=1, rank=rank)
                key = jax.random.key(seed)

                @jax.jit
                def step(carry, epoch):
                    params, opt_state = carry
                    state = {"sigma": sigma, "opt_state": opt_state}
                    infos = (jnp.full(population, epoch), jnp.arange(population))
                    # A product with the identity is the matrix of a member.
                    member = jax.vmap(lambda i: EggRoll.do_mm(frozen, state, params, key, i, jnp.eye(side)).T)(infos)
                    values = jax.vmap(lambda x: formula(jnp, x.ravel()))(member)
                    scores = EggRoll.convert_fitnesses(frozen, state, -values)
                    state, params = EggRoll.do_updates(frozen, state, params, key, scores, infos, 1)
                    return (params, state["opt_state"]), formula(jnp, params.ravel())

                _, trace = jax.lax.scan(step, (params, state["opt_state"]), jnp.arange(generations[-1]))
                ends.append([float(trace[g - 1]) for g in generations])
            medians = [statistics.median(column) for column in zip(*ends)]
            rows.append({"function": function, "x0": x0, "rank": rank, "value_median": medians})
            print(rows[-1], file=sys.stderr)
    protocol = (
        f"a matrix of {side} x {side} parameters, population {population}, sigma {sigma}, Adam {rate}, standardised fitness, start "
        "x0 in each coordinate, value at the mean after as many generations, median of seeds 1 to 15"
    )
    versions = {"hyperscalees": "b77f7d6", "jax": version("jax")}
    keys = {"side": side, "population": population, "sigma": sigma, "learning_rate": rate, "generations": generations}
    return {"versions": versions, "protocol": protocol, **keys, "results": rows}


def nsga2():
    """NSGA-II of pymoo: hypervolume of what it keeps."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.indicators.hv import HV
    from pymoo.problems import get_problem

    reference, generations, rows = [1.1, 7.0], (50, 100, 250), {}
    for name in ("zdt1", "zdt2", "zdt3"):
        problem, volumes = get_problem(name), []
        for seed in SEEDS:
            algorithm = NSGA2(pop_size=100)
            algorithm.setup(problem, termination=("n_gen", generations[-1]), seed=seed)
            trace = []
            while algorithm.has_next():
                algorithm.next()
                trace.append(algorithm.pop.get("F"))
            volumes.append([float(HV(ref_point=np.array(reference))(trace[g - 1])) for g in generations])
        columns = list(zip(*volumes))
        rows[name] = {
            "median": [statistics.median(column) for column in columns],
            "lowest": [min(column) for column in columns],
        }
        print(name, rows[name], file=sys.stderr)
    protocol = (
        f"n = 30, 100 members, default operators, hypervolume of the members kept after as many generations (the first, "
        f"random one included) up to {reference}, seeds 1 to 15"
    )
    return {"versions": {"pymoo": version("pymoo")}, "protocol": protocol, "reference": reference, "generations": generations, "results": rows}


def two_valleys(name, n):
    """ELLI1 and CIGTAB1 of Igel, Hansen and Roth: two rotated valleys with minima at 0 and at 2."""
    a, turn = 1000.0, rotation(n)
    weights = a ** (2 * np.arange(n) / (n - 1))
    if name == "cigtab1":
        weights = np.full(n, a)
        weights[0], weights[-1] = 1.0, a * a
    scaled = weights / (a * a * n)

    def values(x):
        y = turn @ np.asarray(x)
        return float(scaled @ y**2), float(scaled @ (y - 2) ** 2)

    return values


def mo_cma_es():
    """MO-CMA-ES of deap: hypervolume of what it keeps."""
    from deap import base, cma, creator

    creator.create("Minimised", base.Fitness, weights=(-1.0, -1.0))
    creator.create("Member", list, fitness=creator.Minimised)
    n, population, sigma, reference, generations, rows = 10, 20, 3.0, [5.0, 5.0], (50, 200), {}
    for name in ("elli1", "cigtab1"):
        values, volumes = two_valleys(name, n), []
        for seed in SEEDS:
            np.random.seed(seed)
            parents = [creator.Member(row) for row in sigma * np.random.randn(population, n)]
            for parent in parents:
                parent.fitness.values = values(parent)
            strategy = cma.StrategyMultiObjective(parents, sigma, mu=population, lambda_=population)
            trace = []
            # The first members are a generation.
            for _ in range(generations[-1] - 1):
                children = strategy.generate(creator.Member)
                for child in children:
                    child.fitness.values = values(child)
                strategy.update(children)
                trace.append(len(trace) + 2)
                if trace[-1] in generations:
                    front = [p for p in strategy.parents if all(v < r for v, r in zip(p.fitness.values, reference))]
                    volumes.append((seed, area([p.fitness.values for p in front], reference)))
        found = [[v for s, v in volumes if s == seed] for seed in SEEDS]
        columns = list(zip(*found))
        rows[name] = {"median": [statistics.median(column) for column in columns], "lowest": [min(c) for c in columns]}
        print(name, rows[name], file=sys.stderr)
    protocol = (
        f"n = {n}, {population} members, first ones normal with deviation {sigma} around 0, which is the first step size, too; "
        f"hypervolume of the members kept after as many generations up to {reference}, seeds 1 to 15"
    )
    keys = {"n": n, "population": population, "sigma": sigma, "reference": reference, "generations": generations}
    return {"versions": {"deap": version("deap")}, "protocol": protocol, **keys, "results": rows}


def area(points, reference):
    """Hypervolume of two minimised objectives."""
    sum_, lowest = 0.0, reference[1]
    for first, second in sorted(points):
        if second < lowest:
            sum_ += (reference[0] - first) * (lowest - second)
            lowest = second
    return sum_


def main():
    kinds = (adaptation, margin, noise, diagonal, constraints, low_rank, nsga2, mo_cma_es)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[kind.__name__ for kind in kinds])
    chosen = parser.parse_args().what
    # Some packages print what they do.
    with contextlib.redirect_stdout(sys.stderr):
        found = next(kind for kind in kinds if kind.__name__ == chosen)()
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
