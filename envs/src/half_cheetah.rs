//! Half-cheetah: a planar two-legged robot runs along +x as fast as it can.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | torso height (relative to the start), rootz | 0 | m |
//! | torso pitch, rooty | 1 | rad |
//! | bthigh, bshin, bfoot, fthigh, fshin, ffoot angle | 2–7 | rad |
//! | torso velocity along x and z | 8–9 | m/s |
//! | torso pitch rate | 10 | rad/s |
//! | bthigh, bshin, bfoot, fthigh, fshin, ffoot velocity | 11–16 | rad/s |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · (x after − x before) / 0.05 s, x of the torso |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Episodes never terminate. Six actions in −1..=1, motors bthigh, bshin, bfoot, fthigh, fshin,
//! ffoot with 120, 90, 60, 120, 60, 30 N·m; 20 actions per second.
//!
//! Start: all joints at 0; U(±0.1) on every position, 0.1 · N(0, 1) on every velocity.
//!
//! Reference: Gymnasium 1.4 `HalfCheetah-v5` (after Wawrzyński 2009). Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::{finite, not_negative};
use crate::math::{add_normal, add_uniform};
use crate::pay::{self, control, forward, speed};
use crate::{Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "half_cheetah";
const CONTROL_DT: f64 = 0.05;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Reward per m/s along +x.
    pub forward_reward_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Half-width of the uniform noise on the start positions (m, rad) and standard deviation of
    /// the noise on the start velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { forward_reward_weight: 1.0, ctrl_cost_weight: 0.1, reset_noise_scale: 0.1 }
    }
}

/// The task. Its memory is the torso's x before the step.
pub struct HalfCheetah {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl HalfCheetah {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "forward_reward_weight", config.forward_reward_weight)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let model = Model::from_mjcf(include_str!("../assets/half_cheetah.xml"), "half_cheetah.xml")?;
        let mut observations = Channel::positions(&model).split_off(1);
        observations.extend(Channel::velocities(&model));
        let spec = Spec {
            name: NAME,
            summary: "A planar two-legged robot runs along +x as fast as it can.",
            differences: &[],
            start: "All joints at 0; U(±reset_noise_scale) on positions, reset_noise_scale · N(0, 1) on velocities.",
            termination: None,
            observations,
            actions: Channel::controls(&model),
            terms: &["forward", "control"],
            formulas: &[pay::FORWARD, pay::CONTROL],
            control_dt: CONTROL_DT,
            // One rapier iteration is not enough: the robot drifts by metres under random actions.
            physics: PhysicsSettings::new(0.01, 5).coarse(EngineKind::Rapier, 0.0125, 4, 2),
            horizon: 1000,
            memory: 1,
        };
        Ok(Self { config, spec, model: Arc::new(model) })
    }
}

impl Task for HalfCheetah {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_normal(rng, self.config.reset_noise_scale, qvel);
        memory[0] = qpos[0];
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        let (positions, velocities) = obs.split_at_mut(8);
        positions.copy_from_slice(&world.qpos[1..]);
        velocities.copy_from_slice(world.qvel);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let speed = speed(world.qpos[0], &mut memory[0], CONTROL_DT);
        terms[0] = forward(self.config.forward_reward_weight, speed);
        terms[1] = control(self.config.ctrl_cost_weight, action);
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};

    use super::*;
    use crate::task::world;
    use crate::{Envs, Fidelity};

    #[test]
    fn terms_are_speed_and_effort() {
        let task = HalfCheetah::new(Config::default()).unwrap();
        let mut qpos = [0.0; 9];
        qpos[0] = -2.25;
        let view = world(&qpos, &[0.0; 9]);
        let (mut memory, mut terms) = ([-2.5], [f32::NAN; 2]);
        // 0.25 m in 0.05 s is 5 m/s; 0.1 · (1 + 1 + 0.25 + 0.25) = 0.25.
        let action = [1.0, -1.0, 0.5, -0.5, 0.0, 0.0];
        assert!(!task.step(&view, &action, &mut memory, &mut terms));
        assert_eq!(terms, [5.0, -0.25]);
        // Standing still from here on: only the effort counts.
        assert!(!task.step(&view, &action, &mut memory, &mut terms));
        assert_eq!(terms, [0.0, -0.25]);
    }

    #[test]
    fn friction_stops_a_passive_robot() {
        let task: Arc<dyn Task> = Arc::new(HalfCheetah::new(Config::default()).unwrap());
        for fidelity in [Fidelity::Default, Fidelity::Reference] {
            let mut envs =
                Envs::new(task.clone(), 1, task.physics(EngineKind::Rapier, fidelity), 1000).unwrap();
            for seed in 0..8 {
                envs.reset(0, &mut ChaCha8Rng::seed_from_u64(seed));
                (0..100).for_each(|_| envs.step(&[true], &[0.0; 6]));
                let speed = envs.view(0).qvel[0];
                assert!(speed.abs() < 0.01, "{fidelity:?}, seed {seed}: {speed} m/s after 5 s");
            }
        }
    }

    #[test]
    fn observations_leave_out_x() {
        let task = HalfCheetah::new(Config::default()).unwrap();
        let qpos: Vec<f32> = (0..9).map(|i| i as f32).collect();
        let qvel: Vec<f32> = (10..19).map(|i| i as f32).collect();
        let mut obs = vec![f32::NAN; task.spec().observations.len()];
        task.observe(&world(&qpos, &qvel), &[0.0], &mut obs);
        let expected: Vec<f32> = (1..9).chain(10..19).map(|i| i as f32).collect();
        assert_eq!(obs, expected);
        assert_eq!(task.spec().observations[1].name, "rooty angle");
        assert_eq!(task.spec().observations[8].name, "rootx velocity");
    }
}
