"""Strategies against `evo bench strategy`: the same bits."""

import json
import pickle
import unittest

import numpy as np
from common import Case, evo

from spindle import strategies

START = {"ec": 0.5}
# Strategies that keep an archive need to know its ranges.
ARCHIVES = ["map_elites", "cma_me", "cma_mae"]
RANGES = {"ranges": [(-6.0, 6.0), (-6.0, 6.0)]}
# A strategy of wirings needs to know a network: two inputs, a hidden neuron, one output, so six parameters.
WIRES = [("input", "output", 2, 1), ("input", "hidden", 2, 1), ("hidden", "hidden", 1, 1), ("hidden", "output", 1, 1)]
BLOCKS = [f'(from: "{a}", to: "{b}", rows: {rows}, columns: {columns})' for a, b, rows, columns in WIRES]
FIELDS = {**dict.fromkeys(ARCHIVES, RANGES), "neat": {"blocks": BLOCKS}}


def told(search, members):
    """What a search is told of members: their fitness, and descriptors, constraints or objectives if it takes any."""
    fitness = [-sphere(x) for x in members]
    if search.name in ARCHIVES:
        return fitness, members[:, :2]
    if "constraints" in search.settings():
        return fitness, members[:, :1]
    if "objectives" in search.settings():
        return fitness, None, members[:, :2]
    return (fitness,)


def sphere(x):
    total = 0.0
    for value in x:
        total += value * value
    return total


class Strategies(Case):
    def test_every_strategy_of_the_program_has_its_class(self):
        listed = json.loads(evo("list", "strategies", "--json"))
        listed = listed["strategies"] if isinstance(listed, dict) else listed
        self.assertEqual(sorted(strategies.all()), sorted(each["name"] for each in listed))
        for each in listed:
            made = strategies.all()[each["name"]]
            self.assertEqual(list(made.settings()), [field["name"] for field in each["fields"]])
            self.assertIn("Fitness is maximised", made.__doc__)

    def test_a_search_is_that_of_the_program(self):
        for name, fields in [("cma_es", {}), ("sep_cma_es", {}), ("xnes", {}), ("snes", {})]:
            with self.subTest(name):
                words = ["--function", "sphere", "--dim", 5, "--seed", 3, "--budget", 400, "--sigma", 0.5, "--x0", 2]
                told = json.loads(evo("bench", "strategy", "--strategy", name, *words, "--target", 1e-300, "--json"))
                search = strategies.all()[name](np.full(5, 2.0), seed=3, sigma=0.5, minimise=True, **fields)
                evaluations, best = 0, np.inf
                while evaluations < 400:
                    values = []
                    for member in search.ask():
                        if evaluations < 400:
                            values.append(sphere(member))
                            evaluations += 1
                    best = min(best, *values)
                    if len(values) == search.population:
                        search.tell(values)
                self.assertEqual((evaluations, best), (told["evaluations"], told["best"]))
                self.assertEqual(sphere(search.mean), told["mean_value"])

    def test_a_pickled_search_goes_on_with_the_same_bits(self):
        for name, made in strategies.all().items():
            for asked in (False, True):
                with self.subTest(name=name, asked=asked):
                    search = made(np.full(6, START.get(name, 1.0)), seed=1, **FIELDS.get(name, {}))
                    for _ in range(3):
                        search.tell(*told(search, search.ask()))
                    if asked:
                        search.ask()
                    other = pickle.loads(pickle.dumps(search))
                    self.assertEqual((other.generation, other.evaluations), (3, 3 * search.population))
                    for _ in range(3):
                        mine, its = search.ask(), other.ask()
                        self.assertSame(mine, its)
                        search.tell(*told(search, mine)), other.tell(*told(other, its))
                    self.assertSame(search.mean, other.mean)
                    self.assertEqual(search.sigma, other.sigma)
                    self.assertSame(search.best[0], other.best[0])

    def test_an_archive_keeps_the_best_of_each_cell(self):
        for name in ARCHIVES:
            with self.subTest(name):
                search = strategies.all()[name](
                    np.ones(4), seed=1, minimise=True, population=60, archive="Grid(cells: [6, 6])", **RANGES
                )
                best = {}
                for _ in range(20):
                    members = search.ask()
                    values = np.array([sphere(x) for x in members])
                    places = np.clip((members[:, :2] + 6.0) / 12.0 * 6, 0, 5).astype(int) @ [6, 1]
                    for place, value in zip(places, values, strict=True):
                        best[int(place)] = min(value, best.get(int(place), np.inf))
                    search.tell(values, members[:, :2])
                archive = search.archive
                self.assertEqual(dict(zip(archive.cells.tolist(), archive.fitness.tolist(), strict=True)), best)
                self.assertEqual(archive.coverage, len(best) / 36)
                for fitness, own, x in zip(archive.fitness, archive.descriptors, archive.parameters, strict=True):
                    self.assertEqual(fitness, sphere(x))
                    self.assertSame(own, x[:2])
                self.assertSame(search.mean, archive.parameters[np.argmin(archive.fitness)])

    def test_descriptors_go_to_strategies_that_take_them(self):
        search = strategies.MapElites(np.zeros(3), population=4, **RANGES)
        search.ask()
        with self.refuses(ValueError, "map_elites needs 2 descriptors for each of 4 members"):
            search.tell(np.zeros(4))
        with self.refuses(ValueError, "descriptors has shape (4, 3)"):
            search.tell(np.zeros(4), np.zeros((4, 3)))
        search.tell(np.zeros(4), np.zeros((4, 2)))
        plain = strategies.CmaEs(np.zeros(3), population=4)
        plain.ask()
        with self.refuses(ValueError, "cma_es takes no descriptors"):
            plain.tell(np.zeros(4), np.zeros((4, 2)))
        self.assertIsNone(plain.archive)
        with self.refuses(ValueError, "ranges"):
            strategies.MapElites(np.zeros(3))

    def test_objectives_go_to_strategies_that_take_them(self):
        up, down = (strategies.Nsga2(np.zeros(3), population=4, seed=1, minimise=each) for each in (False, True))
        for _ in range(4):
            members = up.ask()
            up.tell(members[:, 0], objectives=members[:, :2])
            down.ask()
            down.tell(-members[:, 0], objectives=-members[:, :2])
        self.assertSame(up.ask(), down.ask())
        with self.refuses(ValueError, "objectives has shape (4, 3)"):
            up.tell(np.zeros(4), objectives=np.zeros((4, 3)))
        with self.refuses(ValueError, "nsga2 takes no descriptors"):
            up.tell(np.zeros(4), np.zeros((4, 2)), np.zeros((4, 2)))
        plain = strategies.CmaEs(np.zeros(3), population=4)
        plain.ask()
        with self.refuses(ValueError, "cma_es takes no objectives"):
            plain.tell(np.zeros(4), objectives=np.zeros((4, 2)))

    def test_minimise_turns_fitness_round(self):
        up, down = (strategies.CmaEs(np.ones(4), seed=1, minimise=each) for each in (False, True))
        for _ in range(5):
            up.tell([-sphere(x) for x in up.ask()])
            down.tell([sphere(x) for x in down.ask()])
        self.assertSame(up.mean, down.mean)
        self.assertEqual(up.best[1], -down.best[1])
        self.assertEqual(down.best[1], sphere(down.best[0]))

    def test_members_are_the_callers_and_failures_rank_last(self):
        search = strategies.CmaEs(np.zeros(3), population=8, seed=1)
        self.assertIsNone(search.best)
        members = search.ask()
        kept = members.copy()
        members[:] = 7.0
        self.assertSame(search.ask(), kept)
        search.tell([np.nan, np.inf, -np.inf, 1.0, 0.0, 0.5, 0.2, 0.1])
        self.assertEqual(search.best[1], 1.0)
        self.assertSame(search.best[0], kept[3])
        self.assertIsNone(search.stop)

    def test_a_strategy_drives_an_environment_of_gymnasiums(self):
        import gymnasium

        env = gymnasium.make("Pendulum-v1", max_episode_steps=20)
        search = strategies.OpenEs(np.zeros(3), population=4, sigma=0.5, seed=1)
        for _ in range(2):
            fitness = []
            for member in search.ask():
                observation, _ = env.reset(seed=1)
                fitness.append(0.0)
                for _ in range(20):
                    observation, reward, *_ = env.step(np.clip(member @ observation, -2, 2)[None])
                    fitness[-1] += reward
            search.tell(fitness)
        self.assertEqual(search.evaluations, 8)

    def test_wrong_calls(self):
        for error, texts, call in [
            (ValueError, ["no field 'sigm'", "sigma"], lambda: strategies.CmaEs(np.zeros(3), sigm=1)),
            (ValueError, ["sigma", "-1"], lambda: strategies.CmaEs(np.zeros(3), sigma=-1.0)),
            (ValueError, ["empty"], lambda: strategies.CmaEs(np.zeros(0))),
            (ValueError, ["not finite"], lambda: strategies.CmaEs([0.0, np.nan])),
            (ValueError, ["shape (2, 2)"], lambda: strategies.CmaEs(np.zeros((2, 2)))),
            (ValueError, ["seed is -1"], lambda: strategies.CmaEs(np.zeros(3), seed=-1)),
            (TypeError, ["take one of them"], lambda: strategies.Strategy(np.zeros(3))),
        ]:
            with self.refuses(error, *texts):
                call()
        search = strategies.CmaEs(np.zeros(3), population=6)
        with self.refuses(ValueError, "without an ask()"):
            search.tell(np.zeros(6))
        search.ask()
        with self.refuses(ValueError, "got 5 fitness values for a population of 6"):
            search.tell(np.zeros(5))
        with self.refuses(ValueError, "no member has a finite fitness"):
            search.tell(np.full(6, np.nan))
        with self.refuses(ValueError, "takes no descriptors"):
            search.tell(np.zeros(6), descriptors=np.zeros((6, 2)))
        with self.refuses(TypeError, "must be numbers"):
            search.tell(["a"] * 6)


if __name__ == "__main__":
    unittest.main()
