#!/usr/bin/env python3
"""Runs the Python of docs/data.md, docs/nir.md and docs/how-to/leave.md as it stands, then reads an event file with
TensorBoard and compares every scalar.

    python3 tests/python_data.py target/debug/evo

Needs: pip install numpy pandas safetensors tensorboard nir h5py onnxruntime.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import pandas
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = Path(__file__).resolve().parent.parent
TAGS = {
    "env_steps": "progress/env_steps",
    "evaluations": "progress/evaluations",
    "env_steps_per_s": "progress/env_steps_per_s",
    "fitness_best": "training/fitness_best",
    "fitness_mean": "training/fitness_mean",
    "fitness_std": "training/fitness_std",
    "episode_length_mean": "training/episode_length_mean",
    "eval_return_mean": "evaluation/return_mean",
    "eval_return_std": "evaluation/return_std",
    "spike_rate": "controller/spike_rate",
    "synops_per_step": "controller/synops_per_step",
    "energy_pj_per_step": "controller/energy_pj_per_step",
    "sigma": "search/sigma",
    "members": "search/members",
    "noise_in_actions": "search/noise_in_actions",
    "step_length": "search/step_length",
    "step_along": "search/step_along",
}


def run_docs(page, evo=None):
    """The Python blocks of a page in order, in one namespace, with `evo` after the commands that make their
    results. Prints are left out, and so are blocks that say why they are not run."""
    text = (ROOT / page).read_text()
    names, count = {}, 0
    for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        if language == "sh" and evo:
            for line in block.strip().splitlines():
                words = shlex.split(line, comments=True)
                if words[:5] == ["cargo", "run", "-p", "evo", "--"]:
                    subprocess.run([evo, *words[5:]], check=True, capture_output=True, text=True)
        elif language == "python":
            names["print"] = lambda *_: None
            line = text[: text.index(block)].count("\n")
            # Its lines keep their numbers in messages.
            exec(compile("\n" * line + block, page, "exec"), names)
            count += 1
    assert count >= 1, f"{page}: no blocks in Python"
    return count


def compare(run):
    """Every cell of metrics.csv is a scalar of TensorBoard, and the other way round."""
    metrics = pandas.read_csv(run / "metrics.csv")
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    tags = set(events.Tags()["scalars"])
    for column in metrics.columns.drop(["generation", "wall_s"]):
        tag = TAGS.get(column, f"reward/{column}")
        rows = metrics.dropna(subset=column)
        if rows.empty:
            continue
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == list(rows.generation), tag
        assert [scalar.wall_time for scalar in scalars] == list(rows.wall_s), tag
        values = numpy.array([scalar.value for scalar in scalars], dtype=numpy.float32)
        assert (values == rows[column].to_numpy(numpy.float32)).all(), tag
        tags.remove(tag)
    assert not tags, tags
    return len(metrics)


def main():
    evo = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for folder in ("configs", "tests"):
            os.symlink(ROOT / folder, folder)
        blocks = run_docs("docs/data.md", evo)
        run = Path("results/runs/first")
        subprocess.run([evo, "nir", "export", run, "--out", "controller.nir"], check=True, capture_output=True)
        subprocess.run([evo, "export", run, "--onnx", "policy.onnx"], check=True, capture_output=True)
        blocks += sum(run_docs(page) for page in ["docs/nir.md", "docs/how-to/leave.md"])
        before = compare(run)
        # Resumed from its checkpoint, after a crash in the middle of a record.
        events = run / "events.out.tfevents.0"
        os.truncate(events, events.stat().st_size - 7)
        subprocess.run([evo, "resume", run, "--generations", str(before + 5), "-q"], check=True)
        assert compare(run) == before + 5
        os.chdir(ROOT)
    print(f"{blocks} blocks in Python run; TensorBoard reads {before + 5} generations")


if __name__ == "__main__":
    main()
