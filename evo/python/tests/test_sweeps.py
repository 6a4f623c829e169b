"""Sweeps, as the program writes them."""

import csv
import importlib.util
import tempfile
import unittest
from pathlib import Path

import numpy as np
from common import Case, evo

import spindle

SWEEP = """(
    config: "inverted_pendulum.ron",
    axes: [
        List(path: "strategy.sigma", values: [0.1, 0.2]),
        List(path: "controller", values: [Mlp(hidden: [4]), Snn(ticks: 2)]),
    ],
    sampler: Grid,
    seeds: [1, 2],
    set: [
        "strategy.population=4",
        "rollout.episodes=1",
        "rollout.horizon=10",
        "run.generations=1",
        "run.eval_episodes=2",
    ],
)"""


def cells(path):
    """The rows of a table, as text."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class Sweeps(Case):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name) / "sweep"
        config = Path(scratch.name) / "small.ron"
        config.write_text(SWEEP)
        evo("sweep", "--config", config, "--out", cls.folder)

    def test_its_tables_are_those_of_the_files(self):
        sweep = spindle.sweep(self.folder)
        self.assertIn("strategy.sigma", sweep.config)
        for name, columns in [("sweep.csv", sweep.trials), ("trials.csv", sweep.runs)]:
            rows = cells(self.folder / name)
            self.assertEqual(list(columns), list(rows[0]))
            for column, values in columns.items():
                with self.subTest(name=name, column=column):
                    text = [row[column] for row in rows]
                    self.assertEqual(values.shape, (len(rows),))
                    if values.dtype == np.float64:
                        self.assertEqual(values.tolist(), [float(cell) for cell in text])
                    else:
                        self.assertEqual(list(values), text)
        self.assertEqual((len(sweep.trials["trial"]), len(sweep.runs["trial"])), (4, 8))
        self.assertEqual(sorted(sweep.trials["strategy.sigma"]), [0.1, 0.1, 0.2, 0.2])
        self.assertEqual(sweep.trials["controller"].dtype, object)

    def test_a_trial_is_the_median_of_its_runs_and_the_best_one_is_first(self):
        sweep = spindle.sweep(self.folder)
        trials, runs = sweep.trials, sweep.runs
        self.assertEqual(list(trials["value"]), sorted(trials["value"], reverse=True))
        for trial, value in zip(trials["trial"], trials["value"]):
            self.assertEqual(np.median(runs["value"][runs["trial"] == trial]), value)
        run = sweep.run(trials["trial"][0], seed=2)
        its = (runs["trial"] == trials["trial"][0]) & (runs["seed"] == 2)
        self.assertEqual(run.path, self.folder / runs["folder"][its][0])
        self.assertEqual(list(run.metrics["generation"]), [1])

    @unittest.skipUnless(importlib.util.find_spec("pandas"), "needs pandas")
    def test_frames(self):
        sweep = spindle.sweep(self.folder)
        self.assertEqual(list(sweep.frame().columns), list(sweep.trials))
        self.assertEqual(len(sweep.frame("runs")), 8)
        with self.refuses(ValueError, "'folds'", "'runs'"):
            sweep.frame("folds")

    def test_what_is_not_there(self):
        with self.refuses(ValueError, "not the folder of a sweep", "sweep.ron"):
            spindle.sweep(self.folder / "trials")
        with self.refuses(ValueError, "not a run folder"):
            spindle.sweep(self.folder).run("t0099", seed=1)
        with tempfile.TemporaryDirectory() as folder:
            # One that has only begun.
            (Path(folder) / "sweep.ron").write_text(SWEEP)
            self.assertEqual((spindle.sweep(folder).trials, spindle.sweep(folder).runs), ({}, {}))


if __name__ == "__main__":
    unittest.main()
