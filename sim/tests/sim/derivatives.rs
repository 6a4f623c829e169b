//! Derivatives of control steps against MuJoCo's; see `tests/data/physics/SOURCE.md`.

#![allow(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stdout, reason = "what is measured is shown with --nocapture")]

use std::path::PathBuf;
use std::sync::Arc;

use nalgebra as na;
use serde::Deserialize;
use sim::{
    EngineKind, Jacobian, JointKind, Model, Parameter, Parameters, Sensor, StepOptions, WorldView, Worlds,
};

#[derive(Deserialize)]
struct Entry {
    robot: String,
    substeps: usize,
    states: Vec<Start>,
}

#[derive(Deserialize)]
struct Start {
    /// Most constraints of a physics step.
    rows: usize,
    /// How far MuJoCo's differences are from those with another step, relative.
    doubt: f64,
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    control: Vec<f32>,
    next_qvel: Vec<f64>,
    jacobian: Vec<f64>,
}

fn model(robot: &str) -> Arc<Model> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../envs/assets/{robot}.xml"));
    Arc::new(Model::from_mjcf_file(path).unwrap())
}

fn options(model: &Model, substeps: usize, iterations: usize) -> StepOptions {
    StepOptions { engine: EngineKind::Lanes, timestep: model.option.timestep, substeps, iterations }
}

fn entries() -> Vec<Entry> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/physics/jacobians.json");
    let path = std::env::var_os("JACOBIANS").map_or(own, PathBuf::from);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Size of the difference, relative to that of `theirs` (Frobenius).
fn distance(ours: &[f32], theirs: &[f64]) -> f64 {
    let difference: f64 = ours.iter().zip(theirs).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
    (difference / theirs.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Relative distances of all states of a robot, in flight and with constraints, in order of size.
fn distances(entry: &Entry, iterations: usize) -> [Vec<f64>; 2] {
    let model = model(&entry.robot);
    let mut worlds =
        Worlds::new(&model, entry.states.len(), options(&model, entry.substeps, iterations), &[]).unwrap();
    for (world, start) in entry.states.iter().enumerate() {
        worlds.reset(world, &start.qpos, &start.qvel);
    }
    let controls: Vec<f32> = entry.states.iter().flat_map(|s| s.control.clone()).collect();
    let mut jacobians = vec![Jacobian::default(); worlds.len()];
    worlds.step_with_jacobian(&vec![true; worlds.len()], &controls, &[], &mut jacobians).unwrap();
    let mut out = [Vec::new(), Vec::new()];
    for ((world, start), jacobian) in entry.states.iter().enumerate().zip(&jacobians) {
        assert_eq!(jacobian.values().len(), start.jacobian.len());
        // Where a contact begins within MuJoCo's differences, they mean nothing.
        if start.doubt < 1e-4 {
            let d = distance(jacobian.values(), &start.jacobian);
            assert!(d.is_finite());
            out[usize::from(start.rows > 0)].push(d);
            if std::env::var_os("JACOBIANS").is_some() {
                let step = distance(worlds.view(world).qvel, &start.next_qvel);
                println!("  {} {world} {} {d:.1e} step {step:.1e}", entry.robot, start.rows);
            }
        }
    }
    out.iter_mut().for_each(|d| d.sort_by(f64::total_cmp));
    out
}

#[test]
fn jacobians_are_those_of_mujoco() {
    let mut touching = Vec::new();
    println!("| robot | in flight | median | maximum | with constraints | median | maximum |");
    for entry in entries() {
        let [flight, contact] = distances(&entry, 50);
        let [a, b] = [&flight, &contact].map(|d| (d.len(), median(d), d.last().copied().unwrap_or(f64::NAN)));
        println!(
            "| {} | {} | {:.1e} | {:.1e} | {} | {:.1e} | {:.1e} |",
            entry.robot, a.0, a.1, a.2, b.0, b.1, b.2
        );
        assert!(flight.iter().all(|&d| d < 1e-4), "{} in flight: {flight:?}", entry.robot);
        touching.push((entry.robot, contact));
    }
    assert_eq!(touching.len(), 11);
    for (robot, contact) in touching {
        assert!(contact.is_empty() || median(&contact) < 1e-2, "{robot}: {contact:?}");
    }
}

/// A free body, a ball joint off the anchor, hinges and a slide with limits and dry friction, motors and a servo, and
/// a capsule, a box and a cylinder that touch.
const CREATURE: &str = r#"<mujoco><option timestep="0.004" cone="CONE"/><worldbody>
    <geom type="plane" size="5 5 1" friction="0.7 0.01 0.001" condim="CONDIM"/>
    <body pos="0 0 0.19" euler="20 80 40"><freejoint/><geom type="capsule" size="0.1 0.2" mass="2"/>
      <body pos="0.2 0.1 0.1" euler="0 50 10"><joint type="ball" pos="-0.1 0 0" damping="0.1"/>
        <geom type="capsule" size="0.05 0.1" mass="0.5" pos="0.1 0 0"/>
        <body pos="0.2 0 0"><joint name="a" type="hinge" axis="0 1 0" armature="0.01" frictionloss="0.05"/>
          <joint name="b" type="hinge" axis="0 0 1" stiffness="2" limited="true" range="-10 40"/>
          <joint type="slide" axis="1 0 0" damping="1"/>
          <geom type="sphere" size="0.08" mass="0.3" pos="0.05 0.02 0"/>
          <body pos="0 0.1 0.1"><geom type="sphere" size="0.03" mass="0.1"/></body>
        </body></body></body>
    <body pos="1 0 0.1"><freejoint/><geom type="box" size="0.1 0.1 0.1" mass="1"/></body>
    <body pos="1.02 0.01 0.298" euler="2 1 0"><freejoint/><geom type="sphere" size="0.1" mass="0.5"/></body>
    </worldbody><actuator><motor joint="a" gear="3" ctrlrange="-1 1"/>
    <position joint="b" kp="4" ctrlrange="-1 1"/></actuator></mujoco>"#;

const PARAMETERS: [Parameter; 7] = [
    Parameter::Mass(1),
    Parameter::Mass(2),
    Parameter::Mass(4),
    Parameter::Friction,
    Parameter::Gear(0),
    Parameter::Gear(1),
    Parameter::Gravity(2),
];

fn sensors() -> Vec<Sensor> {
    let kinds = [
        Sensor::Position,
        Sensor::Orientation,
        Sensor::Velocity,
        Sensor::AngularVelocity,
        Sensor::ContactForce,
        Sensor::ContactTorque,
        Sensor::Touch,
    ];
    [0, 1, 2, 4, 5].into_iter().flat_map(|body| kinds.map(|kind| kind(body))).collect()
}

/// What goes into a step.
#[derive(Clone)]
struct Input {
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    control: Vec<f32>,
    parameters: Parameters,
}

fn turn(q: &[f32]) -> na::UnitQuaternion<f64> {
    let [w, x, y, z] = [q[0], q[1], q[2], q[3]].map(f64::from);
    na::UnitQuaternion::new_normalize(na::Quaternion::new(w, x, y, z))
}

/// Per degree of freedom: its coordinate, or where the quaternion begins and which axis it is.
fn coordinates(model: &Model) -> Vec<Result<usize, (usize, usize)>> {
    let of = |joint: &sim::Joint| match joint.kind {
        JointKind::Hinge | JointKind::Slide => vec![Ok(joint.qpos_adr)],
        JointKind::Ball => (0..3).map(|i| Err((joint.qpos_adr, i))).collect(),
        JointKind::Free => {
            let shifts = (0..3).map(|i| Ok(joint.qpos_adr + i));
            shifts.chain((0..3).map(|i| Err((joint.qpos_adr + 3, i)))).collect()
        }
    };
    model.joints.iter().flat_map(of).collect()
}

impl Input {
    /// Moved by `step` in direction `k`.
    fn moved(&self, model: &Model, k: usize, step: f64) -> Self {
        let (nv, nu) = (model.nv(), model.nu());
        let mut out = self.clone();
        let add = |x: &mut f32| *x = (f64::from(*x) + step) as f32;
        if k < nv {
            match coordinates(model)[k] {
                Ok(at) => add(&mut out.qpos[at]),
                Err((at, axis)) => {
                    let moved = turn(&out.qpos[at..])
                        * na::UnitQuaternion::from_scaled_axis(na::Vector3::ith(axis, step));
                    let entries = [moved.w, moved.i, moved.j, moved.k].map(|x| x as f32);
                    out.qpos[at..at + 4].copy_from_slice(&entries);
                }
            }
        } else if k < 2 * nv {
            add(&mut out.qvel[k - nv]);
        } else if k < 2 * nv + nu {
            add(&mut out.control[k - 2 * nv]);
        } else {
            let parameters = &mut out.parameters;
            match PARAMETERS[k - 2 * nv - nu] {
                Parameter::Mass(body) => add(&mut parameters.mass[body]),
                Parameter::Friction => add(&mut parameters.friction),
                Parameter::Gear(k) => add(&mut parameters.gear[k]),
                Parameter::Gravity(axis) => add(&mut parameters.gravity[axis]),
            }
        }
        out
    }
}

/// `a − b`, orientations as rotation vectors in the body's axes.
fn difference(model: &Model, a: WorldView<'_>, b: WorldView<'_>) -> Vec<f64> {
    let coordinates = coordinates(model);
    let mut out: Vec<f64> = coordinates
        .iter()
        .map(|c| match *c {
            Ok(at) => f64::from(a.qpos[at]) - f64::from(b.qpos[at]),
            Err((at, axis)) => (turn(&b.qpos[at..]).inverse() * turn(&a.qpos[at..])).scaled_axis()[axis],
        })
        .collect();
    let rest = [(a.qvel, b.qvel), (a.sensors, b.sensors)];
    let rest = rest.into_iter().flat_map(|(a, b)| a.iter().zip(b));
    out.extend(rest.map(|(&a, &b)| f64::from(a) - f64::from(b)));
    out
}

/// Steps `n` worlds from their inputs; a Jacobian each.
fn step(worlds: &mut Worlds, inputs: &[Input]) -> Vec<Jacobian> {
    for (world, input) in inputs.iter().enumerate() {
        worlds.set_parameters(world, &input.parameters).unwrap();
        worlds.reset(world, &input.qpos, &input.qvel);
    }
    let controls: Vec<f32> = inputs.iter().flat_map(|i| i.control.clone()).collect();
    let mut jacobians = vec![Jacobian::default(); inputs.len()];
    let active = vec![true; inputs.len()];
    worlds.step_with_jacobian(&active, &controls, &PARAMETERS, &mut jacobians).unwrap();
    jacobians
}

/// A creature with this friction cone, some control steps after its start.
fn creature(cone: &str, condim: &str) -> (Arc<Model>, Input) {
    let xml = CREATURE.replace("CONE", cone).replace("CONDIM", condim);
    let model = Arc::new(Model::from_mjcf(&xml, "creature.xml").unwrap());
    let mut parameters = Parameters::nominal(&model);
    (parameters.friction, parameters.mass[2], parameters.gear[0]) = (0.8, 1.2, 0.9);
    parameters.force[4] = [0.3, 0.1, -0.2];
    let mut worlds = Worlds::new(&model, 1, options(&model, 4, 30), &[]).unwrap();
    worlds.set_parameters(0, &parameters).unwrap();
    let mut qpos: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
    let hinge = model.joints[3].qpos_adr;
    qpos[hinge] = 0.72;
    worlds.reset(0, &qpos, &vec![0.1; model.nv()]);
    let control = vec![0.4, -0.3];
    for _ in 0..4 {
        worlds.step(&[true], &control);
    }
    let view = worlds.view(0);
    let input = Input { qpos: view.qpos.to_vec(), qvel: view.qvel.to_vec(), control, parameters };
    (model, input)
}

#[test]
fn derivatives_are_those_of_differences() {
    for (cone, condim) in [("pyramidal", "3"), ("elliptic", "3"), ("pyramidal", "4"), ("elliptic", "6")] {
        let (model, input) = creature(cone, condim);
        let columns = 2 * model.nv() + model.nu() + PARAMETERS.len();
        let options = options(&model, 4, 30);
        let mut plain = Worlds::new(&model, 1, options, &sensors()).unwrap();
        let jacobian = step(&mut plain, std::slice::from_ref(&input)).remove(0);
        let rows = difference(&model, plain.view(0), plain.view(0)).len();
        assert_eq!((jacobian.rows(), jacobian.columns()), (rows, columns));
        assert!(plain.contacts(0).len() > 2, "{cone} {condim}: {:?}", plain.contacts(0));
        let [coarse, fine] = [1e-3, 5e-4].map(|step| differences(&model, &input, options, columns, step));
        let sensed = 2 * model.nv();
        let (mut errors, mut unsure) = (Vec::new(), 0);
        for k in 0..columns {
            // Positions and velocities, and the sensors with their forces.
            for part in [0..sensed, sensed..rows] {
                let narrow: Vec<f32> = coarse[k][part.clone()].iter().map(|&x| x as f32).collect();
                // Where a contact begins or slips within the difference, it means nothing.
                if distance(&narrow, &fine[k][part.clone()]) > 0.02 {
                    unsure += 1;
                    continue;
                }
                let ours: Vec<f32> = part.clone().map(|r| jacobian.get(r, k)).collect();
                let error = distance(&ours, &fine[k][part]);
                println!("{cone} {condim} input {k}: {error:.1e}");
                errors.push(error);
            }
        }
        errors.sort_by(f64::total_cmp);
        let most = errors[errors.len() - 1];
        println!("{cone} {condim}: median {:.1e}, maximum {most:.1e}, {unsure} unsure", median(&errors));
        assert!(errors.len() > 3 * unsure, "{cone} {condim}: {unsure} of {columns} times 2");
        assert!(median(&errors) < 3e-3 && most < 5e-2, "{cone} {condim}: {errors:?}");
    }
}

/// Centred differences of a step by every input, a column each, from the worlds on both sides.
fn differences(
    model: &Arc<Model>,
    input: &Input,
    options: StepOptions,
    columns: usize,
    size: f64,
) -> Vec<Vec<f64>> {
    let mut moved = Worlds::new(model, 2 * columns, options, &sensors()).unwrap();
    let both = |k| [input.moved(model, k, size), input.moved(model, k, -size)];
    step(&mut moved, &(0..columns).flat_map(both).collect::<Vec<Input>>());
    let column = |k: usize| difference(model, moved.view(2 * k), moved.view(2 * k + 1));
    (0..columns).map(|k| column(k).into_iter().map(|x| x / (2.0 * size)).collect()).collect()
}

#[test]
fn the_step_is_the_same_and_jacobians_do_not_depend_on_neighbours() {
    let (model, input) = creature("pyramidal", "3");
    let n = 19;
    let inputs: Vec<Input> = (0..n).map(|k| input.moved(&model, k, 0.02 * k as f64)).collect();
    let (options, sensors) = (options(&model, 4, 10), sensors());
    let [mut many, mut plain, mut one] =
        [n, n, 1].map(|n| Worlds::new(&model, n, options, &sensors).unwrap());
    let all = step(&mut many, &inputs);
    step(&mut plain, &inputs);
    let controls: Vec<f32> = inputs.iter().flat_map(|i| i.control.clone()).collect();
    let active: Vec<bool> = (0..n).map(|world| world % 3 > 0).collect();
    let mut jacobians = all.clone();
    many.step_with_jacobian(&active, &controls, &PARAMETERS, &mut jacobians).unwrap();
    plain.step(&active, &controls);
    for world in 0..n {
        let (a, b) = (many.view(world), plain.view(world));
        assert_eq!((a.qpos, a.qvel, a.sensors), (b.qpos, b.qvel, b.sensors), "world {world}");
        assert_eq!(jacobians[world] == all[world], !active[world], "world {world}");
        let alone = step(&mut one, &inputs[world..=world]);
        assert!(alone[0] == all[world], "world {world} alone");
    }
}

#[test]
fn what_has_no_derivative_is_refused_and_nothing_moves() {
    let model = model("inverted_pendulum");
    for (engine, parameter, complaint) in [
        (EngineKind::Rapier, Parameter::Friction, "engine rapier cannot simulate model 'inverted_pendulum'"),
        (EngineKind::Lanes, Parameter::Mass(0), "Parameter::Mass = 0: the index of a body"),
        (EngineKind::Lanes, Parameter::Gear(1), "Parameter::Gear = 1: the index of an actuator"),
        (EngineKind::Lanes, Parameter::Gravity(3), "Parameter::Gravity = 3: an axis from 0 to 2"),
    ] {
        let options = StepOptions { engine, timestep: 0.02, substeps: 2, iterations: 4 };
        let mut worlds = Worlds::new(&model, 1, options, &[]).unwrap();
        let mut out = vec![Jacobian::default()];
        let result = worlds.step_with_jacobian(&[true], &[1.0], &[parameter], &mut out);
        let error = result.unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
        assert_eq!(worlds.view(0).qpos, [0.0, 0.0]);
        assert_eq!(out[0], Jacobian::default());
    }
}

#[test]
fn a_control_beyond_its_range_changes_nothing() {
    let model = model("inverted_pendulum");
    let mut worlds = Worlds::new(&model, 4, options(&model, 2, 4), &[]).unwrap();
    let mut out = vec![Jacobian::default(); 4];
    // Its range is -3 to 3.
    worlds.step_with_jacobian(&[true; 4], &[0.0, 3.0, 3.1, f32::NAN], &[], &mut out).unwrap();
    let of_control = |world: usize| out[world].get(2, 4);
    assert!(of_control(0) > 0.1);
    assert!((of_control(1) - of_control(0)).abs() < 0.01 * of_control(0));
    assert_eq!((of_control(2), of_control(3)), (0.0, 0.0));
}

/// Jacobians of `steps` random control steps of all robots together.
fn stay_finite(steps: usize) {
    const WORLDS: usize = 8;
    for entry in entries() {
        let model = model(&entry.robot);
        let mut worlds = Worlds::new(&model, WORLDS, options(&model, entry.substeps, 10), &[]).unwrap();
        let mut out = vec![Jacobian::default(); WORLDS];
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let (mut good, mut bad) = (0, 0);
        for round in 0..steps / 11 / WORLDS + 1 {
            if round % 100 == 0 {
                for world in 0..WORLDS {
                    let start = &entry.states[(world + round / 100) % entry.states.len()];
                    let qvel: Vec<f32> = start.qvel.iter().map(|v| v + 0.1 * random()).collect();
                    worlds.reset(world, &start.qpos, &qvel);
                }
            }
            let controls: Vec<f32> = (0..WORLDS)
                .flat_map(|_| model.actuators.clone())
                .map(|motor| {
                    let [low, high] = motor.ctrlrange.map(|x| x as f32);
                    low + (high - low) * 0.5 * (1.0 + random())
                })
                .collect();
            worlds.step_with_jacobian(&[true; WORLDS], &controls, &[], &mut out).unwrap();
            for (world, jacobian) in out.iter().enumerate() {
                if worlds.bad(world) {
                    bad += 1;
                    let start = &entry.states[0];
                    worlds.reset(world, &start.qpos, &start.qvel);
                    continue;
                }
                let finite = jacobian.values().iter().all(|x| x.is_finite());
                assert!(finite, "{} round {round} world {world}: {:?}", entry.robot, worlds.view(world).qpos);
                good += 1;
            }
        }
        println!("{}: {good} good, {bad} bad", entry.robot);
        assert!(good > 10 * bad, "{}: {good} good, {bad} bad", entry.robot);
    }
}

#[test]
fn jacobians_stay_finite() {
    stay_finite(100_000);
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn jacobians_stay_finite_for_long() {
    stay_finite(1_000_000);
}

/// Coordinates after each control step, and how they change with the parameters: the Jacobians of the steps, chained.
fn sensitivities(
    worlds: &mut Worlds,
    start: &Start,
    parameters: &Parameters,
    by: &[Parameter],
    controls: &[Vec<f32>],
) -> Vec<(Vec<f64>, na::DMatrix<f64>)> {
    let (nv, nu) = (worlds.model().nv(), worlds.model().nu());
    worlds.set_parameters(0, parameters).unwrap();
    worlds.reset(0, &start.qpos, &start.qvel);
    let mut out = vec![Jacobian::default()];
    let mut change = na::DMatrix::zeros(2 * nv, by.len());
    let mut run = Vec::new();
    for control in controls {
        worlds.step_with_jacobian(&[true], control, by, &mut out).unwrap();
        let entry = |row: usize, column: usize| f64::from(out[0].get(row, column));
        let of_state = na::DMatrix::from_fn(2 * nv, 2 * nv, entry);
        let of_parameters = na::DMatrix::from_fn(2 * nv, by.len(), |r, c| entry(r, 2 * nv + nu + c));
        change = of_state * change + of_parameters;
        let qpos = worlds.view(0).qpos.iter().map(|&q| f64::from(q)).collect();
        run.push((qpos, change.rows(0, nv).into_owned()));
    }
    run
}

/// Gauss-Newton on the Jacobians finds a mass and the friction of a half-cheetah from what its joints and its root did
/// in 0.3 s, seen with noise.
#[test]
fn a_mass_and_the_friction_are_found_from_a_recorded_motion() {
    const NOISE: f64 = 1e-3;
    const STEPS: usize = 6;
    let entry = entries().into_iter().find(|e| e.robot == "half_cheetah").unwrap();
    let model = model("half_cheetah");
    let start = entry.states.iter().find(|s| s.rows > 2).unwrap();
    let mut worlds = Worlds::new(&model, 1, options(&model, entry.substeps, 50), &[]).unwrap();
    let controls: Vec<Vec<f32>> = (0..STEPS)
        .map(|t| (0..model.nu()).map(|k| 0.5 * (0.6 * t as f32 + 1.1 * k as f32).sin()).collect())
        .collect();
    let by = [Parameter::Mass(1), Parameter::Friction];
    let with = |x: &na::DVector<f64>| {
        let mut parameters = Parameters::nominal(&model);
        (parameters.mass[1], parameters.friction) = (x[0] as f32, x[1] as f32);
        parameters
    };
    let truth = na::DVector::from_vec(vec![1.2, 0.7]);
    let recorded: Vec<Vec<f64>> = {
        let mut state = 7_u64;
        // The sum of twelve uniform numbers is nearly normal.
        let mut normal = || {
            let mut uniform = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1_u64 << 53) as f64
            };
            (0..12).map(|_| uniform()).sum::<f64>() - 6.0
        };
        let run = sensitivities(&mut worlds, start, &with(&truth), &by, &controls);
        run.into_iter().map(|(q, _)| q.into_iter().map(|q| q + NOISE * normal()).collect()).collect()
    };
    let mut x = na::DVector::from_vec(vec![1.0, 1.0]);
    let mut information = na::DMatrix::zeros(2, 2);
    let mut misfit = 0.0;
    for round in 0..12 {
        let run = sensitivities(&mut worlds, start, &with(&x), &by, &controls);
        let mut gradient = na::DVector::zeros(2);
        (information, misfit) = (na::DMatrix::zeros(2, 2), 0.0);
        for ((q, change), seen) in run.iter().zip(&recorded) {
            let residual = na::DVector::from_fn(q.len(), |i, _| (seen[i] - q[i]) / NOISE);
            let slope = change / NOISE;
            information += slope.transpose() * &slope;
            gradient += slope.transpose() * &residual;
            misfit += residual.norm_squared();
        }
        println!("round {round}: {:.5} {:.5}, misfit {misfit:.0}", x[0], x[1]);
        let step = information.clone().cholesky().unwrap().solve(&gradient);
        // At most a tenth at once: the motion is far from linear.
        x += &step * (0.1 / step.amax()).min(1.0);
    }
    let deviation = information.try_inverse().unwrap().diagonal().map(f64::sqrt);
    println!("mass {:.4} ± {:.4}, friction {:.4} ± {:.4}", x[0], deviation[0], x[1], deviation[1]);
    let degrees = (STEPS * model.nq() - 2) as f64;
    assert!((misfit / degrees - 1.0).abs() < 0.5, "{misfit} of {degrees}");
    for i in 0..2 {
        assert!((x[i] - truth[i]).abs() < 0.02 * truth[i], "{x} instead of {truth}");
        assert!((x[i] - truth[i]).abs() < 4.0 * deviation[i], "{x} ± {deviation} instead of {truth}");
    }
}
