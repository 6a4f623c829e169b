//! Ant: a four-legged robot walks along +x as fast as it can without falling.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | torso height z | 0 | m |
//! | torso orientation, quaternion w x y z | 1–4 | |
//! | hip_1, ankle_1, …, hip_4, ankle_4 angle | 5–12 | rad |
//! | torso velocity, world frame | 13–15 | m/s |
//! | torso angular velocity, body frame | 16–18 | rad/s |
//! | hip_1, ankle_1, …, hip_4, ankle_4 velocity | 19–26 | rad/s |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · (x after − x before) / 0.05 s, x of the torso |
//! | `survive` | `healthy_reward` on every step that ends healthy, else 0 |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Healthy means that the torso's height is within `healthy_z_range`. An episode terminates on the
//! first unhealthy step. Eight actions in −1..=1, motors hip_4, ankle_4, hip_1, …, ankle_3, 150 N·m
//! each; 20 actions per second.
//!
//! Start: torso at 0.55 m, level; hips 0, ankles ±1 rad (bent down); U(±0.1) on every position, the
//! quaternion normalised again; 0.1 · N(0, 1) on every velocity.
//!
//! Reference: Gymnasium 1.4 `Ant-v5` (after Schulman et al. 2016, arXiv:1506.02438) for reward and
//! termination, Brax 0.14 `ant` for observations and start state. Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, StepOptions, WorldView};

use crate::error::{finite, interval, not_negative};
use crate::noise::{add_normal, add_uniform};
use crate::{Channel, EnvError, Fidelity, Spec, Task};

const NAME: &str = "ant";
const CONTROL_DT: f64 = 0.05;
/// Horizontal distance from the torso's centre to a hip, and from a hip to its ankle: 0.2·√2 m.
const LINK: f64 = 0.282_842_712_474_619;
/// From an ankle to the end of the lower leg: 0.4·√2 m.
const LOWER_LEG: f64 = 2.0 * LINK;
/// Radius of a leg plus the contact margins of leg and floor, m.
const FOOT: f64 = 0.08 + 0.02;

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
    /// Healthy heights of the torso, lowest and highest, m.
    pub healthy_z_range: (f64, f64),
    /// Whether an episode ends at the first unhealthy step.
    pub terminate_when_unhealthy: bool,
    /// Half-width of the uniform noise on the start positions (m, rad) and standard deviation of
    /// the noise on the start velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            forward_reward_weight: 1.0,
            ctrl_cost_weight: 0.5,
            healthy_reward: 1.0,
            healthy_z_range: (0.2, 1.0),
            terminate_when_unhealthy: true,
            reset_noise_scale: 0.1,
        }
    }
}

/// The task. Its memory is the torso's x before the step.
pub struct Ant {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl Ant {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "forward_reward_weight", config.forward_reward_weight)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        finite(NAME, "healthy_reward", config.healthy_reward)?;
        interval(NAME, "healthy_z_range", config.healthy_z_range)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let model = Model::from_mjcf(include_str!("../assets/ant.xml"), "ant.xml")?;
        let mut observations = Channel::positions(&model).split_off(2);
        observations.extend(Channel::velocities(&model));
        let spec = Spec {
            name: NAME,
            summary: "A four-legged robot walks along +x as fast as it can without falling.",
            differences: &[
                "Gymnasium Ant-v5: no contact forces, neither observed nor in the reward (27 instead of 105 observations).",
                "Gymnasium Ant-v5: starts at 0.55 m with ankles at ±1 rad, as in Brax, because all-zero angles lie outside the ankles' limits.",
                "Brax ant: the survive term is not paid on the step that terminates, as in Ant-v5.",
                "Both: the start is raised until no foot is below the floor; the start quaternion is normalised.",
            ],
            start: "Torso at 0.55 m, level, hips 0 rad, ankles ±1 rad; U(±reset_noise_scale) on positions, reset_noise_scale · N(0, 1) on velocities.",
            termination: Some("The torso's height leaves healthy_z_range."),
            observations,
            actions: Channel::controls(&model),
            terms: &["forward", "survive", "control"],
            formulas: &[
                "forward_reward_weight · Δx / control_dt",
                "healthy_reward if healthy, else 0",
                "−ctrl_cost_weight · Σ action²",
            ],
            control_dt: CONTROL_DT,
            horizon: 1000,
            memory: 1,
        };
        Ok(Self {
            config,
            spec,
            model: Arc::new(model),
        })
    }
}

impl Task for Ant {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn physics(&self, fidelity: Fidelity) -> StepOptions {
        let (timestep, substeps, iterations) = match fidelity {
            Fidelity::Default => (0.025, 2, 2),
            Fidelity::Reference => (0.01, 5, 4),
        };
        StepOptions {
            engine: EngineKind::Rapier,
            timestep,
            substeps,
            iterations,
        }
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        qpos[2] = 0.55;
        qpos[7..].copy_from_slice(&[0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0]);
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_normal(rng, self.config.reset_noise_scale, qvel);
        let norm = libm::sqrt(
            qpos[3..7]
                .iter()
                .map(|&q| f64::from(q) * f64::from(q))
                .sum(),
        );
        qpos[3..7]
            .iter_mut()
            .for_each(|q| *q = (f64::from(*q) / norm) as f32);
        qpos[2] = qpos[2].max((FOOT - lowest_foot(&qpos[3..7], &qpos[7..])) as f32);
        memory[0] = qpos[0];
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        let (positions, velocities) = obs.split_at_mut(13);
        positions.copy_from_slice(&world.qpos[2..]);
        velocities.copy_from_slice(world.qvel);
    }

    fn step(
        &self,
        world: &WorldView<'_>,
        action: &[f32],
        memory: &mut [f32],
        terms: &mut [f32],
    ) -> bool {
        let (x, z) = (world.qpos[0], f64::from(world.qpos[2]));
        let speed = (f64::from(x) - f64::from(memory[0])) / CONTROL_DT;
        memory[0] = x;
        let (low, high) = self.config.healthy_z_range;
        let healthy = low <= z && z <= high;
        let effort: f64 = action.iter().map(|&a| f64::from(a) * f64::from(a)).sum();
        terms[0] = (self.config.forward_reward_weight * speed) as f32;
        terms[1] = if healthy {
            self.config.healthy_reward as f32
        } else {
            0.0
        };
        terms[2] = (-self.config.ctrl_cost_weight * effort) as f32;
        self.config.terminate_when_unhealthy && !healthy
    }
}

/// Height of the lowest end of a lower leg's axis relative to the torso's centre, m, in a pose given
/// by the torso's quaternion and the eight joint angles (ankles bend down within their limits).
fn lowest_foot(quat: &[f32], joints: &[f32]) -> f64 {
    let [w, x, y, z] = [quat[0], quat[1], quat[2], quat[3]].map(f64::from);
    // Last row of the rotation matrix: world height of the torso's axes.
    let up = [
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        1.0 - 2.0 * (x * x + y * y),
    ];
    let mut lowest = f64::INFINITY;
    for (leg, angles) in joints.chunks_exact(2).enumerate() {
        let (hip, ankle) = (f64::from(angles[0]), libm::fabs(f64::from(angles[1])));
        let hip_direction = std::f64::consts::FRAC_PI_4 * (2 * leg + 1) as f64;
        let leg_direction = hip_direction + hip;
        let reach = LINK + LOWER_LEG * libm::cos(ankle);
        let forward = LINK * libm::cos(hip_direction) + reach * libm::cos(leg_direction);
        let sideways = LINK * libm::sin(hip_direction) + reach * libm::sin(leg_direction);
        let down = LOWER_LEG * libm::sin(ankle);
        lowest = lowest.min(up[0] * forward + up[1] * sideways - up[2] * down);
    }
    lowest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};

    use super::*;

    fn score(config: Config, x: [f32; 2], z: f32, action: [f32; 8]) -> ([f32; 3], bool) {
        let task = Ant::new(config).unwrap();
        let mut qpos = [0.0; 15];
        (qpos[0], qpos[2]) = (x[1], z);
        let world = WorldView {
            qpos: &qpos,
            qvel: &[0.0; 14],
            sensors: &[],
        };
        let (mut memory, mut terms) = ([x[0]], [f32::NAN; 3]);
        let terminated = task.step(&world, &action, &mut memory, &mut terms);
        assert_eq!(memory, [x[1]]);
        (terms, terminated)
    }

    #[test]
    fn terms_are_speed_bonus_and_effort() {
        // 0.125 m in 0.05 s is 2.5 m/s; 0.5 · (1 + 4 · 0.25) = 1.
        let action = [1.0, 0.5, -0.5, 0.5, -0.5, 0.0, 0.0, 0.0];
        assert_eq!(
            score(Config::default(), [1.0, 1.125], 0.5, action),
            ([2.5, 1.0, -1.0], false)
        );
        let config = Config {
            forward_reward_weight: 2.0,
            ctrl_cost_weight: 0.25,
            healthy_reward: 3.0,
            ..Config::default()
        };
        assert_eq!(
            score(config, [1.0, 0.875], 0.5, action),
            ([-5.0, 3.0, -0.5], false)
        );
    }

    #[test]
    fn an_unhealthy_step_terminates_without_bonus() {
        for z in [0.19, 1.01, f32::NAN, f32::INFINITY] {
            assert_eq!(
                score(Config::default(), [0.0; 2], z, [0.0; 8]),
                ([0.0, 0.0, -0.0], true),
                "{z}"
            );
        }
        for z in [0.21, 1.0] {
            assert_eq!(
                score(Config::default(), [0.0; 2], z, [0.0; 8]),
                ([0.0, 1.0, -0.0], false),
                "{z}"
            );
        }
        let config = Config {
            terminate_when_unhealthy: false,
            ..Config::default()
        };
        assert_eq!(
            score(config, [0.0; 2], 0.1, [0.0; 8]),
            ([0.0, 0.0, -0.0], false)
        );
    }

    #[test]
    fn feet_are_where_the_geometry_puts_them() {
        let bent = [0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0];
        let level = lowest_foot(&[1.0, 0.0, 0.0, 0.0], &bent);
        assert!(
            (level + 0.565_685_4 * 1.0_f64.sin()).abs() < 1e-6,
            "{level}"
        );
        // Legs straight and the torso rolled by 30° about x: the feet of legs 3 and 4 lie at
        // y = −0.8 m and sink by 0.8 m · sin 30°.
        let (c, s) = (15.0_f32.to_radians().cos(), 15.0_f32.to_radians().sin());
        let rolled = lowest_foot(&[c, s, 0.0, 0.0], &[0.0; 8]);
        assert!((rolled + 0.4).abs() < 1e-6, "{rolled}");
        // Pitched by 30° about y, nose down: legs 1 and 4 at x = 0.8 m.
        let pitched = lowest_foot(&[c, 0.0, s, 0.0], &[0.0; 8]);
        assert!((pitched + 0.4).abs() < 1e-6, "{pitched}");
        // Hip 1 turned by 45°: its foot lies at x = 0.2 m, y = 0.8 m·… along +y from the hip.
        let turned = lowest_foot(
            &[c, -s, 0.0, 0.0],
            &[45.0_f32.to_radians(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        );
        assert!(
            (turned + 0.5 * (0.2 + 0.6 * 2.0_f64.sqrt())).abs() < 1e-6,
            "{turned}"
        );
    }

    #[test]
    fn starts_are_legal_and_above_the_floor() {
        let task = Ant::new(Config::default()).unwrap();
        for seed in 0..1000 {
            let mut qpos: Vec<f32> = task.model().qpos0.iter().map(|&q| q as f32).collect();
            let (mut qvel, mut memory) = ([0.0; 14], [f32::NAN]);
            task.reset(
                &mut ChaCha8Rng::seed_from_u64(seed),
                &mut qpos,
                &mut qvel,
                &mut memory,
            );
            let norm: f32 = qpos[3..7].iter().map(|q| q * q).sum();
            assert!((norm - 1.0).abs() < 1e-6);
            for (joint, &angle) in task.model().joints[1..].iter().zip(&qpos[7..]) {
                let [low, high] = joint.range;
                assert!(
                    low < f64::from(angle) && f64::from(angle) < high,
                    "{}: {angle}",
                    joint.name
                );
            }
            assert!(f64::from(qpos[2]) + lowest_foot(&qpos[3..7], &qpos[7..]) > FOOT - 1e-6);
            assert!(qpos[2] < 1.0, "healthy at the start");
            assert_eq!(memory[0], qpos[0]);
        }
    }
}
