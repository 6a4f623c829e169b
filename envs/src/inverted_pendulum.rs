//! Inverted pendulum: a cart on a rail keeps the pole on it upright.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | cart position, slider | 0 | m |
//! | pole angle from upright, hinge | 1 | rad |
//! | cart velocity | 2 | m/s |
//! | pole angular velocity | 3 | rad/s |
//!
//! | reward term | value |
//! | --- | --- |
//! | `alive` | 1 on every step that does not terminate; with `terminal_bonus` also on the one that does |
//!
//! An episode terminates when the pole leans by more than `max_angle`. One action in −3..=3, a
//! force of 100 N per unit on the cart; 25 actions per second.
//!
//! Start: cart at 0, pole upright; U(±0.01) on positions and velocities.
//!
//! Reference: Gymnasium 1.4 `InvertedPendulum-v5` (after Barto, Sutton and Anderson 1983,
//! doi:10.1109/TSMC.1983.6313077). Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::{not_negative, positive};
use crate::math::add_uniform;
use crate::{Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "inverted_pendulum";

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Lean of the pole beyond which an episode terminates, rad.
    pub max_angle: f64,
    /// Half-width of the uniform noise on the start positions (m, rad) and velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
    /// Whether the step that terminates earns 1, too, as in Brax.
    pub terminal_bonus: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_angle: 0.2, reset_noise_scale: 0.01, terminal_bonus: false }
    }
}

/// The task.
pub struct InvertedPendulum {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl InvertedPendulum {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        positive(NAME, "max_angle", config.max_angle)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let model =
            Model::from_mjcf(include_str!("../assets/inverted_pendulum.xml"), "inverted_pendulum.xml")?;
        let mut observations = Channel::positions(&model);
        observations.extend(Channel::velocities(&model));
        let spec = Spec {
            name: NAME,
            summary: "A cart on a rail keeps the pole on it upright.",
            differences: &[],
            start: "Cart at 0, pole upright; U(±reset_noise_scale) on positions and velocities.",
            termination: Some("The pole leans by more than max_angle."),
            observations,
            actions: Channel::controls(&model),
            terms: &["alive"],
            formulas: if config.terminal_bonus {
                &["1"]
            } else {
                &["1 unless the step terminates the episode"]
            },
            control_dt: 0.04,
            physics: PhysicsSettings::new(0.02, 2).iterations(EngineKind::Rapier, 2, 4).iterations(
                EngineKind::Lanes,
                4,
                8,
            ),
            horizon: 1000,
            memory: 0,
        };
        Ok(Self { config, spec, model: Arc::new(model) })
    }
}

impl Task for InvertedPendulum {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], _memory: &mut [f32]) {
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_uniform(rng, self.config.reset_noise_scale, qvel);
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        let (positions, velocities) = obs.split_at_mut(2);
        positions.copy_from_slice(world.qpos);
        velocities.copy_from_slice(world.qvel);
    }

    fn step(&self, world: &WorldView<'_>, _action: &[f32], _memory: &mut [f32], terms: &mut [f32]) -> bool {
        let upright = f64::from(world.qpos[1].abs()) <= self.config.max_angle;
        terms[0] = if upright || self.config.terminal_bonus { 1.0 } else { 0.0 };
        !upright
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::task::world;

    fn score(config: Config, angle: f32) -> (f32, bool) {
        let task = InvertedPendulum::new(config).unwrap();
        let qpos = [0.9, angle];
        let view = world(&qpos, &[0.0; 2]);
        let mut terms = [f32::NAN];
        let terminated = task.step(&view, &[3.0], &mut [], &mut terms);
        (terms[0], terminated)
    }

    #[test]
    fn pays_one_until_the_pole_leans_too_far() {
        for angle in [0.0, 0.19, -0.19] {
            assert_eq!(score(Config::default(), angle), (1.0, false), "{angle}");
        }
        for angle in [0.21, -0.21, f32::NAN] {
            assert_eq!(score(Config::default(), angle), (0.0, true), "{angle}");
        }
        let config = Config { max_angle: 0.5, ..Config::default() };
        assert_eq!(score(config.clone(), -0.4), (1.0, false));
        assert_eq!(score(config, -0.6), (0.0, true));
        let config = Config { terminal_bonus: true, ..Config::default() };
        assert_eq!((score(config.clone(), 0.1), score(config, 0.3)), ((1.0, false), (1.0, true)));
    }
}
