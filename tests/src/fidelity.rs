//! How far the engines are from MuJoCo on the reference robots.

use std::collections::BTreeMap;

use envs::{EnvConfig, Fidelity};
use serde::Deserialize;
use sim::{EngineKind, SimError, StepOptions};

use crate::data;
use crate::reference::{Case, Reference, Trajectory, rms};

/// Sweeps after which more change next to nothing.
pub const LANES_CONVERGED: usize = 50;

/// How much worse than MuJoCo's own Euler lanes may be against the truth.
pub const FACTOR: f64 = 1.3;

/// Errors up to this, rad, are as good as none.
pub const FLOOR: f64 = 5e-4;

/// How much worse than MuJoCo's own Euler rapier may be against the truth in free flight.
pub const RAPIER_FACTOR: f64 = 2.0;

/// Largest difference to MuJoCo's Euler over half a second, rad, where the motion is not chaotic.
pub const TO_EULER: f64 = 5e-3;

/// Growth of a small disturbance over half a second in MuJoCo itself above which motion is chaotic:
/// single precision and another order of operations may then not end within [`TO_EULER`].
pub const CHAOS: f64 = 100.0;

/// How far a run is from another.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    /// Root mean square of the joints over the first half second, rad.
    pub half: f64,
    /// The same over the first second, rad.
    pub one: f64,
    /// Root mean square of the roots' positions over the first half second, m.
    pub root_half: f64,
    /// The same over the first second, m.
    pub root_one: f64,
}

impl Errors {
    /// Compares two runs of a robot. Where trajectories end before the second, up to their end.
    #[must_use]
    pub fn between(robot: &Reference, a: &Trajectory, b: &Trajectory) -> Self {
        let (joints, root) = (robot.joints(), robot.root());
        let error = |seconds, columns: &[usize]| rms(&a.qpos, &b.qpos, rows(robot, b, seconds), columns);
        Self {
            half: error(0.5, &joints),
            one: error(1.0, &joints),
            root_half: error(0.5, &root),
            root_one: error(1.0, &root),
        }
    }
}

/// Number of control steps in `seconds`, or in the whole trajectory if that is less.
#[must_use]
pub fn rows(robot: &Reference, run: &Trajectory, seconds: f64) -> usize {
    ((seconds / robot.control_dt).round() as usize).min(run.qpos.len() - 1)
}

/// Whether lanes is as near to the truth as MuJoCo's Euler, with [`FACTOR`] and [`FLOOR`].
#[must_use]
pub fn as_good(ours: f64, mujoco_euler: f64) -> bool {
    ours <= (FACTOR * mujoco_euler).max(FLOOR)
}

/// How many times as far from the truth as MuJoCo's Euler a run is; 0 if it is within [`FLOOR`].
#[must_use]
pub fn times_euler(ours: f64, mujoco_euler: f64) -> f64 {
    if ours <= FLOOR { 0.0 } else { ours / mujoco_euler }
}

/// Steps of an engine as the robot's task trains with it.
///
/// # Panics
/// If a robot has no task, or a shipped task does not build with its default settings.
#[must_use]
pub fn settings(robot: &Reference, engine: EngineKind) -> StepOptions {
    let config = EnvConfig::from_name(robot.name).expect("every reference robot has a task");
    config.build().expect("default settings are valid").physics(engine, Fidelity::Default)
}

/// One robot, case and engine.
///
/// # Errors
/// [`SimError::Unsupported`] if the engine refuses the model.
pub fn play(robot: &Reference, case: &Case, engine: EngineKind) -> Result<Trajectory, SimError> {
    robot.play(case, settings(robot, engine))
}

/// How a case of MuJoCo's own reacts to a small disturbance, see `data/physics/SOURCE.md`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Sensitivity {
    /// Growth of a disturbance of all coordinates over half a second, a factor.
    pub growth_half: f64,
    /// The same over a second.
    pub growth_one: f64,
}

impl Sensitivity {
    /// Whether half a second is too long to compare trajectories.
    #[must_use]
    pub fn chaotic(&self) -> bool {
        self.growth_half > CHAOS
    }
}

/// By robot and case.
///
/// # Panics
/// If the data are damaged.
#[must_use]
pub fn sensitivities() -> BTreeMap<String, BTreeMap<String, Sensitivity>> {
    let text = std::fs::read_to_string(data("physics/sensitivity.json")).expect("reference data");
    serde_json::from_str(&text).expect("reference data are JSON")
}
