#!/usr/bin/env python3
"""Makes the table of results: trains every shipped config, evaluates what came out in lanes, rapier and Gymnasium.

    tests/results.py [NAME…] [--seeds 1 2 3] [--threads N] [--table]

NAME is a config of `CONFIGS` below, such as `hopper`; all of them if none is named. Runs lie in `results/runs/results`
and numbers in `NUMBERS` beside the table. The same command goes on after a break: runs are resumed, and what has been
measured is not measured again. `--table` only writes the table of what there is, `results/benchmarks/results.md`.

Each row is the mean of the last distribution: 1000 episodes in lanes and 100 in rapier (`evo eval`), 100 in Gymnasium's
environment as shipped (`tests/judge.py`), none of which training has seen.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "results/runs/results"
TABLE = ROOT / "results/benchmarks/results.md"
NUMBERS = ROOT / "results/benchmarks/results/numbers.json"
MARKS = ("<!-- table: tests/results.py -->\n", "<!-- end of the table -->\n")
# Files of configs/, without `.ron`, and those of their stages that have a row beside the last one.
CONFIGS = {
    "ant": [],
    "ant_lanes": [],
    "ant_imitate": ["run"],
    "humanoid": ["linear"],
    "half_cheetah": ["faster"],
    "hopper": ["perceptron"],
    "walker2d": ["linear"],
    "swimmer": [],
    "inverted_pendulum": [],
    "inverted_double_pendulum": [],
    "reacher": ["perceptron"],
    "pusher": ["still"],
    "humanoid_standup": [],
    "grasp": ["perceptron"],
    "push_to_goal": ["perceptron"],
    "ant_direction": ["run"],
    "ant_terrain": ["run"],
    "ant_breaking_leg": ["run"],
}
ENGINES = {"lanes": 1000, "rapier": 100}
JUDGED = 100


def run(command, check=True):
    """Runs a command in the project's folder; its output, and the processor seconds of it and of what it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if check and done.returncode:
        sys.exit(f"results: {' '.join(map(str, command))}: exit status {done.returncode}")
    return done, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def evo(*arguments):
    return ["cargo", "run", "-q", "-p", "evo", "--", *map(str, arguments)]


def write(path, text):
    """All of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".tmp")
    part.write_text(text)
    os.replace(part, path)


def trained(name, seed, threads, row):
    """The run of a config, gone on with until it is finished; `row` collects what it has cost."""
    folder = RUNS / f"{name}__s{seed}"
    if not (folder / "summary.json").is_file():
        more = ["--threads", threads] if threads else []
        if folder.is_dir():
            row["broken_off"] = True
            _, seconds = run(evo("resume", folder, "-q", *more))
        else:
            _, seconds = run(evo("--config", f"{name}.ron", "--seed", seed, "--out", folder, "-q", *more))
        row["cpu_s"] = row.get("cpu_s", 0.0) + seconds
    return folder


def measured(policy, row, save):
    """Adds what is missing of the scores of a run or checkpoint."""
    for engine, episodes in ENGINES.items():
        if engine not in row:
            report = json.loads(run(evo("eval", policy, "--engine", engine, "--episodes", episodes, "--json"))[0].stdout)
            row[engine] = {
                "mean": report["return_mean"],
                "std": report["return_std"],
                "lowest": min(report["returns"]),
                "ended_early": report["terminated"],
                "episodes": report["episodes"],
            }
            if "successes" in report:
                row[engine]["successes"] = report["successes"]
            save()
    if "gymnasium" not in row:
        judge = [sys.executable, ROOT / "tests/judge.py", policy, "--episodes", JUDGED, "--json"]
        done, _ = run(list(map(str, judge)), check=False)
        if done.returncode == 2:
            # It has said why.
            row["gymnasium"] = None
        elif done.returncode:
            sys.exit(f"results: the judge has failed at {policy}")
        else:
            report = json.loads(done.stdout)
            row["gymnasium"] = {
                "mean": report["return_mean"],
                "std": report["return_std"],
                "lowest": report["lowest"],
                "ended_early": report["falls"],
                "episodes": report["episodes"],
                "environment": report["environment"],
            }
        save()


def describe(checkpoint, stage):
    """Controller and search of a checkpoint in words, and its control steps."""
    with open(checkpoint, "rb") as file:
        # Format: https://huggingface.co/docs/safetensors
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    meta = json.loads(header["__metadata__"]["spindle"])
    config = meta["config"]
    (kind, controller), = config["controller"].items()
    hidden = controller["hidden"]
    if kind == "Mlp":
        words = f"perceptron {'-'.join(map(str, hidden))}" if hidden else "linear"
    else:
        words = "spiking " + "-".join(
            f"{layer['neurons']}{'r' if form == 'Recurrent' else ''}" for part in hidden for form, layer in part.items()
        )
    task = config.get("task")
    search = next(iter(task)) if task else next(iter(config["strategy"]))
    # A stage's checkpoint counts its own steps.
    with open(checkpoint.parent.parent / "metrics.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not stage or row.get("stage") == stage]
    return {"controller": words, "search": search, "stage": stage, "env_steps": float(rows[-1]["env_steps"])}


def number(value):
    """Three or four figures that mean something."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def cells(score):
    if not score:
        return ["–"] * 3
    share = f"{score['ended_early']} of {score['episodes']}"
    if "successes" in score:
        share += f"; {score['successes']} succeed"
    return [f"{number(score['mean'])} ± {number(score['std'])}", number(score["lowest"]), share]


def table(numbers):
    """Rows of Markdown."""
    names = ["mean ± std", "lowest", "ended early"]
    heads = ["config", "seed", "controller", "by"]
    heads += [f"{place}: {name}" for place in ("lanes", "Gymnasium", "rapier") for name in names]
    heads += ["control steps", "processor s", "commit"]
    yield "| " + " | ".join(heads) + " |"
    yield "| --- " * len(heads) + "|"
    order = {name: index for index, name in enumerate(CONFIGS)}
    for row in sorted(numbers.values(), key=lambda row: (order[row["config"]], row["last"], row["seed"])):
        what = row["what"]
        by = what["search"] + (f", stage {what['stage']}" if what["stage"] else "")
        cost = f"{row['cpu_s']:.0f}" if row.get("cpu_s") and not row.get("broken_off") else ""
        values = [f"`{row['config']}`", str(row["seed"]), what["controller"], by]
        for place in ("lanes", "gymnasium", "rapier"):
            values += cells(row.get(place))
        values += [f"{what['env_steps'] / 1e6:.1f}M", cost, row["commit"][:7]]
        yield "| " + " | ".join(values) + " |"


def main():
    parser = argparse.ArgumentParser(
        prog="tests/results.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="configs (all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3], metavar="N")
    parser.add_argument("--threads", type=int, metavar="N", help="per run (one per core)")
    parser.add_argument("--table", action="store_true", help="only write the table")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in CONFIGS:
            parser.error(f"{name}: no config of the table (valid: {', '.join(CONFIGS)})")
    numbers = json.loads(NUMBERS.read_text()) if NUMBERS.is_file() else {}

    def save():
        write(NUMBERS, json.dumps(numbers, indent=1, sort_keys=True) + "\n")
        if TABLE.is_file():
            text = TABLE.read_text()
            begin, end = text.index(MARKS[0]) + len(MARKS[0]), text.index(MARKS[1])
            write(TABLE, text[:begin] + "\n" + "\n".join(table(numbers)) + "\n\n" + text[end:])

    names = [] if arguments.table else arguments.names or list(CONFIGS)
    for seed, name in ((seed, name) for seed in arguments.seeds for name in names):
        row = numbers.get(f"{name} {seed}", {"config": name, "seed": seed, "last": True})
        print(f"{name}, seed {seed}", file=sys.stderr)
        folder = trained(name, seed, arguments.threads, row)
        commit = json.loads((folder / "provenance.json").read_text())
        row["commit"] = commit["commit"] + ("+" if commit["dirty"] else "")
        row["what"] = describe(folder / "checkpoints/last.safetensors", None)
        numbers[f"{name} {seed}"] = row
        measured(folder, row, save)
        for stage in CONFIGS[name]:
            file = folder / f"checkpoints/stage_{stage}.safetensors"
            key = f"{name} {stage} {seed}"
            before = numbers.get(key, {"config": name, "seed": seed, "last": False})
            numbers[key] = before | {"commit": row["commit"], "what": describe(file, stage)}
            measured(file, numbers[key], save)
    save()


if __name__ == "__main__":
    main()
