"""Populations of networks."""

import unittest

import numpy as np
from common import NETWORKS, ROOT, Case, trained

import spindle


class Controllers(Case):
    def test_a_population_is_as_many_single_networks(self):
        for text in NETWORKS.values():
            controller = spindle.Controller(text, inputs=5, outputs=2)
            rng = np.random.default_rng(1)
            theta = rng.normal(size=(40, controller.n_parameters))
            observations = rng.normal(size=(4, 40, 5))
            population = controller.population(theta)
            self.assertEqual((len(population), population.backend), (40, "cpu"))
            population.reset(seed=3)
            together = np.stack([population.step(rows) for rows in observations])
            self.assertEqual((together.shape, together.dtype), ((4, 40, 2), np.float32))
            self.assertTrue((np.abs(together) <= 1).all() and together.any())
            for one in (0, 39):
                alone = controller.population(theta[one : one + 1])
                alone.reset(seed=3 + one)
                self.assertSame(
                    np.stack([alone.step(rows[one : one + 1]) for rows in observations])[:, 0], together[:, one]
                )
            # An episode begins anew.
            population.reset(seed=3)
            self.assertSame(population.step(observations[0]), together[0])

    def test_the_network_of_a_policy_is_the_same(self):
        policy = spindle.load(trained())
        controller = spindle.Controller(str(trained() / "config.ron"))
        self.assertEqual(controller.description, policy.description)
        population = controller.population(policy.parameters[None])
        observation = np.linspace(-1, 1, controller.n_inputs, dtype=np.float32)
        population.step(observation[None])
        policy.reset()
        policy(observation)
        self.assertEqual(set(population.spikes), set(policy.spikes))
        self.assertEqual(set(population.states), set(policy.states))

    def test_the_layout_tiles_the_parameters(self):
        controller = spindle.Controller(str(ROOT / "configs/ant.ron"))
        ends = [0]
        for block in controller.layout.values():
            self.assertEqual(block["slice"].start, ends[-1])
            ends.append(block["slice"].stop)
        self.assertEqual(ends[-1], controller.n_parameters)
        self.assertSame(controller.initial(2), controller.initial(2))
        self.assertEqual(controller.initial().shape, (controller.n_parameters,))

    def test_individuals_that_fail_are_marked(self):
        controller = spindle.Controller("Snn()", inputs=3, outputs=1)
        theta = np.zeros((3, controller.n_parameters))
        theta[1, 0] = np.nan
        population = controller.population(theta)
        actions = population.step(np.zeros((3, 3)))
        np.testing.assert_array_equal(population.faults, [False, True, False])
        np.testing.assert_array_equal(np.isnan(actions[:, 0]), population.faults)

    def test_a_population_on_the_gpu_has_the_same_spikes(self):
        controller = spindle.Controller("Snn(hidden: [Recurrent(neurons: 32)], ticks: 4)", inputs=5, outputs=2)
        theta = np.stack([controller.initial(seed) for seed in range(6)])
        cpu, gpu = controller.population(theta), controller.population(theta, "gpu")
        self.assertEqual((cpu.backend, gpu.backend), ("cpu", "gpu"))
        random = np.random.default_rng(1)
        for _ in range(20):
            obs = random.normal(size=(6, 5)).astype(np.float32)
            self.assertSame(gpu.step(obs), cpu.step(obs))

    def test_wrong_calls(self):
        for texts, call in [
            (["inputs"], lambda: spindle.Controller("Snn()")),
            (["Snm", "Snn"], lambda: spindle.Controller("Snm()", 1, 1)),
            (["ticks", "4096"], lambda: spindle.Controller("Snn(ticks: 0)", 1, 1)),
            (["no field 'tick'"], lambda: spindle.Controller("Snn()", 1, 1, set={"tick": 1})),
            (["none.ron"], lambda: spindle.Controller("none.ron")),
            (["at least 1 input"], lambda: spindle.Controller("Snn()", 0, 1)),
        ]:
            with self.subTest(texts[0]), self.refuses(ValueError, *texts):
                call()
        controller = spindle.Controller("Mlp()", inputs=3, outputs=1)
        for theta in (np.zeros(controller.n_parameters), np.zeros((2, 7)), np.zeros((0, controller.n_parameters))):
            with self.refuses(ValueError, "theta"):
                controller.population(theta)
        theta = np.zeros((2, controller.n_parameters))
        with self.refuses(ValueError, "backend 'tpu'"):
            controller.population(theta, "tpu")
        with self.refuses(ValueError, "no GPU kernel"):
            controller.population(theta, "gpu")
        with self.refuses(ValueError, "expected (2, 3)"):
            controller.population(theta).step(np.zeros((3, 3)))


if __name__ == "__main__":
    unittest.main()
