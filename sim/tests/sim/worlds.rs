//! Batches of worlds: what must hold whatever the robot and the engine.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sim::{Cone, EngineKind, Model, Sensor, SimError, StepOptions, Worlds, approximated, unsupported};

const ANT: &str = include_str!("../../../envs/assets/ant.xml");
const CHEETAH: &str = include_str!("../../../envs/assets/half_cheetah.xml");

fn model(xml: &str) -> Arc<Model> {
    Arc::new(Model::from_mjcf(xml, "test.xml").unwrap())
}

fn options(engine: EngineKind, timestep: f64, substeps: usize, iterations: usize) -> StepOptions {
    StepOptions { engine, timestep, substeps, iterations }
}

fn worlds(engine: EngineKind, model: &Arc<Model>, n: usize, sensors: &[Sensor]) -> Worlds {
    let [iterations, _] = engine.iterations();
    Worlds::new(model, n, options(engine, 0.01, 5, iterations), sensors).unwrap()
}

/// The reference configuration with every limited joint inside its limits.
fn legal(model: &Model) -> Vec<f32> {
    let mut qpos: Vec<f32> = model.qpos0.iter().map(|&x| x as f32).collect();
    for joint in model.joints.iter().filter(|j| j.limited) {
        qpos[joint.qpos_adr] = qpos[joint.qpos_adr].clamp(joint.range[0] as f32, joint.range[1] as f32);
    }
    qpos
}

/// Controls that differ for every step, world and actuator.
fn controls(step: usize, n: usize, nu: usize) -> Vec<f32> {
    (0..n * nu).map(|i| ((step * 31 + i * 17) % 41) as f32 / 20.0 - 1.0).collect()
}

fn bits(worlds: &Worlds, world: usize) -> Vec<u32> {
    let view = worlds.view(world);
    view.qpos.iter().chain(view.qvel).chain(view.sensors).map(|x| x.to_bits()).collect()
}

#[test]
fn an_engine_has_a_name_of_its_own_and_reasonable_numbers() {
    for engine in EngineKind::ALL {
        let [quick, exact] = engine.iterations();
        assert!(engine.batch() >= 1 && (1..=exact).contains(&quick), "{engine:?}");
        assert_eq!(EngineKind::ALL.iter().filter(|other| other.name() == engine.name()).count(), 1);
    }
}

#[test]
fn a_world_does_not_depend_on_its_neighbours() {
    for engine in EngineKind::ALL {
        // Lanes: two full registers and a part of a third.
        let n = 2 * engine.batch() + 2;
        let watched = n - 2;
        for xml in [ANT, CHEETAH] {
            let model = model(xml);
            let nu = model.nu();
            let mut alone = worlds(engine, &model, 1, &[Sensor::ContactForce(1)]);
            let mut many = worlds(engine, &model, n, &[Sensor::ContactForce(1)]);
            for step in 0..60 {
                let all = controls(step, n, nu);
                alone.step(&[true], &all[watched * nu..(watched + 1) * nu]);
                // Every other world rests from half-time on.
                let active: Vec<bool> = (0..n).map(|i| i % 2 == watched % 2 || step < 30).collect();
                many.step(&active, &all);
                assert_eq!(bits(&alone, 0), bits(&many, watched), "step {step}");
            }
        }
    }
}

#[test]
fn a_world_that_rests_goes_on_with_the_forces_that_it_had() {
    let humanoid = include_str!("../../../envs/assets/humanoid.xml");
    for engine in EngineKind::ALL {
        for xml in [ANT, humanoid] {
            let model = model(xml);
            let (n, nu) = (3, model.nu());
            let mut alone = worlds(engine, &model, 1, &[Sensor::ContactForce(1)]);
            let mut many = worlds(engine, &model, n, &[Sensor::ContactForce(1)]);
            let (start, still) = (legal(&model), vec![0.0; model.nv()]);
            for step in 0..80 {
                let all = controls(step, n, nu);
                // The neighbours touch while it rests, and fly while it touches.
                if step % 10 == 9 {
                    (0..n).filter(|&world| world != 1).for_each(|world| many.reset(world, &start, &still));
                }
                let moves = step % 3 != 1;
                if moves {
                    alone.step(&[true], &all[nu..2 * nu]);
                }
                many.step(&[true, moves, true], &all);
                assert_eq!(bits(&alone, 0), bits(&many, 1), "step {step}");
            }
        }
    }
}

#[test]
fn snapshots_and_resets_forget_nothing_and_keep_nothing() {
    for engine in EngineKind::ALL {
        for xml in [ANT, CHEETAH] {
            let model = model(xml);
            let nu = model.nu();
            let mut worlds = worlds(engine, &model, 2, &[]);
            let run = |worlds: &mut Worlds, from: usize| -> Vec<u32> {
                (from..from + 40).for_each(|step| worlds.step(&[true, false], &controls(step, 2, nu)));
                bits(worlds, 0)
            };
            let first = run(&mut worlds, 0);
            let saved = worlds.snapshot(0);
            let second = run(&mut worlds, 40);
            worlds.restore(0, &saved);
            assert_eq!(bits(&worlds, 0), first, "restored");
            assert_eq!(run(&mut worlds, 40), second, "continued from the snapshot");
            let (qpos, qvel): (Vec<f32>, _) =
                (model.qpos0.iter().map(|&x| x as f32).collect(), vec![0.0; model.nv()]);
            worlds.reset(0, &qpos, &qvel);
            assert_eq!(run(&mut worlds, 0), first, "a reset world repeats its first run");
        }
    }
}

/// The model's reference pose is where worlds are made; it has no say in where they start.
#[test]
fn the_first_step_touches_what_is_touched_at_the_start() {
    for engine in EngineKind::ALL {
        for (reference, start) in [(0.05, 3.0), (3.0, 0.05)] {
            let model = model(&format!(
                r#"<mujoco><option gravity="0 0 0"/><worldbody><geom type="plane" size="9 9 1"/>
                <body><joint type="slide"/><geom size="0.1" pos="0 0 2" mass="1"/>
                <body pos="0 0 {reference}"><joint type="slide" ref="{reference}"/><geom size="0.1" mass="1"/></body>
                </body></worldbody></mujoco>"#
            ));
            let options = StepOptions { engine, timestep: 0.002, substeps: 1, iterations: 2 };
            let mut worlds = Worlds::new(&model, 1, options, &[]).unwrap();
            worlds.reset(0, &[0.0, start], &[0.0; 2]);
            worlds.step(&[true], &[]);
            let moved = worlds.view(0).qpos[1] - start;
            if start < 0.1 {
                assert!(moved > 0.0, "{engine:?}: pushed out by {moved} m");
            } else {
                assert_eq!(moved, 0.0, "{engine:?}: nothing touches");
            }
        }
    }
}

#[test]
fn what_is_set_is_what_is_read() {
    for engine in EngineKind::ALL {
        let model = model(ANT);
        let mut worlds = worlds(
            engine,
            &model,
            1,
            &[Sensor::Position(1), Sensor::Velocity(1), Sensor::AngularVelocity(1)],
        );
        let mut qpos = legal(&model);
        // A quarter turn about x, not normalised.
        qpos[3..7].copy_from_slice(&[2.0, 2.0, 0.0, 0.0]);
        let mut qvel = vec![0.0; model.nv()];
        qvel[..6].copy_from_slice(&[1.0, 2.0, 3.0, 0.4, 0.5, 0.6]);
        qvel[7] = 0.3;
        worlds.reset(0, &qpos, &qvel);
        let view = worlds.view(0);
        let half = 0.5f32.sqrt();
        assert!((view.qpos[3] - half).abs() < 1e-6 && (view.qpos[4] - half).abs() < 1e-6, "{:?}", view.qpos);
        assert_eq!(&view.sensors[..3], &qpos[..3], "position");
        assert_eq!(view.qvel, qvel);
        // The angular velocity is the body's in `qvel`, the world's in the sensor: y becomes z, z becomes −y.
        let expected = [1.0, 2.0, 3.0, 0.4, -0.6, 0.5];
        for (value, expected) in view.sensors[3..].iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{:?}", view.sensors);
        }
    }
}

#[test]
fn a_body_in_free_flight_falls_as_newton_says_and_keeps_its_spin() {
    for engine in EngineKind::ALL {
        let model = model(ANT);
        let mut worlds = Worlds::new(&model, 1, options(engine, 0.001, 10, 2), &[]).unwrap();
        let mut qpos = legal(&model);
        qpos[2] = 50.0;
        let mut qvel = vec![0.0; model.nv()];
        qvel[..6].copy_from_slice(&[1.0, 0.0, 2.0, 0.0, 0.0, 1.5]);
        worlds.reset(0, &qpos, &qvel);
        let zero = vec![0.0; model.nu()];
        (0..100).for_each(|_| worlds.step(&[true], &zero));
        let view = worlds.view(0);
        // One second. Semi-implicit Euler is g·h·t/2 low.
        assert!((view.qpos[0] - 1.0).abs() < 2e-3, "x {}", view.qpos[0]);
        assert!((view.qpos[2] - (50.0 + 2.0 - 0.5 * 9.81)).abs() < 1e-2, "z {}", view.qpos[2]);
        // The robot is symmetric about its vertical axis, so that spin stays.
        assert!((view.qvel[5] - 1.5).abs() < 1e-2, "spin {}", view.qvel[5]);
        assert!(view.qpos[7..].iter().zip(&qpos[7..]).all(|(a, b)| (a - b).abs() < 0.03), "joints stay");
    }
}

#[test]
fn a_resting_robot_presses_on_the_floor_with_its_weight() {
    for engine in EngineKind::ALL {
        let model = model(ANT);
        let feet = ["front_left_foot", "front_right_foot", "back_left_foot", "back_right_foot"];
        let sensors: Vec<Sensor> =
            feet.iter().map(|f| Sensor::ContactForce(model.body(f).unwrap())).collect();
        let mut worlds = worlds(engine, &model, 1, &sensors);
        let mut qpos = legal(&model);
        qpos[2] = 0.6;
        for joint in model.joints.iter().filter(|j| j.name.starts_with("ankle")) {
            qpos[joint.qpos_adr] = joint.range[0].signum() as f32;
        }
        worlds.reset(0, &qpos, &vec![0.0; model.nv()]);
        let zero = vec![0.0; model.nu()];
        (0..100).for_each(|_| worlds.step(&[true], &zero));
        let view = worlds.view(0);
        let weight = (model.total_mass() * 9.81) as f32;
        let force: f32 = view.sensors.chunks(3).map(|f| f[2]).sum();
        assert!((force / weight - 1.0).abs() < 0.02, "force {force} N, weight {weight} N");
        // MuJoCo's ant rests at 0.567 m.
        assert!((view.qpos[2] - 0.567).abs() < 0.02, "rests at {}", view.qpos[2]);
    }
}

#[test]
fn friction_stops_a_planar_robot() {
    for engine in EngineKind::ALL {
        let model = model(CHEETAH);
        let mut worlds = worlds(engine, &model, 1, &[]);
        let mut qvel = vec![0.0; model.nv()];
        qvel[0] = 2.0;
        worlds.reset(0, &legal(&model), &qvel);
        let zero = vec![0.0; model.nu()];
        (0..100).for_each(|_| worlds.step(&[true], &zero));
        assert!(worlds.view(0).qvel[0].abs() < 0.02, "still slides at {} m/s", worlds.view(0).qvel[0]);
    }
}

#[test]
fn controls_are_clamped_and_nan_counts_as_zero() {
    for engine in EngineKind::ALL {
        let model = model(ANT);
        let mut worlds = worlds(engine, &model, 3, &[]);
        let nu = model.nu();
        let mut all = vec![1.0; 3 * nu];
        all[nu..2 * nu].fill(50.0);
        all[2 * nu..].fill(f32::NAN);
        (0..10).for_each(|_| worlds.step(&[true; 3], &all));
        assert_eq!(bits(&worlds, 0), bits(&worlds, 1), "50 is clamped to 1");
        let mut still = self::worlds(engine, &model, 1, &[]);
        (0..10).for_each(|_| still.step(&[true], &vec![0.0; nu]));
        assert_eq!(bits(&worlds, 2), bits(&still, 0), "NaN is no torque");
    }
}

#[test]
fn a_blown_up_world_is_flagged_and_heals_by_reset() {
    for engine in EngineKind::ALL {
        let model = model(ANT);
        let mut worlds = worlds(engine, &model, 2, &[]);
        let mut qvel = vec![0.0; model.nv()];
        qvel[0] = 1e30;
        worlds.reset(0, &legal(&model), &qvel);
        worlds.step(&[true, true], &vec![0.0; 2 * model.nu()]);
        assert!(worlds.bad(0), "a speed of 1e30 m/s is not physics");
        assert!(!worlds.bad(1), "the neighbour is well");
        qvel[0] = 0.0;
        worlds.reset(0, &legal(&model), &qvel);
        worlds.step(&[true, true], &vec![0.0; 2 * model.nu()]);
        assert!(!worlds.bad(0) && worlds.view(0).qpos.iter().all(|x| x.is_finite()), "healed");
    }
}

#[test]
fn what_the_engine_cannot_do_is_refused_by_name() {
    let mut elliptic = (*model(ANT)).clone();
    elliptic.option.cone = Cone::Elliptic;
    assert_eq!(unsupported(&elliptic, EngineKind::Rapier).len(), 1);
    let error =
        Worlds::new(&Arc::new(elliptic), 1, options(EngineKind::Rapier, 0.01, 5, 2), &[]).err().unwrap();
    assert!(error.to_string().contains("elliptic friction cones"), "{error}");
    assert!(unsupported(&model(ANT), EngineKind::Rapier).is_empty());
    for (timestep, substeps, iterations) in [(0.0, 1, 1), (f64::NAN, 1, 1), (0.01, 0, 1), (0.01, 1, 0)] {
        let error =
            Worlds::new(&model(ANT), 1, options(EngineKind::Rapier, timestep, substeps, iterations), &[])
                .err()
                .unwrap();
        assert!(matches!(error, SimError::Setting { .. }), "{error}");
    }
}

#[test]
fn rapier_refuses_what_its_free_bodies_do_not_have() {
    let free = |joint: &str| {
        let body = format!("<body pos='0 0 1'>{joint}<geom size='0.1'/></body>");
        let defaults = "<default><default class='c'><joint damping='3' armature='1'/></default></default>";
        let xml = format!("<mujoco>{defaults}<worldbody>{body}</worldbody></mujoco>");
        unsupported(&model(&xml.replace('\'', "\"")), EngineKind::Rapier)
    };
    for (attributes, named) in [
        ("damping='0.5'", "damping 0.5"),
        ("armature='0.01'", "armature 0.01"),
        ("stiffness='2'", "stiffness 2"),
        ("frictionloss='1'", "frictionloss 1"),
        ("class='c'", "damping 3, armature 1"),
    ] {
        let [missing] = &free(&format!("<joint name='root' type='free' {attributes}/>"))[..] else {
            panic!("{attributes} is refused once");
        };
        let told = missing.starts_with(&format!("{named} of free joint 'root' (set to 0 what it has from"));
        assert!(told, "{missing}");
    }
    for joint in ["<freejoint/>", "<joint type='free' class='c' damping='0' armature='0'/>"] {
        assert_eq!(free(joint), [""; 0]);
    }
}

#[test]
fn huge_solimp_powers_cost_nothing() {
    let xml = r#"<mujoco><worldbody><body><joint axis="0 1 0" range="-10 10"
        solimplimit="0.9 0.95 0.001 0.5 1e9"/><geom size="0.1" pos="0.3 0 0"/></body></worldbody></mujoco>"#;
    let model = model(xml);
    // Steps that are short enough for MuJoCo's limits.
    let mut worlds = Worlds::new(&model, 1, options(EngineKind::Rapier, 0.002, 5, 4), &[]).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        worlds.step(&[true], &[]);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    let hinge = worlds.view(0).qpos[0];
    assert!(!worlds.bad(0) && (0.15..0.25).contains(&hinge), "the limit at 10° holds: {hinge}");
}

#[test]
fn models_of_thousands_of_bodies_are_judged_soon() {
    let body = r#"<body><freejoint/><geom size="0.1"/></body>"#;
    let model = model(&format!("<mujoco><worldbody>{}</worldbody></mujoco>", body.repeat(3000)));
    let start = std::time::Instant::now();
    assert_eq!(unsupported(&model, EngineKind::Lanes), ["18000 degrees of freedom (at most 64)"]);
    for engine in EngineKind::ALL {
        assert_eq!(approximated(&model, engine), [""; 0]);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
