"""Training and its results, against the program."""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np
from common import Case, evaluated, evo

import spindle

SETS = {
    "strategy": "OpenEs(population: 4)",
    "rollout.horizon": 20,
    "run.eval_episodes": 2,
    "run.eval_every": 2,
}


class Runs(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # Nothing of the clone is at hand: the configs are those of the package.
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def test_a_run_is_that_of_the_program(self):
        rows = []
        run = spindle.train(
            "ant.ron", set=SETS, out="ours", seed=3, generations=4, threads=1, on_generation=rows.append
        )
        words = [word for path, value in SETS.items() for word in ("--set", f"{path}={value}")]
        evo("--config", "ant.ron", "--out", self.folder / "its", "--seed", 3, "--generations", 4, "-q", *words)
        its = spindle.run("its")
        self.assertEqual([row["generation"] for row in rows], [1, 2, 3, 4])
        self.assertEqual(run.config, its.config)
        for name, values in its.metrics.items():
            if name not in ("wall_s", "env_steps_per_s"):
                # Some are text, and some are NaN.
                np.testing.assert_array_equal(run.metrics[name].astype(str), values.astype(str), name)
                np.testing.assert_array_equal(np.array([row[name] for row in rows], str), values.astype(str), name)
        self.assertSame(run.policy.parameters, its.policy.parameters)
        self.assertEqual(run.summary["generations"], 4)
        if importlib.util.find_spec("pandas"):
            self.assertEqual(list(run.frame().columns), list(run.metrics))
        self.assertEqual(
            run.eval(2, seed=5)["returns"], evaluated(self.folder / "its", "--episodes", 2, "--seed", 5)["returns"]
        )
        recording = run.record(2)
        self.assertEqual((len(recording.episodes), recording.meta["env"]), (2, "ant"))
        self.assertEqual(recording.episodes[0]["action"].shape[1], 8)

    def test_a_callback_stops_it_and_it_goes_on_with_the_same_bits(self):
        settings = {"set": SETS, "seed": 1, "threads": 1}
        part = spindle.train("ant.ron", generations=10**6, on_generation=lambda row: row["generation"] < 2, **settings)
        self.assertTrue(part.path.is_relative_to("results/runs") and part.path.name.startswith("ant__s1__"))
        self.assertEqual(spindle.run("latest").path, part.path)
        done = int(part.metrics["generation"][-1])
        self.assertTrue(2 <= done < 10**6 and part.summary is None, done)
        rows = []
        part = part.resume(done + 2, on_generation=rows.append)
        self.assertEqual([row["generation"] for row in rows], [done + 1, done + 2])
        whole = spindle.train("ant.ron", out="whole", generations=done + 2, **settings)
        self.assertSame(part.policy.parameters, whole.policy.parameters)

    def test_an_archive_is_read_and_each_of_its_elites_loaded(self):
        sets = SETS | {"strategy.population": 12, "strategy.archive": "Grid(cells: [6, 6])"}
        sets = {path: value for path, value in sets.items() if path != "strategy"}
        run = spindle.train("ant_archive.ron", set=sets, out="archive", generations=3, threads=1)
        archive = run.archive()
        self.assertEqual(archive.names, ("front_left_foot contact", "front_right_foot contact"))
        table = np.loadtxt("archive/archive.csv", delimiter=",", skiprows=1, ndmin=2)
        self.assertGreater(len(table), 1)
        self.assertSame(archive.cells, table[:, 0].astype(np.int64))
        self.assertSame(archive.fitness, table[:, 1])
        self.assertSame(archive.descriptors, np.ascontiguousarray(table[:, 2:]))
        self.assertEqual((archive.count, archive.coverage), (36, run.metrics["coverage"][-1]))
        for cell, parameters in zip(archive.cells, archive.parameters, strict=True):
            policy = spindle.load(run.path, cell=cell)
            self.assertSame(policy.parameters, parameters.astype(np.float32))
        best = archive.parameters[archive.fitness.argmax()].astype(np.float32)
        self.assertSame(run.policy.parameters, best)
        self.assertIsNone(run.front())
        empty = min(set(range(36)) - set(archive.cells.tolist()))
        with self.refuses(ValueError, f"has nothing in cell {empty} of its archive"):
            spindle.load(run.path, cell=empty)
        for cell in (-1, True, 1.0):
            with self.refuses(ValueError, f"cell is {cell!r}, expected a whole number of at least 0"):
                spindle.load(run.path, cell=cell)
        with self.refuses(ValueError, "best and cell are two members"):
            spindle.load(run.path, cell=0, best=True)

    def test_a_front_is_read_and_each_of_its_members_loaded(self):
        sets = {path: value for path, value in SETS.items() if path != "strategy"}
        sets |= {"strategy.population": 8, "rollout.episodes": 1}
        run = spindle.train("half_cheetah_front.ron", set=sets, out="front", generations=2, threads=1)
        front = run.front()
        self.assertEqual(front.names, ("return", "energy"))
        table = np.loadtxt("front/front.csv", delimiter=",", skiprows=1, ndmin=2)
        self.assertSame(front.cells, table[:, 0].astype(np.int64))
        self.assertSame(front.objectives, np.ascontiguousarray(table[:, 1:]))
        self.assertEqual(len(front.cells), run.metrics["front"][-1])
        self.assertTrue((np.diff(front.objectives[:, 0]) <= 0).all())
        for cell, parameters in zip(front.cells, front.parameters, strict=True):
            self.assertSame(spindle.load(run.path, cell=cell).parameters, parameters.astype(np.float32))
        self.assertIsNone(run.archive())
        with self.refuses(ValueError, "has no member 1000"):
            spindle.load(run.path, cell=1000)
        plain = spindle.train("ant.ron", set=SETS, out="plain", generations=1, threads=1)
        self.assertEqual((plain.archive(), plain.front()), (None, None))
        with self.refuses(ValueError, "has no archive: its strategy keeps none"):
            spindle.load(plain.path, cell=0)

    def test_mistakes_have_the_texts_of_the_command_line(self):
        for texts, settings in [
            (["none.ron", "ant.ron"], {"config": "none.ron"}),
            (["--set strategy.sigm=1", "no field 'sigm'"], {"set": {"strategy.sigm": 1}}),
        ]:
            with self.refuses(ValueError, *texts):
                spindle.train(**{"config": "ant.ron"} | settings)
        with self.refuses(ValueError, "no run"):
            spindle.run("nothing")
        with self.refuses(ZeroDivisionError):
            spindle.train("ant.ron", set=SETS, generations=60, on_generation=lambda row: 1 / 0)

    def test_ctrl_c_ends_training_with_a_checkpoint(self):
        settings = (
            f"'ant.ron', set={SETS}, out='run', generations=10**6, on_generation=lambda row: print(1, flush=True)"
        )
        # Whoever starts the tests in the background may have had SIGINT ignored.
        code = (
            "import signal, spindle; signal.signal(signal.SIGINT, signal.default_int_handler);"
            f" spindle.train({settings})"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        self.assertIn("KeyboardInterrupt", told)
        run = spindle.run("run")
        self.assertEqual(evo("check", self.folder / "run").count("damaged"), 0)
        self.assertGreaterEqual(len(run.metrics["generation"]), 1)

    def test_ctrl_c_at_the_command_ends_the_generation(self):
        command = [sys.executable, "-m", "spindle", "ant.ron", "--out", "run", "--generations", "1000000"]
        command += [word for path, value in SETS.items() for word in ("--set", f"{path}={value}")]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while not Path("run/metrics.csv").is_file() or len(spindle.run("run").metrics.get("generation", ())) == 0:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        self.assertEqual((process.returncode, "Traceback" in told), (0, False), told)
        self.assertIn("finishing this generation", told)

    def test_the_command_is_the_program(self):
        command = [sys.executable, "-m", "spindle"]
        ours = subprocess.run([*command, "list", "envs", "--json"], capture_output=True, text=True, check=True)
        self.assertEqual(ours.stdout, evo("list", "envs", "--json"))
        wrong = subprocess.run([*command, "fly"], capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("fly", wrong.stderr)
        # It starts itself again for the trials of a sweep.
        Path("small.ron").write_text(
            'config: "ant.ron", axes: [List(path: "strategy.sigma", values: [0.1, 0.2])], sampler: Grid, seeds: [1], '
            'set: ["strategy.population=4", "rollout.horizon=10", "run.generations=1", "run.eval_episodes=1"]'.join(
                "()"
            )
        )
        done = subprocess.run(
            [*command, "sweep", "--config", "small.ron", "--out", "s"], capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(list(Path("s").rglob("summary.json"))), 2)


if __name__ == "__main__":
    unittest.main()
