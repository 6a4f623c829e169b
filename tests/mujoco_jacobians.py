"""Writes data/physics/jacobians.json: MuJoCo's own derivatives of control steps of the reference robots.

`mjd_transitionFD` with centred differences and the Euler integrator in every physics step, chained over those of a
control step, from states on the trajectories `euler` of the reference data.

Usage: python tests/mujoco_jacobians.py [FILE] (with MuJoCo 4.0.0 and NumPy). With FILE, every fourth state of every
trajectory goes there: 4 MB, for `JACOBIANS=FILE cargo test -p sim jacobians_are -- --nocapture`.
"""

import json
import sys
from pathlib import Path

import mujoco
import numpy as np

HERE = Path(__file__).parent
ASSETS = HERE.parent / "envs" / "assets"
DATA = HERE / "data" / "physics"
ROBOTS = ["ant", "half_cheetah", "hopper", "humanoid", "humanoid_standup", "inverted_double_pendulum",
          "inverted_pendulum", "pusher", "reacher", "swimmer", "walker2d"]
ROWS = [("drop", 10), ("drop", 30), ("sine_01", 15), ("sine_03", 25), ("air_sine_03", 12)]
FEW = [("drop", 30), ("sine_03", 25), ("air_sine_03", 12)]
EPS = 1e-6


def chain(model, data, start, substeps, eps):
    """Jacobian of a control step by state and controls, rows of constraints in it, rows that began or ended in it."""
    data.qpos[:], data.qvel[:], data.ctrl[:] = start
    data.qacc_warmstart[:] = 0
    nx, nu = 2 * model.nv, model.nu
    total = np.hstack([np.eye(nx), np.zeros((nx, nu))])
    a, b = np.zeros((nx, nx)), np.zeros((nx, nu))
    rows = 0
    for _ in range(substeps):
        mujoco.mj_forward(model, data)
        rows = max(rows, data.nefc)
        mujoco.mjd_transitionFD(model, data, eps, 1, a, b, None, None)
        total = a @ total
        total[:, nx:] += b
        mujoco.mj_step(model, data)
    return total, rows


def entry(robot, wanted):
    reference = json.loads((DATA / f"{robot}.json").read_text())
    model = mujoco.MjModel.from_xml_path(str(ASSETS / f"{robot}.xml"))
    model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
    model.opt.iterations, model.opt.tolerance = 200, 1e-15
    model.opt.ls_iterations = 200
    data = mujoco.MjData(model)
    substeps = reference["physics_steps_per_control"]
    states = []
    for case, row in wanted:
        run = reference["cases"][case]
        data.qpos[:] = run["euler"]["qpos"][row]
        mujoco.mj_normalizeQuat(model, data.qpos)
        # As the engines hold them.
        start = [np.array(x, np.float32).astype(float)
                 for x in (data.qpos, run["euler"]["qvel"][row], run["control"][row])]
        jacobian, rows = chain(model, data, start, substeps, EPS)
        after = [data.qpos.copy(), data.qvel.copy()]
        # How sure the differences are themselves: where a contact begins within one, not at all.
        other, _ = chain(model, data, start, substeps, EPS / 10)
        doubt = np.linalg.norm(jacobian - other) / np.linalg.norm(jacobian)
        number = lambda x: float(f"{x:.6g}")
        states.append({
            "case": case, "row": row, "rows": rows, "doubt": number(doubt),
            "qpos": [float(np.float32(x)) for x in start[0]], "qvel": [float(np.float32(x)) for x in start[1]],
            "control": [float(np.float32(x)) for x in start[2]],
            "next_qpos": [number(x) for x in after[0]], "next_qvel": [number(x) for x in after[1]],
            "jacobian": [number(x) for x in jacobian.ravel()],
        })
    return {"robot": robot, "substeps": substeps, "states": states}


def main():
    if len(sys.argv) > 1:
        out = Path(sys.argv[1])
        every = [(case, row) for case in ("drop", "sine_01", "sine_03", "air_sine_03") for row in range(0, 40, 4)]
        wanted = {robot: every for robot in ROBOTS}
    else:
        out = DATA / "jacobians.json"
        wanted = {robot: FEW if robot.startswith("humanoid") else ROWS for robot in ROBOTS}
    entries = [entry(robot, wanted[robot]) for robot in ROBOTS]
    out.write_text(json.dumps(entries, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
