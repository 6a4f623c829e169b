#!/usr/bin/env python3
"""What a linear controller loses when spikes carry its observations: the same weights behind spiking neurons.

    tests/spike_code.py results/runs/RUN/checkpoints/stage_linear.safetensors [--episodes N]

Each observation x drives `copies` push-pull pairs of integrate-and-fire neurons with currents 0.5 + s ± 0.12 x, where s
is spread over the pairs; the readout has the linear controller's weights. Evaluates every code of `CODES` on the same
episodes (`evo eval`). Needs: pip install numpy safetensors.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parent.parent
# Pairs per observation, ticks, share of the readout kept per tick, whether neurons start anew in each control step.
CODES = [
    (1, 4, 0.7, False),
    (1, 4, 0.9, False),
    (1, 8, 0.9, False),
    (1, 32, 0.9, False),
    (1, 32, 0.95, False),
    (4, 4, 0.8, False),
    (16, 4, 0.7, False),
    (16, 4, 0.9, False),
    (4, 8, 0.8, True),
    (16, 4, 0.7, True),
    (16, 8, 0.8, True),
]
# Current per unit of an observation, and the largest distance of a pair's bias from ½.
DRIVE, SPREAD = 0.12, 0.4
# Weights per θ: of the input layer, as of the readout, over the root of the number of sources.
INPUT_GAIN, OUTPUT_GAIN = 2.0, 140.0


def evo(*words):
    """What the program prints."""
    command = ["cargo", "run", "-q", "-p", "evo", "--", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def read(path):
    """Metadata and tensors of a checkpoint."""
    with safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["spindle"]), {name: file.get_tensor(name) for name in file.keys()}


def network(folder, base, inputs, code):
    """A fresh checkpoint of the spiking network of a code, for its layout."""
    copies, ticks, decay, fresh = code
    layer = (
        f'neurons: {2 * inputs * copies}, model: "if", reset: Some("subtract"), push_pull: true,'
        f" fresh: {str(fresh).lower()}"
    )
    config, run = folder / "code.ron", folder / "-".join(map(str, code))
    config.write_text(
        f"(base: {json.dumps(str(base))}, controller: Snn(hidden: [Dense({layer})], ticks: {ticks}, decoder:"
        f' Membrane(parameters: {{"decay": {decay}}}), input_gain: {INPUT_GAIN}, output_gain: {OUTPUT_GAIN}),'
        " strategy: OpenEs(population: 2, sigma: 0.01), stages: [],"
        " rollout: (horizon: 1), run: (generations: 1, eval_every: 0, eval_episodes: 1))"
    )
    evo("--config", config, "--out", run, "-q")
    return read(run / "checkpoints/last.safetensors")


def behind_spikes(linear, code, gain, meta, tensors):
    """The checkpoint of a network with the linear controller's weights behind a code."""
    copies, inputs = code[0], len(linear["observation.mean"])
    outputs = len(linear["mean"]) // (inputs + 1)
    weights, bias = np.split(linear["mean"], [inputs * outputs])
    weights = weights.reshape(inputs, outputs) * gain / np.sqrt(inputs)
    pairs = inputs * copies
    into = np.zeros((inputs + 1, pairs))
    into[np.repeat(np.arange(inputs), copies), np.arange(pairs)] = DRIVE
    spread = np.linspace(-SPREAD, SPREAD, copies) if copies > 1 else np.zeros(1)
    into[-1] = 0.5 + np.tile(spread, inputs)
    # The rates of a pair differ by 2 · DRIVE per unit of the observation.
    out = np.repeat(weights, copies, axis=0) / (2 * DRIVE * copies) / (OUTPUT_GAIN / np.sqrt(2 * pairs))
    theta = np.concatenate([(into / (INPUT_GAIN / np.sqrt(inputs))).ravel(), out.ravel(), bias])
    for name in ("mean", "best", "strategy.mean"):
        tensors[name] = theta.astype(tensors[name].dtype)
    for name in ("count", "mean", "m2"):
        tensors[f"observation.{name}"] = tensors[f"best.observation.{name}"] = linear[f"observation.{name}"]
    # The first version of checkpoints has no hash of its contents.
    return {key: value for key, value in meta.items() if key != "blake3"} | {"format": 1}, tensors


def row(name, policy, episodes):
    """A line of the table."""
    report = json.loads(evo("eval", policy, "--episodes", episodes, "--json"))
    score = f"{report['return_mean']:.0f} ± {report['return_std']:.0f} | {min(report['returns']):.0f}"
    print("|", " | ".join(map(str, name)), "|", score, f"| {report['terminated']} of {report['episodes']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("linear", type=Path, help="a checkpoint of a linear controller")
    parser.add_argument("--episodes", type=int, default=100)
    given = parser.parse_args()
    meta, linear = read(given.linear)
    controller = meta["config"]["controller"].get("Mlp")
    if controller is None or controller["hidden"]:
        sys.exit(f"{given.linear} is no linear controller")
    print("| pairs per observation | ticks | kept per tick | starts anew | return | lowest | ended early |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    row(("the linear controller", "", "", ""), given.linear, given.episodes)
    with tempfile.TemporaryDirectory() as folder:
        base, checkpoint = Path(folder) / "base.ron", Path(folder) / "code.safetensors"
        base.write_text(evo("--config", given.linear.resolve().parent.parent / "config.ron", "--dry-run"))
        for code in CODES:
            made = network(Path(folder), base, len(linear["observation.mean"]), code)
            meta, tensors = behind_spikes(linear, code, controller["output_gain"], *made)
            save_file(tensors, checkpoint, {"spindle": json.dumps(meta)})
            row((*code[:3], "yes" if code[3] else "no"), checkpoint, given.episodes)


if __name__ == "__main__":
    main()
