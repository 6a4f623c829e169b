"""Control steps per processor second of one thread of MuJoCo on a reference robot, as JSON.

    pip install mujoco==4.0.0 gymnasium==1.4.0 && python tests/mujoco_speed.py ant --seconds 3

The play is that of `tests/src/play.rs`: uniform controls, a new one in every control step, from the
reference's start, starting anew every 200 control steps. `rollout` runs them inside MuJoCo, so that
no Python stands between two steps. `shipped` is the integrator of Gymnasium's model.
"""
import argparse
import json
import time

import mujoco
import mujoco.rollout
import numpy

from mujoco_envelope import load

EPISODE, EPISODES = 200, 8


def speed(reference, model, seconds):
    substeps = reference["physics_steps_per_control"]
    data = mujoco.MjData(model)
    data.qpos[:] = reference["cases"]["drop"]["start_qpos"]
    kind = mujoco.mjtState.mjSTATE_FULLPHYSICS
    start = numpy.empty(mujoco.mj_stateSize(model, kind))
    mujoco.mj_getState(model, data, start, kind)
    low, high = model.actuator_ctrlrange.T
    random = numpy.random.default_rng(0)
    used, steps = 0.0, 0
    while used < seconds:
        control = random.uniform(low, high, (EPISODES, EPISODE, model.nu)).repeat(substeps, axis=1)
        began = time.process_time()
        mujoco.rollout.rollout(
            [model] * EPISODES, data, numpy.tile(start, (EPISODES, 1)), control, persistent_pool=False
        )
        used += time.process_time() - began
        steps += EPISODES * EPISODE
    return round(steps / used)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("robot")
    parser.add_argument("--seconds", type=float, default=3.0, help="processor time per integrator")
    arguments = parser.parse_args()
    reference, model = load(arguments.robot)
    result = {"robot": arguments.robot, "mujoco": mujoco.__version__}
    result["euler"] = speed(reference, model, arguments.seconds)
    result["shipped_integrator"] = reference["model"]["integrator"]
    integrator = mujoco.mjtIntegrator.mjINT_EULER
    if result["shipped_integrator"] == "RK4":
        integrator = mujoco.mjtIntegrator.mjINT_RK4
    model.opt.integrator = integrator
    result["shipped"] = speed(reference, model, arguments.seconds)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
