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
//! With `observations: Gymnasium`, 105: for each of the 13 bodies also moment about the robot's centre of
//! mass (N·m) and force (N) of its contacts, each clipped to ±1.
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · (x after − x before) / 0.05 s, x of the torso |
//! | `survive` | `healthy_reward` on every step that ends healthy, else 0; with `terminal_bonus` also on the last |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//! | `contact` | −`contact_cost_weight` · Σ (contact moments and forces, clipped to ±1)²; only if that is above 0 |
//!
//! Healthy: the torso's height is within `healthy_z_range`. An episode terminates on the first
//! unhealthy step. Eight actions in −1..=1, 150 N·m each, 20 per second.
//!
//! Start: torso at 0.55 m, level; hips 0, ankles ±1 rad (bent down); U(±0.1) on every position,
//! raised if a foot would be below the floor; 0.1 · N(0, 1) on every velocity.
//!
//! Reference: Gymnasium 1.4 `Ant-v5` (after Schulman et al. 2016, arXiv:1506.02438) for reward and
//! termination, Brax 0.14 `ant` for observations and start state. Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, Sensor, WorldView};

use crate::error::{interval, not_negative};
use crate::math::{add_normal, add_uniform, sum_of_squares};
use crate::pay::{self, Pay, speed};
use crate::whole_body::WholeBody;
use crate::{Channel, EnvError, Observations, PhysicsSettings, Spec, Task, Variant};

const NAME: &str = "ant";
pub(crate) const CONTROL_DT: f64 = 0.05;
/// Horizontal distance from the torso's centre to a hip, and from a hip to its ankle: 0.2·√2 m.
const LINK: f64 = 0.282_842_712_474_619;
/// From an ankle to the end of the lower leg: 0.4·√2 m.
const LOWER_LEG: f64 = 2.0 * LINK;
/// Radius of a leg plus the contact margins of leg and floor, m.
const FOOT: f64 = 0.08 + 0.02;
/// Observations of the joints alone.
const JOINTS: usize = 27;
/// Contact moments and forces are clipped to ± this, N·m and N.
const CONTACT: f32 = 1.0;

/// Of the reward terms, the last one only if contacts cost something.
const FORMULAS: &[&str] =
    &[pay::FORWARD, pay::SURVIVE, pay::CONTROL, "−contact_cost_weight · Σ (contact moments and forces)²"];

/// Settings of the task. The defaults are Brax's but for `terminal_bonus`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Reward per m/s along +x.
    pub forward_reward_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Cost per squared N and N·m of contact forces, each clipped to ±1; Gymnasium has 5e-4.
    pub contact_cost_weight: f64,
    /// Reward per healthy step.
    pub healthy_reward: f64,
    /// Healthy heights of the torso, lowest and highest, m.
    pub healthy_z_range: (f64, f64),
    /// Whether an episode ends at the first unhealthy step.
    pub terminate_when_unhealthy: bool,
    /// Whether the step that ends unhealthy earns `healthy_reward`, too, as in Brax.
    pub terminal_bonus: bool,
    /// Half-width of the uniform noise on the start positions (m, rad) and standard deviation of
    /// the noise on the start velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
    /// Start: torso at 0.55 m and ankles bent by 1 rad as in Brax, or 0.75 m and all angles 0, outside
    /// the ankles' limits, as in Gymnasium.
    pub start: Variant,
    /// What is observed: 27 values as in Brax, or 105 with contact forces as in Gymnasium.
    pub observations: Observations,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            forward_reward_weight: 1.0,
            ctrl_cost_weight: 0.5,
            contact_cost_weight: 0.0,
            healthy_reward: 1.0,
            healthy_z_range: (0.2, 1.0),
            terminate_when_unhealthy: true,
            terminal_bonus: false,
            reset_noise_scale: 0.1,
            start: Variant::Brax,
            observations: Observations::Brax,
        }
    }
}

/// The task. Its memory is the torso's x before the step.
pub struct Ant {
    config: Config,
    pay: Pay,
    spec: Spec,
    model: Arc<Model>,
    /// Bodies and their contacts, if these are observed or cost something.
    body: Option<WholeBody>,
}

impl Ant {
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
        not_negative(NAME, "contact_cost_weight", config.contact_cost_weight)?;
        interval(NAME, "healthy_z_range", config.healthy_z_range)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let lists = [Observations::Brax, Observations::Gymnasium];
        config.observations.one_of(NAME, &lists, "expected Brax or Gymnasium")?;
        let model = Model::from_mjcf(include_str!("../assets/ant.xml"), "ant.xml")?;
        let mut observations = Channel::positions(&model).split_off(2);
        observations.extend(Channel::velocities(&model));
        let (felt, costly) =
            (config.observations == Observations::Gymnasium, config.contact_cost_weight > 0.0);
        let body = (felt || costly).then(|| WholeBody::new(&model, false, true));
        if let Some(body) = body.as_ref().filter(|_| felt) {
            observations.extend(body.contact_channels().into_iter().map(|c| c.within(CONTACT)));
        }
        let count = if costly { FORMULAS.len() } else { FORMULAS.len() - 1 };
        let spec = Spec {
            name: NAME,
            summary: "A four-legged robot walks along +x as fast as it can without falling.",
            differences: &[
                "Gymnasium Ant-v5: contact forces are the mean over the last physics step.",
                "Both: the start is raised until no foot is below the floor.",
            ],
            start: match config.start {
                Variant::Brax => {
                    "Torso at 0.55 m, level, hips 0 rad, ankles ±1 rad; U(±reset_noise_scale) on positions, reset_noise_scale · N(0, 1) on velocities."
                }
                Variant::Gymnasium => {
                    "Torso at 0.75 m, level, all angles 0; U(±reset_noise_scale) on positions, reset_noise_scale · N(0, 1) on velocities."
                }
            },
            termination: Some("The torso's height leaves healthy_z_range."),
            observations,
            actions: Channel::controls(&model),
            terms: &pay::TERMS[..count],
            formulas: &FORMULAS[..count],
            control_dt: CONTROL_DT,
            physics: PhysicsSettings::new(0.01, 5).coarse(EngineKind::Rapier, 0.025, 2, 2),
            horizon: 1000,
            memory: 1,
        };
        Ok(Self { config, pay, spec, model: Arc::new(model), body })
    }

    /// Draws a start on flat ground at height 0.
    pub(crate) fn start(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32]) {
        let (height, ankle) = match self.config.start {
            Variant::Brax => (0.55, 1.0),
            Variant::Gymnasium => (0.75, 0.0),
        };
        qpos[2] = height;
        qpos[7..].copy_from_slice(&[0.0, ankle, 0.0, -ankle, 0.0, -ankle, 0.0, ankle]);
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_normal(rng, self.config.reset_noise_scale, qvel);
        qpos[2] = qpos[2].max((FOOT - lowest_foot(&qpos[3..7], &qpos[7..])) as f32);
    }

    /// Writes the reward terms of a step that went at `speed` (m/s) and ended with the torso at
    /// `height` above the ground (m); returns whether the episode has terminated.
    pub(crate) fn score(
        &self,
        world: &WorldView<'_>,
        speed: f64,
        height: f64,
        action: &[f32],
        terms: &mut [f32],
    ) -> bool {
        let (low, high) = self.config.healthy_z_range;
        let healthy = low <= height && height <= high;
        let over = self.pay.score(speed, healthy, action, terms);
        if let (Some(body), [_, _, _, contact]) = (&self.body, terms) {
            let squares = body.contact_squares(world, &body.poses(world), f64::from(CONTACT));
            *contact = (-self.config.contact_cost_weight * squares) as f32;
        }
        over
    }
}

impl Task for Ant {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn sensors(&self) -> Vec<Sensor> {
        self.body.as_ref().map_or_else(Vec::new, WholeBody::sensors)
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        self.start(rng, qpos, qvel);
        memory[0] = qpos[0];
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        let (joints, contacts) = obs.split_at_mut(JOINTS);
        let (positions, velocities) = joints.split_at_mut(13);
        positions.copy_from_slice(&world.qpos[2..]);
        velocities.copy_from_slice(world.qvel);
        if let Some(body) = self.body.as_ref().filter(|_| !contacts.is_empty()) {
            body.contact_forces(world, &body.poses(world), contacts);
            contacts.iter_mut().for_each(|x| *x = x.clamp(-CONTACT, CONTACT));
        }
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let speed = speed(world.qpos[0], &mut memory[0], CONTROL_DT);
        self.score(world, speed, f64::from(world.qpos[2]), action, terms)
    }
}

/// Height of the lowest end of a lower leg's axis relative to the torso's centre, m, in a pose given
/// by the torso's quaternion (of any norm) and the joint angles (ankles only bend down).
fn lowest_foot(quat: &[f32], joints: &[f32]) -> f64 {
    let [w, x, y, z] = [quat[0], quat[1], quat[2], quat[3]].map(f64::from);
    // World height of the torso's axes: last row of the rotation matrix.
    let scale = 1.0 / sum_of_squares(quat);
    let up_x = 2.0 * scale * (x * z - w * y);
    let up_y = 2.0 * scale * (y * z + w * x);
    let up_z = 1.0 - 2.0 * scale * (x * x + y * y);
    let mut lowest = f64::INFINITY;
    for (leg, angles) in joints.chunks_exact(2).enumerate() {
        let (hip, ankle) = (f64::from(angles[0]), libm::fabs(f64::from(angles[1])));
        let hip_direction = std::f64::consts::FRAC_PI_4 * (2 * leg + 1) as f64;
        let leg_direction = hip_direction + hip;
        let reach = LINK + LOWER_LEG * libm::cos(ankle);
        let forward = LINK * libm::cos(hip_direction) + reach * libm::cos(leg_direction);
        let sideways = LINK * libm::sin(hip_direction) + reach * libm::sin(leg_direction);
        let down = LOWER_LEG * libm::sin(ankle);
        lowest = lowest.min(up_x * forward + up_y * sideways - up_z * down);
    }
    lowest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};

    use super::*;
    use crate::task::world;
    use crate::{Envs, Fidelity};

    fn score(config: Config, x: [f32; 2], z: f32, action: [f32; 8]) -> ([f32; 3], bool) {
        let task = Ant::new(config).unwrap();
        let mut qpos = [0.0; 15];
        (qpos[0], qpos[2]) = (x[1], z);
        let view = world(&qpos, &[0.0; 14]);
        let (mut memory, mut terms) = ([x[0]], [f32::NAN; 3]);
        let terminated = task.step(&view, &action, &mut memory, &mut terms);
        assert_eq!(memory, [x[1]]);
        (terms, terminated)
    }

    #[test]
    fn terms_are_speed_bonus_and_effort() {
        // 0.125 m in 0.05 s is 2.5 m/s; 0.5 · (1 + 4 · 0.25) = 1.
        let (mut config, action) = (Config::default(), [1.0, 0.5, -0.5, 0.5, -0.5, 0.0, 0.0, 0.0]);
        let result = score(config.clone(), [1.0, 1.125], 0.5, action);
        assert_eq!(result, ([2.5, 1.0, -1.0], false));
        (config.forward_reward_weight, config.healthy_reward) = (2.0, 3.0);
        let result = score(config, [1.0, 0.875], 0.5, action);
        assert_eq!(result, ([-5.0, 3.0, -1.0], false));
    }

    #[test]
    fn an_unhealthy_step_terminates_without_bonus() {
        let mut config = Config::default();
        for z in [0.19, 0.21, 1.0, 1.01, f32::NAN] {
            let healthy = z == 0.21 || z == 1.0;
            let result = score(config.clone(), [0.0; 2], z, [0.0; 8]);
            assert_eq!(result, ([0.0, f32::from(healthy), 0.0], !healthy), "{z}");
        }
        config.terminate_when_unhealthy = false;
        let result = score(config, [0.0; 2], 0.1, [0.0; 8]);
        assert_eq!(result, ([0.0, 0.0, 0.0], false));
    }

    #[test]
    fn contacts_are_observed_and_cost_what_they_shall() {
        let config =
            Config { observations: Observations::Gymnasium, contact_cost_weight: 5e-4, ..Config::default() };
        let task: Arc<dyn Task> = Arc::new(Ant::new(config).unwrap());
        assert_eq!(task.spec().observations.len(), 105);
        let plain: Arc<dyn Task> = Arc::new(Ant::new(Config::default()).unwrap());
        for engine in EngineKind::ALL {
            let run = |task: &Arc<dyn Task>| {
                let options = task.physics(engine, Fidelity::Default);
                let mut envs = Envs::new(task.clone(), 1, options, 1000).unwrap();
                envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
                (0..60).for_each(|_| envs.step(&[true], &[0.0; 8]));
                envs
            };
            let (envs, plain) = (run(&task), run(&plain));
            let (obs, terms) = (envs.observations(), envs.terms(0));
            assert_eq!(obs[..27], plain.observations()[..]);
            assert_eq!(terms[..3], plain.terms(0)[..]);
            // It stands on its four lower legs, which share its weight of 9 N: most of it is clipped.
            for (body, values) in obs[27..].chunks_exact(6).enumerate() {
                if [3, 6, 9, 12].contains(&body) {
                    assert!((0.3..=1.0).contains(&values[5]), "{engine:?}: body {body}, {values:?}");
                } else {
                    assert_eq!(values, [0.0; 6], "{engine:?}: body {body}");
                }
            }
            let squares: f64 = sum_of_squares(&obs[27..]);
            assert!(squares > 2.0 && (f64::from(terms[3]) + 5e-4 * squares).abs() < 1e-8, "{terms:?}");
        }
        let joints = Config { observations: Observations::Joints, ..Config::default() };
        assert!(Ant::new(joints).err().unwrap().to_string().contains("Brax or Gymnasium"));
    }

    #[test]
    fn feet_are_where_the_geometry_puts_them() {
        let near = |height: f64, expected: f64| {
            assert!((height - expected).abs() < 1e-6, "{height} {expected}");
        };
        let bent = [0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0];
        near(lowest_foot(&[2.0, 0.0, 0.0, 0.0], &bent), -0.476_008_0);
        // Legs straight, torso turned by 30°: two feet 0.8 m out sink by half of it.
        let (c, s) = (15.0_f32.to_radians().cos(), 15.0_f32.to_radians().sin());
        near(lowest_foot(&[c, s, 0.0, 0.0], &[0.0; 8]), -0.4);
        near(lowest_foot(&[c, 0.0, s, 0.0], &[0.0; 8]), -0.4);
        // Hip 1 turned by 45°: from (0.2, 0.2) its leg of 0.6·√2 m points along y.
        let mut joints = [0.0; 8];
        joints[0] = 45.0_f32.to_radians();
        let reach = 0.2 + 0.6 * std::f64::consts::SQRT_2;
        near(lowest_foot(&[c, -s, 0.0, 0.0], &joints), -0.5 * reach);
    }

    #[test]
    fn starts_are_legal_and_above_the_floor() {
        let task: Arc<dyn Task> = Arc::new(Ant::new(Config::default()).unwrap());
        let mut envs =
            Envs::new(task.clone(), 1, task.physics(EngineKind::Rapier, Fidelity::Default), 1).unwrap();
        for seed in 0..1000 {
            envs.reset(0, &mut ChaCha8Rng::seed_from_u64(seed));
            let qpos = envs.view(0).qpos;
            for (joint, &angle) in task.model().joints[1..].iter().zip(&qpos[7..]) {
                let [low, high] = joint.range.map(|limit| limit as f32);
                assert!(low < angle && angle < high, "{}: {angle}", joint.name);
            }
            let foot = f64::from(qpos[2]) + lowest_foot(&qpos[3..7], &qpos[7..]);
            assert!(foot > FOOT - 1e-6, "{foot}");
            assert!(qpos[2] < 1.0, "healthy");
        }
    }
}
