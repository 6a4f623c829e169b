"""Environments against Gymnasium's rules."""

import os
import unittest
import warnings

import gymnasium
import numpy as np
from common import ROOT, Case
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import spindle


def actions_of(count, size, seed=3):
    return np.random.default_rng(seed).uniform(-1, 1, (count, size)).astype(np.float32)


class Tasks(Case):
    def test_gymnasiums_checker_passes_on_every_task(self):
        for name in spindle.env_names():
            with self.subTest(name), warnings.catch_warnings():
                # It recommends symmetric actions of ±1; ours have the units of the tasks that they follow.
                warnings.simplefilter("ignore")
                env = gymnasium.make(spindle.env_id(name), disable_env_checker=True)
                check_env(env.unwrapped, skip_render_check=True)
                env.close()

    def test_gymnasiums_checker_passes_on_pictures(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            env = gymnasium.make("spindle/Hopper-v0", render_mode="rgb_array", disable_env_checker=True)
            check_env(env.unwrapped)
            env.close()

    def test_pictures_show_the_robot_where_it_is(self):
        size = {"width": 160, "height": 120}
        env = spindle.make("hopper", render_mode="rgb_array", camera="side", **size)
        env.reset(seed=1)
        start = env.render()
        self.assertEqual((start.shape, start.dtype), ((120, 160, 3), np.uint8))
        for _ in range(4):
            env.step(env.action_space.low)
        later = env.render()
        np.testing.assert_array_equal(env.render(), later)
        self.assertGreater((start != later).mean(), 0.003)
        # Alone or in a batch, a world looks the same.
        envs = spindle.make_vec("hopper", 3, seed=1, render_mode="rgb_array", camera="side", **size)
        envs.reset()
        pictures = envs.render()
        self.assertEqual(len(pictures), 3)
        np.testing.assert_array_equal(pictures[0], start)
        self.assertTrue((pictures[1] != start).any())
        with self.refuses(ValueError, "camera is 'above', expected one of corner, side, front, back, top"):
            env = spindle.make("hopper", render_mode="rgb_array", camera="above")
            env.reset()
            env.render()
        env = spindle.make("hopper")
        env.reset()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertIsNone(env.render())

    def test_every_task_steps_as_a_batch_of_gymnasiums_making(self):
        for name in spindle.env_names():
            with self.subTest(name):
                envs = gymnasium.make_vec(spindle.env_id(name), 3, vectorization_mode="vector_entry_point")
                self.assertIsInstance(envs, spindle.VectorEnv)
                observations, info = envs.reset(seed=5)
                self.assertIn(observations, envs.observation_space)
                self.assertTrue(info["_policy_seed"].all())
                envs.action_space.seed(1)
                for _ in range(3):
                    observations, rewards, terminated, truncated, info = envs.step(envs.action_space.sample())
                    self.assertIn(observations, envs.observation_space)
                    terms = [info[key] for key in info if key.startswith("reward_")]
                    np.testing.assert_allclose(np.sum(terms, axis=0), rewards, rtol=1e-5, atol=1e-5)
                    self.assertEqual((rewards.dtype, terminated.dtype, truncated.dtype), (np.float64, bool, bool))
                envs.close()

    def test_a_trajectory_is_the_same_alone_and_in_any_batch(self):
        for name, engine in [("ant", "lanes"), ("ant", "rapier"), ("hopper", "lanes")]:
            with self.subTest(name=name, engine=engine):
                seen = {}
                for count in (1, 7, 1024 if engine == "lanes" else 40):
                    envs = spindle.make_vec(name, count, engine, horizon=12)
                    rows = [envs.reset(seed=7)[0][0]]
                    width = envs.single_action_space.shape[0]
                    for step in range(30):
                        # The first environment gets the same in every batch.
                        actions = actions_of(count, width, seed=count)
                        actions[0] = actions_of(1, width, seed=1000 + step)[0]
                        observations, rewards, *flags, _ = envs.step(actions)
                        rows.append(np.append(observations[0], [rewards[0], *(flag[0] for flag in flags)]))
                    seen[count] = np.concatenate(rows)
                first, *others = seen.values()
                for other in others:
                    self.assertSame(first, other)

    def test_the_single_environment_is_one_of_the_batch(self):
        env, envs = gymnasium.make("spindle/Ant-v0", horizon=9), spindle.make_vec("ant", 3, horizon=9)
        observations, _ = envs.reset(seed=4)
        observation, _ = env.reset(seed=6)
        self.assertSame(observation, observations[2])
        for actions in np.stack([actions_of(3, 8, seed) for seed in range(9)]):
            observations, rewards, terminated, truncated, _ = envs.step(actions)
            observation, reward, *flags, _ = env.step(actions[2])
            self.assertSame(observation, observations[2])
            self.assertEqual((reward, *flags), (rewards[2], terminated[2], truncated[2]))
        self.assertTrue(flags[1])
        with self.refuses(ResetNeeded, "reset()"):
            env.unwrapped.step(actions[2])


class Autoreset(Case):
    """All three modes against Gymnasium's own `SyncVectorEnv` over our single environments."""

    def pair(self, mode, count=3):
        # Episodes of different lengths, by falls; the time limit ends the others.
        make = lambda: gymnasium.make("spindle/Hopper-v0", horizon=25).unwrapped
        theirs = SyncVectorEnv([make] * count, autoreset_mode=mode)
        return spindle.make_vec("hopper", count, horizon=25, autoreset_mode=mode), theirs

    def test_next_step_and_same_step_are_gymnasiums(self):
        for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
            ours, theirs = self.pair(mode)
            self.assertEqual(ours.metadata["autoreset_mode"], mode)
            a, b = ours.reset(seed=11)[0], theirs.reset(seed=11)[0]
            self.assertSame(a, b)
            ended = 0
            for step in range(80):
                actions = actions_of(3, 3, seed=step)
                *mine, info = ours.step(actions)
                *other, their_info = theirs.step(actions)
                for x, y in zip(mine, other):
                    self.assertSame(x, y, f"{mode}, step {step}")
                ended += (mine[2] | mine[3]).sum()
                for key in their_info:
                    if key.startswith("reward_"):
                        np.testing.assert_array_equal(info[f"_{key}"], their_info[f"_{key}"])
                        np.testing.assert_allclose(info[key], their_info[key], rtol=1e-6)
                self.assertEqual("final_obs" in info, "final_obs" in their_info)
                if "final_obs" in info:
                    where = their_info["_final_obs"]
                    np.testing.assert_array_equal(info["_final_obs"], where)
                    np.testing.assert_array_equal(info["_final_info"], where)
                    for index in np.flatnonzero(where):
                        self.assertSame(info["final_obs"][index], their_info["final_obs"][index])
                    np.testing.assert_allclose(
                        info["final_info"]["reward_forward"][where], their_info["final_info"]["reward_forward"][where],
                        rtol=1e-6,
                    )  # fmt: skip
            self.assertGreater(ended, 8)

    def test_disabled_waits_for_a_reset_by_hand(self):
        ours, theirs = self.pair(AutoresetMode.DISABLED)
        ours.reset(seed=2), theirs.reset(seed=2)
        resets = 0
        for step in range(60):
            actions = actions_of(3, 3, seed=step)
            mine, other = ours.step(actions), theirs.step(actions)
            for x, y in zip(mine[:4], other[:4]):
                self.assertSame(x, y)
            over = mine[2] | mine[3]
            if over.any():
                resets += 1
                with self.refuses(ResetNeeded, f"environment {int(over.argmax())}"):
                    ours.step(actions)
                a, info = ours.reset(options={"reset_mask": over})
                b, _ = theirs.reset(options={"reset_mask": over})
                self.assertSame(a, b)
                np.testing.assert_array_equal(info["_policy_seed"], over)
        self.assertGreater(resets, 2)
        for mask in (np.zeros(3, bool), np.zeros(2, bool), np.zeros(3), [1, 0, 0]):
            with self.refuses(ValueError, "reset_mask"):
                ours.reset(options={"reset_mask": mask})

    def test_arrays_are_the_callers_own_unless_asked_otherwise(self):
        envs = spindle.make_vec("ant", 4)
        first, _ = envs.reset(seed=1)
        kept = first.copy()
        second = envs.step(actions_of(4, 8))[0]
        seen = second.copy()
        envs.step(actions_of(4, 8))
        self.assertSame(first, kept)
        self.assertSame(second, seen)
        shared = spindle.make_vec("ant", 4, copy=False)
        first, _ = shared.reset(seed=1)
        self.assertIs(first, shared.step(actions_of(4, 8))[0])
        self.assertSame(first, second)

    def test_seeds_are_one_number_or_one_each(self):
        envs = spindle.make_vec("ant", 3)
        together = envs.reset(seed=5)[0]
        self.assertEqual(envs.np_random_seed, (5, 6, 7))
        self.assertSame(envs.reset(seed=[5, 6, 7])[0], together)
        self.assertSame(envs.reset(seed=np.array([5, 6, 7]))[0], together)
        following = envs.reset()[0]
        self.assertFalse(np.array_equal(following, together))
        self.assertSame(spindle.make_vec("ant", 3, seed=5).reset()[0], together)
        one = envs.reset(seed=[None, 6, None])[0]
        self.assertSame(one[1], together[1])
        self.assertFalse(np.array_equal(one[0], together[0]))
        # From the system, where nothing is said.
        self.assertFalse(np.array_equal(spindle.make_vec("ant").reset()[0], spindle.make_vec("ant").reset()[0]))
        for seed in (-1, 1.5, [1, 2], "a"):
            with self.refuses(ValueError, "seed"):
                envs.reset(seed=seed)


class Settings(Case):
    def test_fields_changes_engines_and_robots(self):
        envs = spindle.make_vec("ant", 2, "rapier", changes=["wind", "noise"], healthy_reward=0.5, horizon=3)
        self.assertEqual((envs.engine, envs.horizon, envs.task), ("rapier", 3, "ant"))
        envs.reset(seed=1)
        info = envs.step(np.zeros((2, 8)))[4]
        np.testing.assert_array_equal(info["reward_survive"], [0.5, 0.5])
        plain, other = (
            spindle.make_vec("ant", 2, seed=1, changes=each) for each in ([], ["(effect: Mass(Fixed(1.5)))"])
        )
        plain.reset(), other.reset()
        actions = np.ones((2, 8))
        self.assertFalse(np.array_equal(plain.step(actions)[0], other.step(actions)[0]))
        robot = str(ROOT / "envs/assets/ant.xml")
        own = spindle.make_vec(robot, 2, observations="[Positions]", control_dt=0.05)
        self.assertEqual((own.task, own.observation_space.shape), ("mjcf", (2, 13)))
        config = spindle.make_vec(str(ROOT / "configs/ant.ron"), 2, "config")
        self.assertEqual(config.task, "ant")

    def test_mistakes_have_the_texts_of_the_command_line(self):
        for texts, settings in [
            (["unknown env 'ants' (valid: ant, "], {"name": "ants"}),
            (["no field 'healthy' (have: ", "healthy_reward"], {"healthy": 1}),
            (["healthy_reward", "nan"], {"healthy_reward": float("nan")}),
            (["unknown change 'storm' (valid: "], {"changes": ["storm"]}),
            (["Bullet", "Lanes"], {"engine": "Bullet"}),
            (["num_envs is 0"], {"num_envs": 0}),
            (["horizon is 0"], {"horizon": 0}),
            (["no.xml"], {"name": "no.xml"}),
            (["render_mode is 'human', expected None or 'rgb_array'"], {"render_mode": "human"}),
            (["width is 0, expected a whole number of pixels"], {"width": 0}),
        ]:
            with self.subTest(texts[0]), self.refuses(ValueError, *texts):
                spindle.VectorEnv(**{"name": "ant"} | settings)

    def test_wrong_actions_and_closed_environments(self):
        envs = spindle.make_vec("ant", 2)
        with self.refuses(ResetNeeded, "reset()"):
            envs.step(np.zeros((2, 8)))
        envs.reset(seed=1)
        with self.refuses(ValueError, "shape (8,), expected (2, 8)"):
            envs.step(np.zeros(8))
        with self.refuses(TypeError, "must be numbers"):
            envs.step(np.full((2, 8), "a"))
        bad = np.zeros((2, 8))
        bad[1, 3] = np.nan
        with self.refuses(ValueError, "action 3 (", "of environment 1 is NaN"):
            envs.step(bad)
        self.assertFalse(envs.step(np.full((2, 8), np.inf))[4].get("blew_up", np.zeros(2)).any())
        envs.close()
        for call in (envs.reset, lambda: envs.step(np.zeros((2, 8)))):
            with self.refuses(ClosedEnvironmentError, "closed"):
                call()

    @unittest.skipUnless(hasattr(os, "fork"), "no fork")
    def test_a_fork_is_refused_once_there_are_threads(self):
        envs = spindle.make_vec("ant", 64)
        envs.reset(seed=1)
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            try:
                envs.step(np.zeros((64, 8)))
                told = "no error"
            except RuntimeError as error:
                told = str(error)
            os.write(write, told.encode())
            os._exit(0)
        os.waitpid(child, 0)
        self.assertIn("forkserver", os.read(read, 1000).decode())


if __name__ == "__main__":
    unittest.main()
