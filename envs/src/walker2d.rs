//! Walker2d: a planar two-legged robot walks along +x as fast as it can without falling.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | torso height, rootz | 0 | m |
//! | torso pitch, rooty | 1 | rad |
//! | thigh, leg, foot angle, then those of the left leg | 2–7 | rad |
//! | torso velocity along x and z, within ±10 | 8–9 | m/s |
//! | torso pitch rate, then the joints' velocities, within ±10 | 10–16 | rad/s |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · (x after − x before) / 0.008 s, x of the torso |
//! | `survive` | `healthy_reward` on every step that ends healthy, else 0; with `terminal_bonus` also on the last |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Healthy: the torso's height is within `healthy_z_range` and its pitch within
//! `healthy_angle_range`. An episode terminates on the first unhealthy step. Six actions in −1..=1,
//! 100 N·m each, 125 per second.
//!
//! Start: upright at 1.25 m; U(±0.005) on every position and velocity.
//!
//! Reference: Gymnasium 1.4 `Walker2d-v5` (after Erez, Tassa and Todorov 2011, RSS). Differences: see
//! [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::{interval, not_negative};
use crate::math::{add_uniform, clip_to};
use crate::pay::{self, Pay, speed};
use crate::{Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "walker2d";
const CONTROL_DT: f64 = 0.008;
/// Largest observed velocity, m/s and rad/s.
const MAX_RATE: f32 = 10.0;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Reward per m/s along +x.
    pub forward_reward_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Reward per healthy step.
    pub healthy_reward: f64,
    /// Healthy heights of the torso, m; the limits themselves are not.
    pub healthy_z_range: (f64, f64),
    /// Healthy pitch of the torso, rad; the limits themselves are not.
    pub healthy_angle_range: (f64, f64),
    /// Whether an episode ends at the first unhealthy step.
    pub terminate_when_unhealthy: bool,
    /// Whether the step that ends unhealthy earns `healthy_reward`, too, as in Brax.
    pub terminal_bonus: bool,
    /// Half-width of the uniform noise on the start positions (m, rad) and velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            forward_reward_weight: 1.0,
            ctrl_cost_weight: 1e-3,
            healthy_reward: 1.0,
            healthy_z_range: (0.8, 2.0),
            healthy_angle_range: (-1.0, 1.0),
            terminate_when_unhealthy: true,
            terminal_bonus: false,
            reset_noise_scale: 5e-3,
        }
    }
}

/// The task. Its memory is the torso's x before the step.
pub struct Walker2d {
    config: Config,
    pay: Pay,
    spec: Spec,
    model: Arc<Model>,
}

impl Walker2d {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        let pay = Pay {
            forward: config.forward_reward_weight,
            healthy: config.healthy_reward,
            control: config.ctrl_cost_weight,
            terminate: config.terminate_when_unhealthy,
            last: config.terminal_bonus,
        };
        let pay = pay.check(NAME)?;
        interval(NAME, "healthy_z_range", config.healthy_z_range)?;
        interval(NAME, "healthy_angle_range", config.healthy_angle_range)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let model = Model::from_mjcf(include_str!("../assets/walker2d.xml"), "walker2d.xml")?;
        let mut observations = Channel::positions(&model).split_off(1);
        observations.extend(Channel::velocities(&model).into_iter().map(|c| c.within(MAX_RATE)));
        let spec = Spec {
            name: NAME,
            summary: "A planar two-legged robot walks along +x as fast as it can without falling.",
            differences: &[],
            start: "Upright, torso at 1.25 m; U(±reset_noise_scale) on positions and velocities.",
            termination: Some("The torso's height leaves healthy_z_range or its pitch healthy_angle_range."),
            observations,
            actions: Channel::controls(&model),
            terms: &pay::TERMS[..3],
            formulas: &[pay::FORWARD, pay::SURVIVE, pay::CONTROL],
            control_dt: CONTROL_DT,
            physics: PhysicsSettings::new(0.002, 4).coarse(EngineKind::Rapier, 0.004, 2, 2),
            horizon: 1000,
            memory: 1,
        };
        Ok(Self { config, pay, spec, model: Arc::new(model) })
    }
}

impl Task for Walker2d {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_uniform(rng, self.config.reset_noise_scale, qvel);
        memory[0] = qpos[0];
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        let (positions, velocities) = obs.split_at_mut(8);
        positions.copy_from_slice(&world.qpos[1..]);
        clip_to(MAX_RATE, world.qvel, velocities);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let speed = speed(world.qpos[0], &mut memory[0], CONTROL_DT);
        let inside = |(low, high): (f64, f64), x: f32| low < f64::from(x) && f64::from(x) < high;
        let healthy = inside(self.config.healthy_z_range, world.qpos[1])
            && inside(self.config.healthy_angle_range, world.qpos[2]);
        self.pay.score(speed, healthy, action, terms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::task::world;

    fn score(config: Config, x: f32, z: f32, pitch: f32) -> ([f32; 3], bool) {
        let task = Walker2d::new(config).unwrap();
        let mut qpos = [0.0; 9];
        qpos[..3].copy_from_slice(&[x, z, pitch]);
        let (mut memory, mut terms) = ([1.0], [f32::NAN; 3]);
        let action = [1.0, 0.5, -0.5, 0.0, 0.0, 0.0];
        let terminated = task.step(&world(&qpos, &[0.0; 9]), &action, &mut memory, &mut terms);
        assert_eq!(memory, [x]);
        (terms, terminated)
    }

    #[test]
    fn terms_are_speed_bonus_and_effort() {
        // −1/64 m in 0.008 s; 1e-3 · (1 + 2 · 0.25).
        let expected = ([-1.953_125, 1.0, -1.5e-3], false);
        assert_eq!(score(Config::default(), 0.984_375, 1.2, 0.1), expected);
        let config = Config { ctrl_cost_weight: 1.0, healthy_reward: 0.25, ..Config::default() };
        assert_eq!(score(config, 1.0, 1.2, 0.1).0, [0.0, 0.25, -1.5]);
    }

    #[test]
    fn it_falls_by_height_or_pitch() {
        for (z, pitch) in [(0.79, 0.0), (2.01, 0.0), (1.2, 1.0), (1.2, -1.1), (f32::NAN, 0.0)] {
            assert_eq!(score(Config::default(), 1.0, z, pitch), ([0.0, 0.0, -1.5e-3], true), "{z} {pitch}");
            let config = Config { terminate_when_unhealthy: false, ..Config::default() };
            assert!(!score(config, 1.0, z, pitch).1);
        }
        for (z, pitch) in [(0.81, 0.0), (1.99, 0.0), (1.2, 0.99), (1.2, -0.99)] {
            assert!(!score(Config::default(), 1.0, z, pitch).1, "{z} {pitch}");
        }
    }
}
