"""Cost of a control step with its Jacobian, lanes and MuJoCo in turns, as a Markdown row: medians of processor time.

    cargo build -p sim --example jacobian_speed
    python tests/jacobian_speed.py target/debug/examples/jacobian_speed ant half_cheetah

MuJoCo: `mjd_transitionFD` with centred differences and a step, in each physics step with the Euler integrator, with
the model's own solver settings; the products that chain them are not counted. Both play random controls from the
model's configuration, anew every 100 control steps. Lanes sweeps ten times, and once more fifty times.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from statistics import median

import mujoco
import numpy as np

HERE = Path(__file__).parent


def mujoco_times(model, substeps, seconds):
    """µs of a control step, and of one with its derivatives."""
    data = mujoco.MjData(model)
    rng = np.random.default_rng(1)
    a, b = np.zeros((2 * model.nv, 2 * model.nv)), np.zeros((2 * model.nv, model.nu))
    out = []
    for derivatives in (False, True):
        used, steps = 0.0, 0
        while used < seconds:
            if steps % 100 == 0:
                mujoco.mj_resetData(model, data)
                data.qvel[:] = rng.uniform(-0.1, 0.1, model.nv)
            data.ctrl[:] = rng.uniform(*model.actuator_ctrlrange.T)
            began = time.process_time_ns()
            if derivatives:
                for _ in range(substeps):
                    mujoco.mjd_transitionFD(model, data, 1e-6, 1, a, b, None, None)
                    mujoco.mj_step(model, data)
            else:
                mujoco.mj_step(model, data, substeps)
            used += (time.process_time_ns() - began) / 1e9
            steps += 1
        out.append(used / steps * 1e6)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("example")
    parser.add_argument("robots", nargs="+")
    parser.add_argument("--seconds", type=float, default=1.0, help="processor time per figure and turn")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    for robot in arguments.robots:
        path = HERE.parent / "envs" / "assets" / f"{robot}.xml"
        reference = json.loads((HERE / "data" / "physics" / f"{robot}.json").read_text())
        substeps = reference["physics_steps_per_control"]
        model = mujoco.MjModel.from_xml_path(str(path))
        model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
        figures = {}
        for _ in range(arguments.turns):
            for sweeps in (10, 50):
                command = [arguments.example, path, substeps, sweeps, arguments.seconds]
                printed = subprocess.run([str(x) for x in command], check=True, capture_output=True).stdout
                for name, value in json.loads(printed).items():
                    figures.setdefault((sweeps, name), []).append(value)
            for name, value in zip(("plain", "jacobian"), mujoco_times(model, substeps, arguments.seconds)):
                figures.setdefault(name, []).append(value)
        print(robot, f"{2 * model.nv + model.nu} directions", {str(k): round(median(v), 2) for k, v in figures.items()})
        f = {k: median(v) for k, v in figures.items()}
        for sweeps in (10, 50):
            for n in (1, 64):
                own, plain = f[sweeps, f"jacobian_{n}"], f[sweeps, f"plain_{n}"]
                print(f"| {robot} | {sweeps} | {n} | {own:.0f} | {own / plain:.1f} | {f['jacobian'] / own:.1f} |")


if __name__ == "__main__":
    main()
