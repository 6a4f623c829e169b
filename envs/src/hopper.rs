//! Hopper: a planar one-legged robot hops along +x as fast as it can without falling.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | torso height, rootz | 0 | m |
//! | torso pitch, rooty | 1 | rad |
//! | thigh, leg, foot angle | 2–4 | rad |
//! | torso velocity along x and z, within ±10 | 5–6 | m/s |
//! | torso pitch rate, thigh, leg, foot velocity, within ±10 | 7–10 | rad/s |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · (x after − x before) / 0.008 s, x of the torso |
//! | `survive` | `healthy_reward` on every step that ends healthy, else 0; with `terminal_bonus` also on the last |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Healthy: the torso is higher than `healthy_z_min`, its pitch is within `healthy_angle_range`, and
//! every other coordinate and all velocities are within `healthy_state_range`. An episode terminates
//! on the first unhealthy step. Three actions in −1..=1, 200 N·m each, 125 per second.
//!
//! Start: upright at 1.25 m; U(±0.005) on every position and velocity.
//!
//! Reference: Gymnasium 1.4 `Hopper-v5` (after Erez, Tassa and Todorov 2011, RSS). Differences: see
//! [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::{finite, interval, not_negative};
use crate::math::{add_uniform, clip_to};
use crate::pay::{self, Pay, speed};
use crate::{Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "hopper";
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
    /// Height of the torso above which it is healthy, m.
    pub healthy_z_min: f64,
    /// Healthy pitch of the torso, rad; the limits themselves are not.
    pub healthy_angle_range: (f64, f64),
    /// Healthy range of all coordinates but x and z and of all velocities; the limits are not.
    pub healthy_state_range: (f64, f64),
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
            healthy_z_min: 0.7,
            healthy_angle_range: (-0.2, 0.2),
            healthy_state_range: (-100.0, 100.0),
            terminate_when_unhealthy: true,
            terminal_bonus: false,
            reset_noise_scale: 5e-3,
        }
    }
}

/// The task. Its memory is the torso's x before the step.
pub struct Hopper {
    config: Config,
    pay: Pay,
    spec: Spec,
    model: Arc<Model>,
}

impl Hopper {
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
        finite(NAME, "healthy_z_min", config.healthy_z_min)?;
        interval(NAME, "healthy_angle_range", config.healthy_angle_range)?;
        interval(NAME, "healthy_state_range", config.healthy_state_range)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let model = Model::from_mjcf(include_str!("../assets/hopper.xml"), "hopper.xml")?;
        let mut observations = Channel::positions(&model).split_off(1);
        observations.extend(Channel::velocities(&model).into_iter().map(|c| c.within(MAX_RATE)));
        let spec = Spec {
            name: NAME,
            summary: "A planar one-legged robot hops along +x as fast as it can without falling.",
            differences: &[],
            start: "Upright, torso at 1.25 m; U(±reset_noise_scale) on positions and velocities.",
            termination: Some(
                "The torso sinks below healthy_z_min, or its pitch leaves healthy_angle_range, or another coordinate or a velocity leaves healthy_state_range.",
            ),
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

    fn healthy(&self, world: &WorldView<'_>) -> bool {
        let inside = |(low, high): (f64, f64), x: f32| low < f64::from(x) && f64::from(x) < high;
        let mut state = world.qpos[2..].iter().chain(world.qvel);
        f64::from(world.qpos[1]) > self.config.healthy_z_min
            && inside(self.config.healthy_angle_range, world.qpos[2])
            && state.all(|&x| inside(self.config.healthy_state_range, x))
    }
}

impl Task for Hopper {
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
        let (positions, velocities) = obs.split_at_mut(5);
        positions.copy_from_slice(&world.qpos[1..]);
        clip_to(MAX_RATE, world.qvel, velocities);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let speed = speed(world.qpos[0], &mut memory[0], CONTROL_DT);
        let healthy = self.healthy(world);
        self.pay.score(speed, healthy, action, terms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::task::world;

    fn score(config: Config, qpos: [f32; 6], qvel: [f32; 6]) -> ([f32; 3], bool) {
        let task = Hopper::new(config).unwrap();
        let (mut memory, mut terms) = ([1.0], [f32::NAN; 3]);
        let terminated = task.step(&world(&qpos, &qvel), &[1.0, 0.5, -0.5], &mut memory, &mut terms);
        assert_eq!(memory, [qpos[0]]);
        (terms, terminated)
    }

    #[test]
    fn terms_are_speed_bonus_and_effort() {
        // 1/64 m in 0.008 s; 1e-3 · (1 + 2 · 0.25).
        let qpos = [1.015_625, 1.2, 0.1, -0.5, -0.5, 0.3];
        let (terms, terminated) = score(Config::default(), qpos, [0.0; 6]);
        assert_eq!((terms, terminated), ([1.953_125, 1.0, -1.5e-3], false));
        let config = Config { forward_reward_weight: 2.0, healthy_reward: 3.0, ..Config::default() };
        assert_eq!(score(config, qpos, [0.0; 6]).0, [3.906_25, 3.0, -1.5e-3]);
    }

    #[test]
    fn it_falls_by_height_pitch_or_speed() {
        let sound = ([1.0, 1.2, 0.0, 0.0, 0.0, 0.0], [0.0; 6]);
        assert!(!score(Config::default(), sound.0, sound.1).1);
        for (index, value) in [(1, 0.69), (2, 0.21), (2, -0.21), (3, -101.0), (1, f32::NAN)] {
            let mut qpos = sound.0;
            qpos[index] = value;
            let (terms, terminated) = score(Config::default(), qpos, sound.1);
            assert!(terminated && terms[1] == 0.0, "{index} {value}");
            let config = Config { terminate_when_unhealthy: false, ..Config::default() };
            let (terms, terminated) = score(config, qpos, sound.1);
            assert!(!terminated && terms[1] == 0.0, "{index} {value}");
        }
        assert!(score(Config::default(), sound.0, [0.0, 0.0, 0.0, 0.0, 0.0, 100.5]).1);
    }

    #[test]
    fn velocities_are_clipped_in_what_is_seen() {
        let task = Hopper::new(Config::default()).unwrap();
        let mut obs = [f32::NAN; 11];
        let (qpos, qvel) = ([9.0, 1.2, 0.1, 0.2, 0.3, 0.4], [1.0, -11.0, 12.0, 10.0, -3.0, 0.5]);
        task.observe(&world(&qpos, &qvel), &[0.0], &mut obs);
        assert_eq!(obs, [1.2, 0.1, 0.2, 0.3, 0.4, 1.0, -10.0, 10.0, 10.0, -3.0, 0.5]);
    }
}
