"""Writes data/physics/kinematics.json: where MuJoCo puts bodies, joints and the centre of mass.

Usage: python tests/mujoco_kinematics.py (with MuJoCo 4.0.0 and NumPy)
"""

import json
from pathlib import Path

import mujoco
import numpy as np

HERE = Path(__file__).parent
ASSETS = HERE.parent / "envs" / "assets"

# Every kind of joint, several on one body, off-centre anchors, turned frames, a reference angle, a
# body without joints, and a body that is fixed in the world.
CREATURE = """<mujoco>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body pos="1 2 0.3" euler="10 0 0"><geom type="box" size="0.1 0.2 0.3"/></body>
    <body pos="0 0 0.4" euler="20 30 40"><freejoint/><geom type="capsule" size="0.1 0.2" mass="2"/>
      <body pos="0.2 0.1 0" euler="0 50 10"><joint type="ball" pos="-0.1 0 0"/>
        <geom type="capsule" size="0.05 0.1" mass="0.5" pos="0.1 0 0"/>
        <body pos="0.2 0 0">
          <joint type="hinge" axis="0 1 0" pos="0 0.1 0"/>
          <joint type="hinge" axis="1 0 1" ref="25"/>
          <joint type="slide" axis="1 0 0" ref="0.05"/>
          <geom type="sphere" size="0.08" mass="0.3" pos="0.05 0.02 0"/>
          <body pos="0 0.1 0.1" quat="1 0.2 0 0.3"><geom type="sphere" size="0.03" mass="0.1"/></body>
        </body></body></body>
    <body pos="0 1 0"><joint type="slide" axis="0 0 1" pos="0.3 0 0"/><joint type="hinge" axis="0 1 0"/>
      <geom type="ellipsoid" size="0.1 0.2 0.3"/></body>
  </worldbody>
</mujoco>"""


def entry(name, xml, rng):
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    cases = []
    for k in range(4):
        data.qpos[:] = model.qpos0
        if k > 0:
            data.qpos += rng.normal(0, 0.7, model.nq)
            mujoco.mj_normalizeQuat(model, data.qpos)
        # As recordings hold it.
        data.qpos[:] = data.qpos.astype(np.float32)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        com = (model.body_mass[:, None] * data.xipos).sum(0) / model.body_mass.sum()
        arrays = {"qpos": data.qpos, "xpos": data.xpos, "xquat": data.xquat,
                  "xanchor": data.xanchor, "xaxis": data.xaxis, "com": com}
        cases.append({key: np.round(value, 7).tolist() for key, value in arrays.items()})
    return {"name": name, "mjcf": xml, "cases": cases}


def main():
    rng = np.random.default_rng(6)
    robots = [("creature", CREATURE)]
    robots += [(path.stem, path.read_text()) for path in sorted(ASSETS.glob("*.xml"))]
    entries = [entry(name, xml, rng) for name, xml in robots]
    out = HERE / "data" / "physics" / "kinematics.json"
    out.write_text(json.dumps(entries, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
