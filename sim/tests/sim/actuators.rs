//! Servos of both engines against MuJoCo.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sim::{EngineKind, Model, Parameters, StepOptions, Worlds};

/// Three pendulums: a position servo at the end of its forces, a velocity servo, a general one.
const SERVOS: &str = r#"<mujoco><option timestep="0.002" integrator="Euler"/>
<default><general gainprm="3" biastype="affine" biasprm="0.1 -2 -0.05"/>
  <default class="s"><position kp="30" kv="0.5" forcerange="-4 4"/></default></default>
<worldbody>
  <body><joint name="a" axis="0 1 0" damping="0.1" range="-60 60"/>
    <geom size="0.1" pos="0 0 -0.5" mass="1" contype="0" conaffinity="0"/></body>
  <body pos="2 0 0"><joint name="b" axis="0 1 0" damping="0.1"/>
    <geom size="0.1" pos="0 0 -0.5" mass="1" contype="0" conaffinity="0"/></body>
  <body pos="4 0 0"><joint name="c" axis="0 1 0" damping="0.1"/>
    <geom size="0.1" pos="0 0 -0.5" mass="1" contype="0" conaffinity="0"/></body>
</worldbody>
<actuator><position class="s" joint="a" gear="1.5" inheritrange="0.5"/>
  <velocity joint="b" kv="2" ctrlrange="-1 1"/><general joint="c" gear="2"/></actuator></mujoco>"#;

const CONTROLS: [f32; 3] = [0.9, 1.5, 0.7];

fn worlds(engine: EngineKind, substeps: usize) -> Worlds {
    let model = Arc::new(Model::from_mjcf(SERVOS, "m.xml").unwrap());
    let options = StepOptions { engine, timestep: 0.002, substeps, iterations: 4 };
    Worlds::new(&model, 1, options, &[]).unwrap()
}

/// After 25 and 100 steps of MuJoCo 4.0's Euler with these controls.
#[test]
fn servos_move_as_in_mujoco() {
    for engine in EngineKind::ALL {
        let tolerance = if engine == EngineKind::Rapier { 2e-2 } else { 2e-5 };
        for (steps, qpos, qvel) in [
            (25, [0.030_365, 0.008_959, 0.021_842], [1.159_733, 0.321_823, 0.823_708]),
            (100, [0.399_398, 0.092_996, 0.273_023], [2.398_431, 0.680_218, 2.145_08]),
        ] {
            let mut worlds = worlds(engine, steps);
            worlds.step(&[true], &CONTROLS);
            let view = worlds.view(0);
            for (got, expected) in view.qpos.iter().zip(qpos).chain(view.qvel.iter().zip(qvel)) {
                let off = (got - expected).abs();
                let room = tolerance * expected.abs().max(1.0);
                assert!(off < room, "{engine:?}, {steps} steps: {:?} {:?}", view.qpos, view.qvel);
            }
        }
    }
}

#[test]
fn a_broken_servo_lets_go() {
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, 25);
        let parameters = Parameters { gear: vec![0.0, 1.0, 0.0], ..Parameters::nominal(worlds.model()) };
        worlds.set_parameters(0, &parameters).unwrap();
        worlds.step(&[true], &CONTROLS);
        let qpos = worlds.view(0).qpos;
        assert!(qpos[0].abs() < 1e-6 && qpos[2].abs() < 1e-6, "{engine:?}: {qpos:?}");
        assert!(qpos[1] > 0.008, "{engine:?}: {qpos:?}");
    }
}
