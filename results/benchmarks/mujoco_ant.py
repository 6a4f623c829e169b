"""Control steps of Gymnasium's ant per processor second in MuJoCo, with random controls.

    pip install mujoco gymnasium && python mujoco_ant.py

RK4 is the model as Gymnasium ships it; Euler is the same model with one evaluation per step.
"""
import os
import time

import gymnasium
import mujoco
import numpy

folder = os.path.dirname(gymnasium.__file__)
model = mujoco.MjModel.from_xml_path(os.path.join(folder, "envs/mujoco/assets/ant.xml"))
for integrator in ("RK4", "EULER"):
    model.opt.integrator = getattr(mujoco.mjtIntegrator, "mjINT_" + integrator)
    data = mujoco.MjData(model)
    random = numpy.random.default_rng(0)
    began, steps = time.process_time(), 4000
    for step in range(steps):
        if step % 400 == 0:
            mujoco.mj_resetData(model, data)
        data.ctrl[:] = random.uniform(-1.0, 1.0, model.nu)
        mujoco.mj_step(model, data, 5)
    print(integrator, round(steps / (time.process_time() - began)))
