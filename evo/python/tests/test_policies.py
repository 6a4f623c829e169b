"""Policies against `evo eval` and `evo record`: the same bits."""

import gc
import os
import resource
import unittest
from pathlib import Path

import numpy as np
from common import NETWORKS, SCRATCH, Case, evaluated, evo, trained

import spindle


class Policies(Case):
    def test_returns_are_those_of_evo_eval(self):
        for network in NETWORKS:
            for engine in ("lanes", "rapier"):
                with self.subTest(network=network, engine=engine):
                    run = trained(network)
                    expected = evaluated(run, "--episodes", 3, "--seed", 9, "--engine", engine)
                    policy = spindle.load(run)
                    env = spindle.make("ant", engine=engine)
                    returns = []
                    for episode in range(3):
                        observation, info = env.reset(seed=9 if episode == 0 else None)
                        policy.reset(1, seed=info["policy_seed"])
                        total, over, reward = 0.0, False, 0.0
                        while not over:
                            observation, reward, *flags, _ = env.step(policy(observation, reward))
                            over, total = any(flags), total + reward
                        returns.append(total)
                    self.assertEqual(returns, expected["returns"])

    def test_actions_spikes_and_membranes_are_those_of_a_recording(self):
        for network in ("current", "rate"):
            run = trained(network)
            file = Path(SCRATCH.name) / f"{network}.rollout.safetensors"
            evo("record", run, "--episodes", 1, "--seed", 4, "--out", file)
            episode = spindle.read_recording(file).episodes[0]
            _, info = spindle.make("ant", engine="lanes").reset(seed=4)
            policy = spindle.load(run)
            policy.reset(1, seed=info["policy_seed"])
            policy.watch()
            self.assertGreater(len(episode["action"]), 20)
            for step in range(20):
                # Rewards are read by networks with plasticity alone.
                self.assertSame(policy(episode["observation"][step]), episode["action"][step])
                for layer, spikes in policy.spikes.items():
                    np.testing.assert_array_equal(spikes[0], episode[f"{layer}.spikes"][step])
                    self.assertSame(policy.traces[layer]["membrane"], episode[f"{layer}.membrane"][step])
                for layer, states in policy.states.items():
                    for name, values in states.items():
                        self.assertSame(values[0], episode[f"{layer}.{name}"][step])

    def test_copies_are_independent_of_each_other(self):
        policy, rng = spindle.load(trained()), np.random.default_rng(1)
        observations = rng.normal(size=(6, 40, len(policy.observations))).astype(np.float32)
        alone = []
        for copy in range(40):
            policy.reset(1)
            alone.append(np.stack([policy(row) for row in observations[:, copy]]))
        policy.reset(40)
        together = [policy(rows) for rows in observations]
        self.assertSame(np.stack(together), np.stack(alone, 1))
        # Some begin again.
        mask = np.arange(40) % 2 == 0
        policy.reset(mask=mask)
        again = policy(observations[0])
        self.assertSame(again[mask], together[0][mask])
        self.assertFalse(np.array_equal(again[~mask], together[0][~mask]))
        self.assertGreater(policy.activity(3)["spike_rate"], 0.0)

    def test_exports_are_those_of_the_program(self):
        run, folder = trained(), Path(SCRATCH.name)
        policy = spindle.load(run)
        policy.to_nir(folder / "ours.nir")
        policy.to_onnx(folder / "ours.onnx")
        evo("nir", "export", run, "--out", folder / "its.nir")
        evo("export", run, "--onnx", folder / "its.onnx")
        for kind in ("nir", "onnx"):
            self.assertEqual((folder / f"ours.{kind}").read_bytes(), (folder / f"its.{kind}").read_bytes())
        with self.refuses(ValueError, "cannot write"):
            policy.to_nir(folder / "nowhere" / "a.nir")

    def test_wrong_calls(self):
        for path, *texts in [
            ("nowhere/run", "nowhere"),
            (str(trained() / "metrics.csv"), "metrics.csv"),
        ]:
            with self.refuses(ValueError, *texts):
                spindle.load(path)
        with self.refuses(ValueError, "no field 'tick'"):
            spindle.load(trained(), set={"controller.tick": 3})
        policy = spindle.load(trained())
        size = len(policy.observations)
        for obs, text in [
            (np.zeros(size + 1), f"expected ({size},)"),
            (np.zeros((2, size)), f"expected (1, {size})"),
            (np.full(size, np.nan), "not finite"),
        ]:
            with self.refuses(ValueError, text):
                policy(obs)
        with self.refuses(TypeError, "must be numbers"):
            policy(["a"] * size)
        with self.refuses(ValueError, "n is 0"):
            policy.reset(0)
        with self.refuses(ValueError, "mask"):
            policy.reset(mask=[True, False])
        with self.refuses(ValueError, "no copy 3"):
            policy.watch(3)

    def test_memory_is_flat(self):
        run, environments = trained(), spindle.make_vec("ant", 64, seed=1)
        environments.reset()
        actions = np.zeros((64, 8), np.float32)

        def work(loads, steps):
            for _ in range(loads):
                spindle.load(run).reset(4)
            for _ in range(steps):
                environments.step(actions)
            gc.collect()

        work(20, 200)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # A million environment steps and ten thousand loads in `tests/run --full`.
        work(*(10_000, 16_000) if os.environ.get("SPINDLE_FULL") else (100, 1000))
        # Kilobytes.
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 8000)


if __name__ == "__main__":
    unittest.main()
