//! Swing-up: a motor that is too weak to lift a rod swings it up and keeps it there.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | cosine and sine of the angle from upright | 0–1 | 1 |
//! | angular velocity | 2 | rad/s |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `height` | cosine of the angle |
//! | `control` | −`ctrl_cost_weight` · a² |
//!
//! One action in −1..=1, a torque of 1 N m per unit; 20 actions per second. Episodes do not terminate.
//!
//! Start: hanging down; U(±0.1) on angle (rad) and velocity (rad/s).
//!
//! Reference: none; made for the tutorial "An environment of your own".

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{Model, WorldView};

use crate::error::not_negative;
use crate::math::add_uniform;
use crate::{Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "swing_up";

/// Settings of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Factor on Σ action².
    pub ctrl_cost_weight: f64,
    /// Half-width of the uniform noise on the start's angle (rad) and velocity (rad/s).
    pub reset_noise_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { ctrl_cost_weight: 0.01, reset_noise_scale: 0.1 }
    }
}

/// The task.
pub struct SwingUp {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl SwingUp {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        not_negative(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let model = Model::from_mjcf(include_str!("../assets/swing_up.xml"), "swing_up.xml")?;
        let mut observations =
            ["cosine", "sine"].map(|name| Channel::bounded(format!("angle {name}"), "", -1.0, 1.0)).to_vec();
        observations.extend(Channel::velocities(&model));
        let spec = Spec {
            name: NAME,
            summary: "A motor that is too weak to lift a rod swings it up and keeps it there.",
            differences: &[],
            start: "Hanging down; U(±reset_noise_scale) on angle and velocity.",
            termination: None,
            observations,
            actions: Channel::controls(&model),
            terms: &["height", "control"],
            formulas: &["cosine of the angle from upright", "−ctrl_cost_weight · action²"],
            control_dt: 0.05,
            physics: PhysicsSettings::new(0.01, 5),
            horizon: 200,
            memory: 0,
        };
        Ok(Self { config, spec, model: Arc::new(model) })
    }
}

impl Task for SwingUp {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], _memory: &mut [f32]) {
        qpos[0] = std::f32::consts::PI;
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_uniform(rng, self.config.reset_noise_scale, qvel);
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        let angle = world.qpos[0];
        obs.copy_from_slice(&[libm::cosf(angle), libm::sinf(angle), world.qvel[0]]);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], _memory: &mut [f32], terms: &mut [f32]) -> bool {
        let torque = f64::from(action[0]);
        terms[0] = libm::cosf(world.qpos[0]);
        terms[1] = (-self.config.ctrl_cost_weight * torque * torque) as f32;
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use sim::EngineKind;

    use super::*;
    use crate::task::world;
    use crate::{Fidelity, check};

    #[test]
    fn height_is_paid_and_torque_costs() {
        let task = SwingUp::new(Config { ctrl_cost_weight: 0.5, ..Config::default() }).unwrap();
        let mut terms = [0.0; 2];
        for (angle, action, expected) in
            [(0.0, 0.0, [1.0, 0.0]), (std::f32::consts::PI, 1.0, [-1.0, -0.5]), (0.0, -1.0, [1.0, -0.5])]
        {
            assert!(!task.step(&world(&[angle], &[0.0]), &[action], &mut [], &mut terms));
            assert_eq!(terms, expected, "{angle} {action}");
        }
        assert!(SwingUp::new(Config { ctrl_cost_weight: -1.0, ..Config::default() }).is_err());
    }

    #[test]
    fn keeps_the_contract_in_both_engines() -> Result<(), EnvError> {
        let task: Arc<dyn Task> = Arc::new(SwingUp::new(Config::default())?);
        for engine in EngineKind::ALL {
            check(&task, task.physics(engine, Fidelity::Default))?;
        }
        Ok(())
    }
}
