#!/usr/bin/env python3
"""Checks tests/judge.py: its controllers in NumPy give the bits of `evo record`, its tasks are Gymnasium's.

    python3 tests/judge_check.py target/debug/evo

Needs: pip install numpy safetensors gymnasium[mujoco].
"""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gymnasium
import numpy as np
from closed_loop.episodes import Judge, scaled
from closed_loop.equations import BUILT_IN, Model
from closed_loop.network import Network
from closed_loop.policy import Policy
from closed_loop.refusal import Refused
from closed_loop.tasks import TASKS, counterpart
from safetensors import safe_open

# Steps compared.
STEPS, SOME = 120, 25

OWN = (
    "model own\\nparam w = 2\\nstate v = 0\\nlet x = tanh(I)/(1 + exp(-I))\\n"
    "v = 0.5*v + sqrt(abs(x)) + max(sigmoid(I), ln(1 + I^2)) - if(x > w and not I < 0, 1, 0.1)\\n"
    "spike v > 1\\nreset zero: v = 0\\n"
)

# Every encoder (but `Rate`, which draws from the episode's stream), decoder, precision and way of wiring; built-in
# neurons that are not among these have a network each.
CONTROLLERS = {
    "linear": "Mlp(hidden: [])",
    "tanh": "Mlp(hidden: [20, 9])",
    "relu": "Mlp(hidden: [70], activation: Relu)",
    "lif": "Snn()",
    "alif": """Snn(precision: I8, encoder: Population(), decoder: Count(),
        hidden: [Recurrent(neurons: 20, model: "alif")])""",
    "ec_lif": """Snn(precision: Binary, encoder: Current(negated: true), ticks: 9,
        hidden: [Recurrent(neurons: 40, model: "ec_lif")])""",
    "cuba_lif": """Snn(precision: F32Free, encoder: Delta(), decoder: Rate(),
        hidden: [Dense(neurons: 70, model: "cuba_lif", reset: Some("subtract"))])""",
    "izhikevich": """Snn(decoder: Count(), readout_skip: ["hidden.0"], hidden: [
        Dense(neurons: 30, model: "izhikevich", density: 0.4),
        Recurrent(neurons: 130, model: "if", skip: ["input"], delay: (0, 3), excitatory: Some(0.7), refractory: 2)])""",
    "adex": """Snn(input_gain: 6, decoder: Population(), ticks: 7,
        hidden: [Recurrent(neurons: 30, model: "adex")])""",
    "plif": """Snn(input_gain: 12, encoder: Latency(), decoder: Membrane(parameters: {"decay": 0.9}), hidden: [
        Dense(neurons: 16, model: "plif"),
        Dense(neurons: 16, model: "lif", evolve: {"decay": Neuron}, skip: ["hidden.1"])])""",
    "pairs": """Snn(input_gain: 6, readout_skip: ["hidden.0"], hidden: [
        Recurrent(neurons: 34, push_pull: true, fresh: true),
        Dense(neurons: 21, skip: ["input"]),
        Dense(neurons: 20, model: "alif", skip: ["hidden.0"], push_pull: true)])""",
    "code": """Snn(hidden: [Recurrent(neurons: 170, model: "if", reset: Some("subtract"), code: Pairs(),
        push_pull: true, fresh: true)], decoder: Membrane(parameters: {"decay": 0.7}))""",
    "own weights": """Snn(hidden: [Dense(neurons: 102, model: "lif", code: Pairs(center: 1.5, drive: 0.3, shared: false),
        push_pull: true), Dense(neurons: 12)])""",
    "threshold": """Snn(precision: I8, decoder: Population(),
        hidden: [Recurrent(neurons: 33, model: "threshold", parameters: {"threshold": 0.25})])""",
    "like": """Snn(hidden: [
        Dense(neurons: 20, like: Some("snntorch")),
        Dense(neurons: 20, like: Some("spyx"), parameters: {"decay": 0.8})])""",
    "events": "Events(hidden: [Dense(neurons: 12, refractory: 0.003), Recurrent(neurons: 9)], input_mean: 0.5)",
    "times": """Events(encoder: Latency(low: -3, high: 3), hidden: [Dense(neurons: 16)], step: 0.015, input_mean: 1,
        readout: Integral(tau_mem: 0.025))""",
    "own": f'Snn(hidden: [Dense(neurons: 20, model: "{OWN}")])',
}

# As Gymnasium has it, where that is not the default.
SETTINGS = {"Ant": "contact_cost_weight: 5e-4, start: Gymnasium, observations: Gymnasium"}


def trained(evo, folder, name, env, controller):
    """A run of two generations, and two recorded episodes of it."""
    config, run = folder / f"{name}.ron", folder / name
    config.write_text(
        f"(env: {env}, controller: {controller}, physics: (engine: Lanes), rollout: (horizon: 30),"
        " strategy: OpenEs(population: 4, optimizer: Adam(learning_rate: 0.3)),"
        " run: (generations: 2, eval_every: 0, eval_episodes: 1))"
    )
    for words in (["--config", config, "--out", run, "--threads", "1", "-q"], ["record", run, "--episodes", "2"]):
        done = subprocess.run([evo, *words], capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr}"
    return run


def recorded(run):
    """The header and, per episode, the arrays of a recording."""
    with safe_open(run / "episode.rollout.safetensors", "numpy") as file:
        header = json.loads(file.metadata()["spindle"])
        episodes = [{}, {}]
        for key in file.keys():
            number, _, name = key.partition(".")
            if number in ("0", "1"):
                episodes[int(number)][name] = file.get_tensor(key)
        return header, episodes


def check_controller(run):
    """Actions and spikes of two recorded episodes at once are those of the program, bit for bit."""
    policy = Policy(run)
    _, episodes = recorded(run)
    policy.start(2)
    spikes, outputs = 0, set()
    for step in range(STEPS):
        actions = policy(np.stack([episode["observation"][step] for episode in episodes]))
        for layer, fired in enumerate(policy.spikes):
            told = np.stack([episode[f"hidden.{layer}.spikes"][step] for episode in episodes])
            assert (fired == told).all(), f"{run.name}: spikes of layer {layer} differ in step {step}"
            spikes += told.sum()
        told = np.stack([episode["action"][step] for episode in episodes])
        assert (actions == told).all(), f"{run.name}: actions differ in step {step}: {np.abs(actions - told).max()}"
        outputs |= set(actions.flat)
    assert len(outputs) > 20 and (spikes > 100 or not policy.spikes), f"{run.name}: silent"


def check_task(run):
    """From a recorded state, Gymnasium shows the task's observation and pays its reward, contacts aside."""
    judge = Judge(Policy(run), limit=SOME)
    header, episodes = recorded(run)
    env = gymnasium.make(judge.environment).unwrapped
    env.reset(seed=1)
    # Forces are not part of a state.
    joints = {"Ant": 27, "Humanoid": 253, "HumanoidStandup": 253, "InvertedDoublePendulum": 8}.get(judge.policy.env)
    errors = []
    for episode in episodes:
        # One that falls may do so a step earlier or later there.
        for step in range(min(SOME, len(episode["action"]) - 1)):
            env.set_state(episode["qpos"][step].astype(float), episode["qvel"][step].astype(float))
            told, shown = episode["observation"][step][:joints], env._get_obs()[: judge.inputs][:joints]
            wrong = np.abs(told - shown) > 1e-5 * (1 + np.abs(told))
            assert not wrong.any(), f"{run.name}: observations {np.flatnonzero(wrong)} differ in step {step}"
            _, reward, fallen, _, info = env.step(episode["action"][step])
            if fallen:
                break
            contact = info.get("reward_contact", 0) + info.get("reward_impact", 0)
            told = episode["terms"][step][[term != "contact" for term in header["terms"]]].sum()
            errors.append(abs(reward - contact - told) / (1 + abs(told)))
    # Another integrator, and contacts, make the difference.
    assert np.median(errors) < 0.02 and max(errors) < 0.2, f"{run.name}: rewards differ: {np.sort(errors)}"
    space = env.action_space
    assert (scaled(space, np.ones(space.shape)) == space.high).all()
    result = judge.run(2, 1000)
    assert np.isfinite(result["returns"]).all() and 1 <= min(result["lengths"]) <= SOME, result


def check_refusals(run):
    """What cannot be run is named."""

    def refused(words, what):
        try:
            what()
        except Refused as refusal:
            assert words in str(refusal), refusal
        else:
            raise AssertionError(f"not refused: {words}")

    refused("task Grasp has no counterpart", lambda: counterpart("Grasp", {}))
    unseen = {"observations": "Brax"}
    refused("does not observe that; valid: Joints, Gymnasium", lambda: counterpart("Humanoid", unseen))
    refused("InvertedDoublePendulum-v5 has 5", lambda: counterpart("InvertedDoublePendulum", {"frame_skip": 2}))
    refused("plasticity", lambda: Network({"plasticity": [{}]}, 3, 1, 5))
    refused("no checkpoint", lambda: Policy(run / "config.ron"))


def main():
    evo = Path(sys.argv[1]).resolve()
    controllers = dict(CONTROLLERS)
    for file in BUILT_IN.glob("*.neuron"):
        if not any(f'model: "{file.stem}"' in text for text in CONTROLLERS.values()) and Model.named(file.stem).spikes:
            controllers[file.stem] = f'Snn(hidden: [Dense(neurons: 20, model: "{file.stem}")])'
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as threads:
        folder = Path(folder)
        jobs = [(name, "HalfCheetah()", controller) for name, controller in controllers.items()]
        jobs += [(env, f"{env}({SETTINGS.get(env, '')})", "Mlp(hidden: [], output_gain: 3)") for env in TASKS]
        runs = dict(zip([job[0] for job in jobs], threads.map(lambda job: trained(evo, folder, *job), jobs)))
        for name in controllers:
            check_controller(runs[name])
        for env in TASKS:
            check_task(runs[env])
        check_refusals(runs["lif"])
    print(f"{len(controllers)} controllers in NumPy have the program's bits; {len(TASKS)} tasks are Gymnasium's")


if __name__ == "__main__":
    main()
