"""What the tests of the Python package share."""

import contextlib
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EVO = os.environ.get("SPINDLE_EVO", str(ROOT / "target/debug/evo"))
SCRATCH = tempfile.TemporaryDirectory(prefix="spindle-")

# Spikes in every encoder and decoder that matters here, and one that draws random numbers.
NETWORKS = {
    "current": "Snn(hidden: [Recurrent(neurons: 16)], ticks: 3)",
    "rate": "Snn(encoder: Rate(), hidden: [Dense(neurons: 16)], ticks: 4)",
    "perceptron": "Mlp(hidden: [8])",
}


def evo(*words):
    """What the program prints to stdout."""
    done = subprocess.run([EVO, *map(str, words)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def trained(network="current", env="ant", generations=2):
    """A run folder of a short training."""
    folder = Path(SCRATCH.name) / f"{env}-{network}-{generations}"
    if folder.exists():
        return folder
    evo(
        "--config", f"{env}.ron", "--out", folder, "-q", "--generations", generations, "--threads", 1,
        "--set", f"controller={NETWORKS[network]}", "--set", "strategy=OpenEs(population: 8, sigma: 0.5)",
        "--set", "rollout.horizon=40", "--set", "run.eval_episodes=2",
    )  # fmt: skip
    return folder


def evaluated(run, *words):
    """What `evo eval --json` says."""
    return json.loads(evo("eval", run, "--json", "--threads", 1, *words))


class Case(unittest.TestCase):
    """A test case with what numpy lacks."""

    def assertSame(self, a, b, message=""):
        """The same bits."""
        self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype), message)
        self.assertEqual(a.tobytes(), b.tobytes(), message)

    @contextlib.contextmanager
    def refuses(self, error, *texts):
        """The block raises this error, whose message has all of these texts."""
        with self.assertRaises(error) as caught:
            yield
        for text in texts:
            self.assertIn(text, str(caught.exception))
