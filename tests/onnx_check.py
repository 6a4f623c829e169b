#!/usr/bin/env python3
"""Checks `evo export --onnx` in ONNX Runtime: two recorded episodes of each controller give the spikes and actions of
`evo record`.

    python3 tests/onnx_check.py target/debug/evo

Needs: pip install numpy safetensors onnxruntime gymnasium[mujoco] (the controllers are those of tests/judge_check.py).
"""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from judge_check import CONTROLLERS, recorded, trained

# Largest difference of actions, in the task's units (±0.4 to ±2). Perceptrons are products of matrices, whose sums a
# runtime makes in an order of its own; spiking networks are to have the same bits.
PERCEPTRON, SPIKING = 2e-6, 0.0

# Actions within other bounds than ±1.
OTHERS = {
    "humanoid": ("Humanoid(observations: Joints)", "Snn(hidden: [Recurrent(neurons: 24)])"),
    "pusher": ("Pusher()", "Mlp(hidden: [8])"),
}

# Random, or changing within an episode.
REFUSED = {
    "the encoder 'Rate': it draws its spikes": "Snn(encoder: Rate())",
    "ONNX cannot carry a controller `Events`": "Events(hidden: [Dense(neurons: 4)])",
    "plasticity: its weights change": 'Snn(plasticity: [(rule: Hebbian, blocks: ["readout.weight"])])',
}


def session(file):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def start(metadata, batch):
    """The states at the start of an episode, by input name."""
    return {
        state["name"]: np.broadcast_to(np.asarray(state["start"], np.float32), (batch, *state["shape"])).copy()
        for state in json.loads(metadata["states"])
    }


def compare(run, file, header, episodes):
    """Largest difference of the actions of two recorded episodes, side by side; spikes have to be the same."""
    policy = session(file)
    metadata = policy.get_modelmeta().custom_metadata_map
    for key, names in (("observations", header["observations"]), ("actions", header["actions"])):
        assert [channel["name"] for channel in json.loads(metadata[key])] == names, key
    assert float(metadata["control_step"]) == header["control_dt"] and metadata["task"] == header["env"]
    outputs = [output.name for output in policy.get_outputs()]
    steps = min(len(episode["action"]) for episode in episodes)
    states, worst, spikes = start(metadata, 2), 0.0, 0
    for step in range(steps):
        observation = np.stack([episode["observation"][step] for episode in episodes])
        result = dict(zip(outputs, policy.run(None, {"observation": observation, **states})))
        for name in [name for name in outputs if name.endswith(".spikes")]:
            told = np.stack([episode[name][step] for episode in episodes])
            assert (result[name] == told).all(), f"{run.name}: {name} differ in step {step}"
            spikes += int(told.sum())
        told = np.stack([episode["action"][step] for episode in episodes])
        worst = max(worst, float(np.abs(result["action"] - told).max()))
        states = {name: result[f"next.{name}"] for name in states}
    assert states or "has no memory" in metadata["reset"]
    assert spikes > 100 or "hidden.0.spikes" not in outputs, f"{run.name}: silent"
    return worst, steps, spikes


def check(evo, run, best=False):
    """A run against its recording."""
    file = run / "policy.onnx"
    which = ["--best"] if best else []
    subprocess.run([evo, "export", run, "--onnx", file, *which], check=True, capture_output=True)
    if best:
        subprocess.run([evo, "record", run, "--episodes", "2", *which], check=True, capture_output=True)
    worst, steps, spikes = compare(run, file, *recorded(run))
    limit = SPIKING if spikes else PERCEPTRON
    print(f"{run.name:<12} {steps:>5} steps, {spikes:>8} spikes, largest difference {worst:.1e}")
    assert worst <= limit, f"{run.name}: actions differ by {worst}"
    return worst


def check_refusal(evo, folder, number, words, controller):
    run = trained(evo, folder, f"refused{number}", "HalfCheetah()", controller)
    done = subprocess.run([evo, "export", run, "--onnx", folder / "no.onnx"], capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr and not (folder / "no.onnx").exists(), done.stderr


def main():
    evo = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as threads:
        folder = Path(folder)
        # Networks in continuous time have no ONNX, and `evo export` says so.
        in_ticks = {name: text for name, text in CONTROLLERS.items() if not text.startswith("Events(")}
        jobs = [(name, "HalfCheetah()", controller) for name, controller in in_ticks.items()]
        jobs += [(name, *job) for name, job in OTHERS.items()]
        runs = list(threads.map(lambda job: trained(evo, folder, *job), jobs))
        for run in runs:
            check(evo, run, best=run.name == "tanh")
        for number, (words, controller) in enumerate(REFUSED.items()):
            check_refusal(evo, folder, number, words, controller)
    print(f"{len(runs)} policies in ONNX Runtime {onnxruntime.__version__} act as recorded")


if __name__ == "__main__":
    main()
