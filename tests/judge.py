#!/usr/bin/env python3
"""Judges trained controllers in MuJoCo itself: closed loop in Gymnasium's environments as shipped.

    tests/judge.py RUN… [--episodes N] [--seed N] [--best] [--json]

RUN is a run folder (its last checkpoint) or a checkpoint; the controller is the mean of the search distribution, or
with --best the best member that was ever seen, as in `evo eval`. Episode k begins with `reset(seed=SEED + k)`.
Physics, start states, rewards and time limits are those of `gymnasium.make(ID)`; a fall is an episode that ended before
its time limit. What differs from the run's own task is told; what cannot be run is refused by name.

Needs numpy, safetensors and gymnasium[mujoco]. What is missing is installed into a virtual environment in the target
folder, `target/python`.
"""

import argparse
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["numpy", "safetensors", "gymnasium[mujoco]"]


def start_with_packages():
    """Starts this program again in the virtual environment if a package is missing here."""
    try:
        import gymnasium, mujoco, numpy, safetensors  # noqa: F401
    except ImportError as error:
        folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "python"
        python = folder / "bin" / "python"
        if os.environ.get("SPINDLE_NO_PYTHON") or os.environ.get("SPINDLE_JUDGE"):
            sys.exit(f"judge: {error}; needs: pip install {' '.join(PACKAGES)}")
        if not python.exists():
            venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES]
        if subprocess.run(pip, stdout=sys.stderr).returncode != 0:
            sys.exit(f"judge: cannot install {' '.join(PACKAGES)} into {folder}")
        os.execve(python, [str(python), *sys.argv], os.environ | {"SPINDLE_JUDGE": "1"})


def at_least(least):
    """Reads a whole number."""

    def read(text):
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}: must be a whole number, at least {least}")
        return int(text)

    return read


def table(report):
    """Rows for people."""
    first, last = report["rows"][0]["seed"], report["rows"][0]["seed"] + report["rows"][0]["episodes"] - 1
    yield f"gymnasium {report['gymnasium']}, mujoco {report['mujoco']}; seeds of the episodes {first} to {last}"
    width = max(len(row["run"]) for row in report["rows"])
    yield f"{'run':{width}}  {'environment':25} {'return':>17} {'lowest':>9} {'falls':>6} {'length':>7}"
    for row in report["rows"]:
        score = f"{row['return_mean']:.1f} ± {row['return_std']:.1f}"
        yield (
            f"{row['run']:{width}}  {row['environment']:25} {score:>17} {row['lowest']:9.1f} "
            f"{row['falls_share']:6.1%} {row['length_mean']:7.1f}"
        )
        for note in row["notes"]:
            yield f"{'':{width}}  {note}"


def main():
    parser = argparse.ArgumentParser(
        prog="tests/judge.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder or checkpoint")
    parser.add_argument("--episodes", type=at_least(1), default=100, metavar="N", help="per run (100)")
    parser.add_argument("--seed", type=at_least(0), default=1000, metavar="N", help="of the first episode (1000)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--mean", action="store_true", help="take the mean of the distribution (the default)")
    which.add_argument("--best", action="store_true", help="take the best member that was ever seen")
    parser.add_argument("--json", action="store_true", help="print one JSON object: the first run, `rows` if several")
    arguments = parser.parse_args()
    start_with_packages()
    from closed_loop.episodes import Judge, versions
    from closed_loop.policy import Policy
    from closed_loop.refusal import Refused

    try:
        # All are checked before the first one runs.
        judges = [Judge(Policy(run, arguments.best)) for run in arguments.runs]
    except Refused as refusal:
        print(f"judge: {refusal}", file=sys.stderr)
        sys.exit(2)
    rows = []
    for judge in judges:
        try:
            rows.append(judge.run(arguments.episodes, arguments.seed))
        except Refused as refusal:
            print(f"judge: {judge.policy.file}: {refusal}", file=sys.stderr)
            sys.exit(1)
    if arguments.json:
        several = {"rows": rows} if len(rows) > 1 else {}
        print(json.dumps(versions() | rows[0] | several))
    else:
        print("\n".join(table(versions() | {"rows": rows})))


if __name__ == "__main__":
    main()
