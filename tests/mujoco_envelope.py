"""Two facts about MuJoCo's own runs of the reference robots, for `tests/data/physics`:

- envelope.json: the largest rates and the range of heights under random controls, Euler integrator,
  from the reference's start pose, without resets; states are looked at after every control step.
  Worlds that blow up in MuJoCo itself are counted (`bad` of `worlds`) and otherwise left out.
- sensitivity.json: how much a small disturbance of the start grows in each reference case.

    pip install mujoco==4.0.0 gymnasium==1.4.0 && python tests/mujoco_envelope.py
"""
import json
import os

import gymnasium
import mujoco
import numpy

ASSETS = os.path.join(os.path.dirname(gymnasium.__file__), "envs/mujoco/assets")
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data/physics")
FILES = {"humanoid_standup": "humanoidstandup", "pusher": "pusher_v5", "walker2d": "walker2d_v5"}
WORLDS, STEPS = 64, 1000
DISTURBANCE, DISTURBED = 1e-6, 8


def load(name):
    with open(os.path.join(DATA, name + ".json")) as file:
        reference = json.load(file)
    model = mujoco.MjModel.from_xml_path(os.path.join(ASSETS, FILES.get(name, name) + ".xml"))
    table = reference["model"]
    assert (model.nq, model.nv, model.nu) == (table["nq"], table["nv"], table["nu"]), name
    assert abs(model.body_mass.sum() - table["total_mass"]) < 1e-9 * table["total_mass"], name
    assert abs(model.opt.timestep - table["timestep"]) < 1e-12, name
    assert numpy.allclose([g["friction"] for g in table["geoms"]], model.geom_friction), name
    model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
    return reference, model


def parts(model):
    """What each coordinate belongs to, as in `tests/src/reference.rs`: labels of qpos and of qvel."""
    free, slide = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_SLIDE)
    sizes = {0: (7, 6), 1: (4, 3), 2: (1, 1), 3: (1, 1)}
    roots = {
        int(model.jnt_bodyid[j])
        for j in range(model.njnt)
        if int(model.jnt_type[j]) in (free, slide) and model.body_parentid[model.jnt_bodyid[j]] == 0
    }
    labels = ([], [])
    for joint in range(model.njnt):
        kind, root = int(model.jnt_type[joint]), int(model.jnt_bodyid[joint]) in roots
        for label, size in zip(labels, sizes[kind]):
            rest = "turn" if root else "joint"
            if root and kind == free:
                label.extend(["place", "place", "height"] + [rest] * (size - 3))
            elif root and kind == slide:
                label.append("height" if abs(model.jnt_axis[joint][2]) > 0.5 else "place")
            else:
                label.extend([rest] * size)
    return [numpy.array(label) for label in labels]


def envelope(reference, model, bang_bang, random):
    positions, rates = parts(model)
    low, high = model.actuator_ctrlrange.T
    masks = {
        "joint_rate": rates == "joint",
        "root_speed": (rates == "place") | (rates == "height"),
        "root_spin": rates == "turn",
    }
    data = mujoco.MjData(model)
    worlds = []
    for _ in range(WORLDS):
        mujoco.mj_resetData(model, data)
        data.qpos[:] = reference["cases"]["drop"]["start_qpos"]
        qpos, qvel = [], []
        for _ in range(STEPS):
            unit = random.uniform(size=model.nu)
            data.ctrl[:] = low + (high - low) * (unit.round() if bang_bang else unit)
            mujoco.mj_step(model, data, reference["physics_steps_per_control"])
            if sum(warning.number for warning in data.warning):
                break
            qpos.append(data.qpos.copy())
            qvel.append(data.qvel.copy())
        else:
            worlds.append((numpy.array(qpos), numpy.array(qvel)))
    qpos, qvel = (numpy.concatenate(rows) for rows in zip(*worlds))
    most = {
        key: round(float(numpy.abs(qvel[:, mask]).max(initial=0.0)), 4) for key, mask in masks.items()
    }
    height = qpos[:, positions == "height"]
    most["height"] = [round(float(height.min()), 4), round(float(height.max()), 4)] if height.size else None
    return {"worlds": WORLDS, "bad": WORLDS - len(worlds), **most}


def run(reference, model, case, qpos, qvel):
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = qpos, qvel
    rows = []
    for control in case["control"]:
        data.ctrl[:] = control
        mujoco.mj_step(model, data, reference["physics_steps_per_control"])
        rows.append(data.qpos.copy())
    return numpy.array(rows)


def sensitivity(reference, model, case, random):
    """Largest joint RMS over `DISTURBED` disturbed runs, over the size of the disturbance."""
    joints = parts(model)[0] == "joint"
    start, rest = numpy.array(case["start_qpos"]), numpy.zeros(model.nv)
    base = run(reference, model, case, start, rest)
    recorded = numpy.array(case["euler"]["qpos"][1:])
    half = min(round(0.5 / reference["control_dt"]), len(base))
    assert numpy.abs(base - recorded)[: half // 2].max() < 1e-3, "this is the reference's model"
    growth = {"growth_half": 0.0, "growth_one": 0.0}
    for _ in range(DISTURBED):
        disturbed = start.copy()
        mujoco.mj_integratePos(model, disturbed, random.normal(size=model.nv) * DISTURBANCE, 1.0)
        other = run(reference, model, case, disturbed, random.normal(size=model.nv) * DISTURBANCE)
        for key, seconds in (("growth_half", 0.5), ("growth_one", 1.0)):
            steps = min(round(seconds / reference["control_dt"]), len(base))
            rms = float(numpy.sqrt(((other - base)[:steps, joints] ** 2).mean()))
            growth[key] = max(growth[key], rms / DISTURBANCE)
    return {key: float(f"{value:.3g}") for key, value in growth.items()}


def write(name, content):
    with open(os.path.join(DATA, name), "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def main():
    names = sorted(n[:-5] for n in os.listdir(DATA) if n.endswith(".json"))
    names = [n for n in names if n not in ("envelope", "sensitivity")]
    envelopes, sensitivities = {}, {}
    for name in names:
        reference, model = load(name)
        random = numpy.random.default_rng(0)
        sensitivities[name] = {
            case: sensitivity(reference, model, content, random)
            for case, content in reference["cases"].items()
        }
        print(name, sensitivities[name], flush=True)
        envelopes[name] = {
            key: envelope(reference, model, bang_bang, random)
            for key, bang_bang in (("uniform", False), ("bang_bang", True))
        }
        print(name, envelopes[name], flush=True)
    write("sensitivity.json", sensitivities)
    write("envelope.json", envelopes)


if __name__ == "__main__":
    main()
