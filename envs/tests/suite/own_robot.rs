//! Robots from files under the generic task, and what they sense.

use std::sync::Arc;

use envs::changes::friction::Friction;
use envs::changes::target::Target;
use envs::own_robot::{Config, Goals, Walk};
use envs::{Change, Effect, EnvConfig, Envs, Fidelity, Sense, Task, Value, check, check_changed};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::EngineKind;

const ANT: &str = include_str!("../../assets/ant.xml");
const CHEETAH: &str = include_str!("../../assets/half_cheetah.xml");

/// A box of 1 kg on a slide along y that is turned by 90°, so along −x, and one along z.
const CART: &str = r#"<mujoco><option timestep="0.01" gravity="0 0 0"/><worldbody>
  <body name="cart" pos="0 0 2" quat="0.7071067811865476 0 0 0.7071067811865476">
    <joint name="along" type="slide" axis="0 1 0"/><joint name="up" type="slide" axis="0 0 1"/>
    <joint name="roll" type="hinge" axis="0 1 0"/>
    <geom type="box" size="0.1 0.1 0.1" mass="1"/></body></worldbody>
  <actuator><motor joint="along" ctrlrange="-2 2" gear="10"/></actuator></mujoco>"#;

fn config(text: &str, walk: Walk, observations: Vec<Sense>) -> Config {
    Config {
        file: "robot.xml".to_owned(),
        text: Some(text.to_owned()),
        task: Goals::Walk(walk),
        observations,
        observe_goal: false,
        trunk: None,
        keyframe: None,
        control_dt: 0.05,
        horizon: 100,
        reset_noise_scale: 0.0,
    }
}

fn build(config: &Config) -> Arc<dyn Task> {
    EnvConfig::Mjcf(config.clone()).build().unwrap()
}

fn refused(config: &Config) -> String {
    EnvConfig::Mjcf(config.clone()).build().err().unwrap().to_string()
}

fn walking(text: &str) -> Config {
    config(text, Walk::default(), vec![Sense::Positions, Sense::Velocities])
}

#[test]
fn an_episode_starts_in_the_keyframe_that_is_named() {
    let key = r#"<keyframe><key name="rest"/><key name="home" qpos="1 0.5 0.25" qvel="0 2 0"/></keyframe></mujoco>"#;
    let text = CART.replace("</mujoco>", key);
    let start = |keyframe: Option<&str>| {
        let config = Config { keyframe: keyframe.map(str::to_owned), ..walking(&text) };
        let task = build(&config);
        let options = task.physics(EngineKind::Lanes, Fidelity::Default);
        let mut envs = Envs::new(task, 1, options, 100).unwrap();
        envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
        let world = envs.view(0);
        (world.qpos.to_vec(), world.qvel.to_vec())
    };
    assert_eq!(start(None), start(Some("rest")));
    assert_eq!(start(Some("home")), (vec![1.0, 0.5, 0.25], vec![0.0, 2.0, 0.0]));
    let unknown = Config { keyframe: Some("hom".to_owned()), ..walking(&text) };
    let said = refused(&unknown);
    assert!(said.contains("keyframe") && said.contains("hom") && said.contains("rest, home"), "{said}");
}

#[test]
fn robots_from_files_pass_the_checker() {
    let everything = vec![
        Sense::Positions,
        Sense::Velocities,
        Sense::Orientation,
        Sense::BodyVelocities(vec![]),
        Sense::ContactForces(vec![]),
        Sense::Touch(vec![]),
        Sense::HeightScan { points: (3, 2), spacing: 0.3, ahead: 0.5 },
    ];
    let fall = Walk { healthy_z_range: Some((0.2, 1.0)), healthy_tilt: Some(1.0), ..Walk::default() };
    for (text, walk) in [(ANT, fall), (CHEETAH, Walk::default()), (CART, Walk::default())] {
        let mut config = config(text, walk, everything.clone());
        (config.reset_noise_scale, config.observe_goal) = (0.02, true);
        let task = build(&config);
        for engine in EngineKind::ALL {
            let options = task.physics(engine, Fidelity::Default);
            check(&task, options).unwrap();
            let turning = Target { goal: "direction".to_owned(), value: Value::Uniform(-3.0, 3.0) };
            let effects = [turning.into(), Effect::from(Friction(Value::Uniform(0.3, 1.0)))];
            check_changed(&task, options, &effects.map(Change::always)).unwrap();
        }
    }
}

/// The generic task on the ant's file scores like the ant.
#[test]
fn the_ant_from_its_file_scores_like_the_ant() {
    let walk = Walk { ctrl_cost_weight: 0.5, healthy_z_range: Some((0.2, 1.0)), ..Walk::default() };
    let mine = build(&config(ANT, walk, vec![Sense::Positions, Sense::Velocities]));
    let ant = EnvConfig::from_name("ant").unwrap().build().unwrap();
    assert_eq!(mine.spec().observations, ant.spec().observations);
    assert_eq!(mine.spec().actions, ant.spec().actions);
    let options = ant.physics(EngineKind::Lanes, Fidelity::Default);
    assert_eq!(mine.physics(EngineKind::Lanes, Fidelity::Default), options);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut envs = Envs::new(mine.clone(), 1, options, 100).unwrap();
    envs.reset(0, &mut rng);
    let (mut memory, mut terms) = ([envs.view(0).qpos[0]], [f32::NAN; 3]);
    for _ in 0..200 {
        if envs.is_resting(0) {
            envs.reset(0, &mut rng);
            memory = [envs.view(0).qpos[0]];
        }
        let action: Vec<f32> = (0..8).map(|_| rng.random_range(-1.0..=1.0)).collect();
        envs.step(&[true], &action);
        let view = envs.view(0);
        let over = ant.step(&view, envs.action(0), &mut memory, &mut terms);
        let got = envs.terms(0);
        assert!((got[0] - terms[0]).abs() < 1e-5, "{got:?} {terms:?}");
        assert_eq!((got[1], got[2], got[3]), (terms[1], 0.0, terms[2]));
        assert_eq!(envs.outcome(0).terminated, over);
        let mut obs = [f32::NAN; 27];
        ant.observe(&view, &memory, &mut obs);
        assert_eq!(envs.observations(), obs);
    }
}

#[test]
fn slides_count_in_the_direction_in_which_they_move_the_trunk() {
    for (direction, sign) in [(0.0, -1.0), (std::f64::consts::PI, 1.0), (std::f64::consts::FRAC_PI_2, 0.0)] {
        let walk = Walk { direction, ctrl_cost_weight: 0.0, healthy_reward: 0.0, ..Walk::default() };
        let task = build(&config(CART, walk, vec![Sense::Velocities]));
        for engine in EngineKind::ALL {
            let mut envs = Envs::new(task.clone(), 1, task.physics(engine, Fidelity::Default), 100).unwrap();
            envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
            // 10 N on 1 kg for 1 s: 10 m/s, on the way 5 m; the reward is the mean speed.
            let mut sum = 0.0;
            for _ in 0..20 {
                envs.step(&[true], &[1.0]);
                sum += envs.outcome(0).reward * 0.05;
            }
            assert!((sum - 5.0 * sign).abs() < 0.06, "{engine:?} {direction}: {sum} m");
        }
    }
}

#[test]
fn tilt_and_height_end_an_episode() {
    let upright = Walk { upright_reward_weight: 2.0, healthy_tilt: Some(0.5), ..Walk::default() };
    let task = build(&config(CART, upright, vec![Sense::Orientation]));
    let mut terms = [f32::NAN; 4];
    let mut tilted = |angle: f64, z: f32| {
        // Turned by 90° about z, then rolled about its own y.
        let (c, s) = (libm::cos(0.5 * angle), libm::sin(0.5 * angle));
        let h = std::f64::consts::FRAC_1_SQRT_2;
        let quat = [h * c, -h * s, h * s, h * c].map(|x| x as f32);
        let sensors = [0.0, 0.0, z, quat[0], quat[1], quat[2], quat[3]];
        let view = sim::WorldView { qpos: &[0.0; 3], qvel: &[0.0; 3], sensors: &sensors, parameters: None };
        let over = task.step(&view, &[0.0], &mut [0.0; 3], &mut terms);
        (over, terms[1], terms[2])
    };
    let (over, survive, cosine) = tilted(0.4, 0.0);
    assert!(!over && survive == 1.0 && (cosine - 2.0 * 0.4_f32.cos()).abs() < 1e-5, "{cosine}");
    let (over, survive, _) = tilted(-0.6, 0.0);
    assert!(over && survive == 0.0);
    let low = Walk { healthy_z_range: Some((1.5, 2.5)), ..Walk::default() };
    let task = build(&config(CART, low, vec![Sense::Orientation]));
    for (z, over) in [(1.4, true), (1.6, false), (2.6, true), (f32::NAN, true)] {
        let sensors = [0.0, 0.0, z, 1.0, 0.0, 0.0, 0.0];
        let view = sim::WorldView { qpos: &[0.0; 3], qvel: &[0.0; 3], sensors: &sensors, parameters: None };
        assert_eq!(task.step(&view, &[0.0], &mut [0.0; 3], &mut [0.0; 4]), over, "{z}");
    }
}

/// A robot that stands still feels its weight in its feet, whatever the engine.
#[test]
fn feet_feel_the_weight_and_scans_see_the_ground() {
    let xml = r#"<mujoco><option timestep="0.005"/><worldbody>
      <geom type="plane" size="9 9 1" pos="0 0 0.25"/>
      <body name="torso" pos="1 2 1.05"><freejoint/><geom type="box" size="0.2 0.2 0.05" mass="2"
        contype="0" conaffinity="0"/>
        <body name="left" pos="0 0.2 -0.5"><joint name="knee" axis="0 1 0" damping="5" stiffness="500"/>
          <geom type="box" size="0.3 0.05 0.3" mass="1"/></body>
        <body name="right" pos="0 -0.2 -0.5"><geom type="box" size="0.3 0.05 0.3" mass="1"/></body>
      </body></worldbody><actuator><motor joint="knee" ctrlrange="-1 1"/></actuator></mujoco>"#;
    let senses = vec![
        Sense::Touch(vec!["left".to_owned(), "right".to_owned()]),
        Sense::ContactForces(vec!["left".to_owned(), "right".to_owned()]),
        Sense::HeightScan { points: (1, 2), spacing: 0.4, ahead: 1.0 },
    ];
    let task = build(&config(xml, Walk::default(), senses));
    let names: Vec<&str> = task.spec().observations.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names[..3], ["left touch", "right touch", "left contact force x"]);
    assert_eq!(names[8..], ["ground at 1.00 -0.20", "ground at 1.00 0.20"]);
    for engine in EngineKind::ALL {
        let mut envs = Envs::new(task.clone(), 1, task.physics(engine, Fidelity::Default), 200).unwrap();
        envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
        (0..100).for_each(|_| envs.step(&[true], &[0.0]));
        let obs = envs.observations();
        let (touch, force, weight) = (obs[0] + obs[1], obs[4] + obs[7], 4.0 * 9.81);
        assert!((touch - weight).abs() < 0.05 * weight, "{engine:?}: {touch} N");
        assert!((force - weight).abs() < 0.05 * weight, "{engine:?}: {force} N");
        let z = envs.view(0).qpos[2];
        assert!((z - 1.05).abs() < 0.02, "{engine:?}: stands, {z}");
        assert_eq!(obs[8..], [0.25 - z; 2]);
    }
}

#[test]
fn mistakes_are_answered() {
    let xml = |body: &str, motor: &str| {
        format!("<mujoco>\n<worldbody>{body}</worldbody>\n<actuator>{motor}</actuator></mujoco>")
    };
    let ball = r#"<body name="b"><freejoint/><geom type="sphere" size="0.1"/>
        <body name="leg"><joint name="j"/><geom type="sphere" size="0.1"/></body></body>"#;
    let motor = r#"<motor name="m" joint="j" ctrlrange="-1 1"/>"#;
    for (text, expected) in [
        (xml("<body>", motor), "robot.xml:2"),
        (xml(ball, ""), "at least one <motor>"),
        (xml(ball, r#"<motor joint="j"/>"#), "ctrlrange on every <motor>"),
        (xml(ball, r#"<motor joint="nothing"/>"#), "unknown joint 'nothing'"),
        (xml(ball, r#"<muscle joint="j"/>"#), "muscle"),
        (xml(&ball.replace("size=\"0.1\"/>\n", "size=\"0.1\" mass=\"-1\"/>"), motor), "mass"),
        (xml(&ball.replace("sphere", "mesh"), motor), "mesh"),
        (xml(&format!("{ball}{}", r#"<body name="x"><joint limited="true"/></body>"#), motor), "range"),
        (xml(r#"<body name="arm"><joint name="j"/><geom type="sphere" size="0.1"/></body>"#, motor), "trunk"),
    ] {
        let message = refused(&walking(&text));
        assert!(message.contains(expected), "{message}\nfor {text}");
    }
    let text = xml(ball, motor);
    let with = |change: &dyn Fn(&mut Config)| {
        let mut config = walking(&text);
        change(&mut config);
        refused(&config)
    };
    assert!(with(&|c| c.trunk = Some("nose".into())).contains("unknown body 'nose' (valid: b, leg)"));
    assert!(
        with(&|c| c.observations = vec![Sense::Touch(vec!["toe".into()])]).contains("unknown body 'toe'")
    );
    assert!(with(&|c| c.observations.clear()).contains("at least one"));
    assert!(with(&|c| c.control_dt = f64::NAN).contains("control_dt"));
    assert!(with(&|c| c.control_dt = 1e9).contains("1000 times"));
    assert!(
        with(&|c| c.task = Goals::Walk(Walk { direction: 4.0, ..Walk::default() })).contains("direction")
    );
    let scan = Sense::HeightScan { points: (usize::MAX, 2), spacing: 0.1, ahead: 0.0 };
    assert!(with(&|c| c.observations = vec![scan.clone()]).contains("1 to 1024 points"));
    assert!(with(&|c| (c.text, c.file) = (None, "missing.xml".into())).contains("missing.xml"));
}
