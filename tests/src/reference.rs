//! The reference robots: MuJoCo's compiled tables and its trajectories, see `data/physics/SOURCE.md`.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sim::{Actuator, JointKind, Model, PhysicsOption, SimError, StepOptions, Worlds};

use crate::data;

/// Every robot of the set.
pub const NAMES: [&str; 11] = [
    "ant",
    "half_cheetah",
    "hopper",
    "humanoid",
    "humanoid_standup",
    "inverted_double_pendulum",
    "inverted_pendulum",
    "pusher",
    "reacher",
    "swimmer",
    "walker2d",
];

/// Every robot's trajectories.
pub const CASES: [&str; 4] = ["drop", "sine_01", "sine_03", "air_sine_03"];

/// A robot with its trajectories.
pub struct Reference {
    /// One of [`NAMES`].
    pub name: &'static str,
    /// The robot as MuJoCo compiled it.
    pub model: Arc<Model>,
    /// Gymnasium's choice of integrator.
    pub integrator: String,
    /// Duration of a control step, s.
    pub control_dt: f64,
    /// Physics steps per control step, of [`PhysicsOption::timestep`] each.
    pub substeps: usize,
    /// One entry per name in [`CASES`], in that order.
    pub cases: Vec<Case>,
    /// What each coordinate of `qpos` is.
    pub positions: Vec<Part>,
    /// What each coordinate of `qvel` is.
    pub rates: Vec<Part>,
}

/// One open-loop run.
pub struct Case {
    /// One of [`CASES`].
    pub name: &'static str,
    /// `[control step][actuator]`.
    pub control: Vec<Vec<f32>>,
    /// MuJoCo's Runge–Kutta at the model's own step.
    pub rk4: Trajectory,
    /// MuJoCo's semi-implicit Euler at the model's own step.
    pub euler: Trajectory,
    /// Runge–Kutta at a fifth of the step: the truth.
    pub rk4_fine: Trajectory,
}

/// Rows of coordinates: the start, then one row per control step.
#[derive(Clone, Debug, Deserialize)]
pub struct Trajectory {
    /// Positions, `[row][nq]`.
    pub qpos: Vec<Vec<f64>>,
    /// Velocities, `[row][nv]`.
    pub qvel: Vec<Vec<f64>>,
}

/// What a coordinate belongs to.
///
/// The root is every body of the world that moves freely in a plane or in space: one with a free
/// joint or with slides. All its joints count as root, a planar robot's pitch too, as they do in
/// Gymnasium's observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Position of a root along the horizontal, m.
    RootPlace,
    /// Height of a root, m.
    RootHeight,
    /// Orientation of a root, rad or quaternion entry.
    RootTurn,
    /// Any other coordinate, rad or m.
    Joint,
}

/// Reads one robot.
///
/// # Panics
/// If `name` is not in [`NAMES`], or its file is damaged.
#[must_use]
pub fn load(name: &str) -> Reference {
    let name = *NAMES.iter().find(|n| **n == name).expect("a name of the reference set");
    let text = std::fs::read_to_string(data(&format!("physics/{name}.json"))).expect("reference data");
    let mut file: Value = serde_json::from_str(&text).expect("reference data is JSON");
    let integrator = file["model"]["integrator"].as_str().expect("the model names its integrator").to_owned();
    let model = model(name, file["model"].take());
    let cases = CASES.map(|case| {
        let case_file = &mut file["cases"][case];
        let start: Vec<f64> = take(&mut case_file["start_qpos"]);
        let case = Case {
            name: case,
            control: take(&mut case_file["control"]),
            rk4: take(&mut case_file["rk4"]),
            euler: take(&mut case_file["euler"]),
            rk4_fine: take(&mut case_file["rk4_fine"]),
        };
        for run in [&case.rk4, &case.euler, &case.rk4_fine] {
            assert_eq!(
                run.qpos.len(),
                case.control.len() + 1,
                "{name}: a row per control step and the start"
            );
            assert_eq!(run.qvel.len(), run.qpos.len());
            let printed = run.qpos[0].iter().zip(&start).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(printed, "{name}: row 0 is the start");
        }
        case
    });
    let positions = parts(&model, JointKind::nq);
    let rates = parts(&model, JointKind::nv);
    let substeps = file["physics_steps_per_control"].as_u64().expect("a number of steps") as usize;
    let control_dt = file["control_dt"].as_f64().expect("a duration");
    assert!((control_dt - substeps as f64 * model.option.timestep).abs() < 1e-9, "{name}: steps add up");
    Reference {
        name,
        integrator,
        model: Arc::new(model),
        control_dt,
        substeps,
        cases: Vec::from(cases),
        positions,
        rates,
    }
}

/// All robots, in the order of [`NAMES`].
#[must_use]
pub fn all() -> Vec<Reference> {
    NAMES.iter().map(|name| load(name)).collect()
}

fn take<T: DeserializeOwned>(value: &mut Value) -> T {
    serde_json::from_value(value.take()).expect("reference data has the documented fields")
}

/// Builds the neutral model from MuJoCo's tables.
fn model(name: &str, mut table: Value) -> Model {
    let option: PhysicsOption = serde_json::from_value(table.clone()).expect("options");
    let joint_names: Vec<String> =
        table["joints"].as_array().expect("joints").iter().map(|j| take(&mut j["name"].clone())).collect();
    // The tables name an actuator's joint, ours number it.
    for actuator in table["actuators"].as_array_mut().expect("actuators") {
        let wanted = actuator["joint"].as_str().expect("a joint's name").to_owned();
        let index = joint_names.iter().position(|name| *name == wanted).expect("an actuator's joint exists");
        actuator["joint"] = index.into();
        actuator["name"] = wanted.into();
    }
    let actuators: Vec<Actuator> = take(&mut table["actuators"]);
    let mut model = Model {
        name: name.to_owned(),
        option,
        bodies: take(&mut table["bodies"]),
        joints: take(&mut table["joints"]),
        geoms: take(&mut table["geoms"]),
        heightfields: Vec::new(),
        meshes: Vec::new(),
        excludes: Vec::new(),
        actuators,
        qpos0: take(&mut table["qpos0"]),
        keyframes: Vec::new(),
        cameras: Vec::new(),
        warnings: Vec::new(),
    };
    let (mut nq, mut nv) = (0, 0);
    for joint in &mut model.joints {
        (joint.qpos_adr, joint.dof_adr) = (nq, nv);
        (nq, nv) = (nq + joint.kind.nq(), nv + joint.kind.nv());
    }
    for quat in model
        .bodies
        .iter_mut()
        .flat_map(|b| [&mut b.quat, &mut b.inertia_quat])
        .chain(model.geoms.iter_mut().map(|g| &mut g.quat))
    {
        // They are printed with six decimals.
        let norm = quat.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((norm - 1.0).abs() < 1e-5, "{name}: a quaternion of norm {norm}");
        quat.iter_mut().for_each(|x| *x /= norm);
    }
    for (key, size) in [("nq", model.nq()), ("nv", model.nv()), ("nu", model.nu())] {
        assert_eq!(table[key], size, "{name}: {key}");
    }
    assert_eq!(model.qpos0.len(), model.nq(), "{name}: reference configuration");
    let mass = table["total_mass"].as_f64().expect("total mass");
    let off = (model.total_mass() - mass).abs();
    assert!(off < 1e-6 * mass, "{name}: {} kg, the table says {mass} kg", model.total_mass());
    model
}

/// Labels every coordinate; `size` tells how many a joint has.
fn parts(model: &Model, size: impl Fn(JointKind) -> usize) -> Vec<Part> {
    let root = |body: usize| {
        model.bodies[body].parent == 0
            && model
                .joints
                .iter()
                .any(|j| j.body == body && matches!(j.kind, JointKind::Free | JointKind::Slide))
    };
    let mut parts = Vec::new();
    for joint in &model.joints {
        let before = parts.len();
        match joint.kind {
            _ if !root(joint.body) => {}
            JointKind::Free => parts.extend([Part::RootPlace, Part::RootPlace, Part::RootHeight]),
            JointKind::Slide if joint.axis[2].abs() > 0.5 => parts.push(Part::RootHeight),
            JointKind::Slide => parts.push(Part::RootPlace),
            JointKind::Hinge | JointKind::Ball => {}
        }
        let rest = if root(joint.body) { Part::RootTurn } else { Part::Joint };
        parts.resize(before + size(joint.kind), rest);
    }
    parts
}

impl Reference {
    /// The model's own step and number of steps.
    #[must_use]
    pub fn own_step(&self, engine: sim::EngineKind, iterations: usize) -> StepOptions {
        StepOptions { engine, timestep: self.model.option.timestep, substeps: self.substeps, iterations }
    }

    /// Indices into `qpos` of the joints that move against the root.
    #[must_use]
    pub fn joints(&self) -> Vec<usize> {
        (0..self.positions.len()).filter(|&i| self.positions[i] == Part::Joint).collect()
    }

    /// Indices into `qpos` of the roots' positions.
    #[must_use]
    pub fn root(&self) -> Vec<usize> {
        let place = |i: &usize| matches!(self.positions[*i], Part::RootPlace | Part::RootHeight);
        (0..self.positions.len()).filter(place).collect()
    }

    /// Plays a case's controls from its start.
    ///
    /// # Errors
    /// [`SimError::Unsupported`] if the engine refuses the model.
    pub fn play(&self, case: &Case, options: StepOptions) -> Result<Trajectory, SimError> {
        let mut worlds = Worlds::new(&self.model, 1, options, &[])?;
        let narrow = |row: &[f64]| row.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        worlds.reset(0, &narrow(&case.euler.qpos[0]), &narrow(&case.euler.qvel[0]));
        let mut run = Trajectory { qpos: Vec::new(), qvel: Vec::new() };
        let mut keep = |worlds: &Worlds| {
            // A world that blew up has no state: its error is infinite.
            let wide = |x: &f32| if worlds.bad(0) { f64::INFINITY } else { f64::from(*x) };
            run.qpos.push(worlds.view(0).qpos.iter().map(wide).collect());
            run.qvel.push(worlds.view(0).qvel.iter().map(wide).collect());
        };
        keep(&worlds);
        for control in &case.control {
            worlds.step(&[true], control);
            keep(&worlds);
        }
        Ok(run)
    }
}

/// Root mean square difference over rows 1..=`steps` and `columns`; both runs must be that long.
#[must_use]
pub fn rms(a: &[Vec<f64>], b: &[Vec<f64>], steps: usize, columns: &[usize]) -> f64 {
    let rows = a[1..=steps].iter().zip(&b[1..=steps]);
    let sum: f64 = rows.flat_map(|(a, b)| columns.iter().map(|&c| (a[c] - b[c]).powi(2))).sum();
    (sum / (steps * columns.len()).max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn all_robots_load_and_their_coordinates_are_labelled() {
        use Part::{Joint, RootHeight, RootPlace, RootTurn};
        let robots = all();
        let count = |name: &str, part: Part| {
            let robot = robots.iter().find(|r| r.name == name).unwrap();
            robot.positions.iter().filter(|p| **p == part).count()
        };
        for (name, counts) in [
            ("ant", [2, 1, 4, 8]),
            ("half_cheetah", [1, 1, 1, 6]),
            ("humanoid", [2, 1, 4, 17]),
            ("swimmer", [2, 0, 1, 2]),
            ("inverted_double_pendulum", [1, 0, 0, 2]),
            // Target and object are roots of their own.
            ("reacher", [2, 0, 0, 2]),
            ("pusher", [4, 0, 0, 7]),
        ] {
            let got = [RootPlace, RootHeight, RootTurn, Joint].map(|part| count(name, part));
            assert_eq!(got, counts, "{name}");
        }
        let ant = &robots[0];
        assert_eq!(ant.joints(), (7..15).collect::<Vec<_>>());
        assert_eq!(ant.rates.len(), 14);
        assert_eq!(ant.rates[3..6], [RootTurn; 3]);
    }

    /// The measure is the one by which the reference's own figures were made.
    #[test]
    fn the_error_of_mujocos_euler_is_the_published_one() {
        let ant = load("ant");
        for (case, half, one) in [(1, 0.010, 0.029), (2, 0.019, 0.018), (3, 0.014, 0.015)] {
            let case = &ant.cases[case];
            let error = |steps| rms(&case.euler.qpos, &case.rk4_fine.qpos, steps, &ant.joints());
            assert!((error(10) - half).abs() < 5.1e-4, "{}: {}", case.name, error(10));
            assert!((error(20) - one).abs() < 5.1e-4, "{}: {}", case.name, error(20));
        }
    }
}
