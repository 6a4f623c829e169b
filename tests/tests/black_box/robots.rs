//! Robots in `configs/robots`, against the numbers of their sources.

use std::sync::Arc;

use sim::{EngineKind, JointKind, Model, StepOptions, Worlds};
use tests::root;

fn go1() -> Arc<Model> {
    Arc::new(Model::from_mjcf_file(root().join("configs/robots/go1.xml")).expect("it can be read"))
}

/// The numbers are those of MuJoCo Menagerie, unitree_go1/go1.xml, commit 28ffb48.
#[test]
fn the_go1_has_the_masses_joints_and_motors_of_its_source() {
    let model = go1();
    let (hip, thigh, calf) = (0.68, 1.009, 0.195862);
    assert!((model.total_mass() - (5.204 + 4.0 * (hip + thigh + calf))).abs() < 1e-9);
    assert!((model.total_mass() - 12.743448).abs() < 1e-9, "as MuJoCo 4.0.0 adds it up");
    assert_eq!((model.nq(), model.nv(), model.nu()), (19, 18, 12));
    for leg in ["FR", "FL", "RR", "RL"] {
        let (front, left) = (leg.starts_with('F'), leg.ends_with('L'));
        let side = |x: f64| if left { x } else { -x };
        for (part, mass, pos) in [
            ("hip", hip, [if front { 0.1881 } else { -0.1881 }, side(0.04675), 0.0]),
            ("thigh", thigh, [0.0, side(0.08), 0.0]),
            ("calf", calf, [0.0, 0.0, -0.213]),
        ] {
            let body = &model.bodies[model.body(&format!("{leg}_{part}")).expect("a body")];
            assert_eq!((body.mass, body.pos), (mass, pos), "{leg} {part}");
        }
        for (name, axis, range, damping, torque) in [
            ("abduction", [1.0, 0.0, 0.0], [-0.863, 0.863], 1.0, 23.7),
            ("hip", [0.0, 1.0, 0.0], [-0.686, 4.501], 2.0, 23.7),
            ("knee", [0.0, 1.0, 0.0], [-2.818, -0.888], 2.0, 35.55),
        ] {
            let index = model.joint(&format!("{leg}_{name}")).expect("a joint");
            let joint = &model.joints[index];
            assert_eq!(
                (joint.kind, joint.axis, joint.range),
                (JointKind::Hinge, axis, range),
                "{leg} {name}"
            );
            assert_eq!((joint.damping, joint.armature, joint.frictionloss), (damping, 0.01, 0.2));
            let motor = model.actuators.iter().find(|motor| motor.joint == index).expect("a motor");
            let servo = motor.servo.as_ref().expect("a servo");
            assert_eq!((servo.gain, servo.bias[1], servo.forcerange), (100.0, -100.0, [-torque, torque]));
        }
    }
    let stand = &model.keyframes[0].qpos;
    assert_eq!((stand[2], &stand[7..10]), (0.27, &[0.0, 0.9, -1.8][..]));
}

/// Where MuJoCo 4.0.0 has the trunk after 2 s without controls: 0.2765 m with this file, 0.2610 m with the soft feet of
/// the source, which starts at 0.27 m.
#[test]
fn the_go1_stands_and_shakes_in_both_engines() {
    let model = go1();
    let stand: Vec<f32> = model.keyframes[0].qpos.iter().map(|&q| q as f32).collect();
    for (engine, most) in [(EngineKind::Lanes, 0.001), (EngineKind::Rapier, 0.003)] {
        let options = StepOptions { engine, timestep: 0.004, substeps: 5, iterations: 4 };
        let mut worlds = Worlds::new(&model, 1, options, &[]).expect("the engine can do all of it");
        worlds.reset(0, &stand, &vec![0.0; model.nv()]);
        let mut control = [0.0; 12];
        (0..100).for_each(|_| worlds.step(&[true], &control));
        let pose = worlds.view(0).qpos.to_vec();
        assert!((pose[2] - 0.2765).abs() < most, "{engine:?}: {} m", pose[2]);
        assert!(pose[3] > 0.999, "{engine:?}: it is level: {pose:?}");
        let off = pose[7..].iter().zip(&stand[7..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 0.08, "{engine:?}: a joint is {off} rad from where it stands");
        for step in 0..500_u32 {
            let swing = |k: usize| if (step / 7 + k as u32).is_multiple_of(3) { 0.5 } else { -0.5 };
            control = std::array::from_fn(swing);
            worlds.step(&[true], &control);
            assert!(!worlds.bad(0), "{engine:?}: it diverged at step {step}");
        }
        let fastest = worlds.view(0).qvel.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        assert!(fastest < 100.0, "{engine:?}: {fastest}");
    }
}
