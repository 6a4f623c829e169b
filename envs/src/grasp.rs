//! Grasp: a hand with two fingers on a gantry picks up a box and holds it at a target in the air.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | gantry x, y, z; left and right finger (0 open) | 0–4 | m |
//! | their velocities | 5–9 | m/s |
//! | box − grip, x, y, z | 10–12 | m |
//! | box orientation, quaternion w x y z | 13–16 | |
//! | box velocity, world frame | 17–19 | m/s |
//! | box angular velocity, its own frame | 20–22 | rad/s |
//! | target − box, x, y, z | 23–25 | m |
//! | normal force on the left and right finger | 26–27 | N |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `near` | −`near_weight` · |box − grip| |
//! | `distance` | −`distance_weight` · |box − target| |
//! | `grip` | `grip_weight` · share of 1 N with which a finger presses, mean of both, while |box − grip| < 0.03 m |
//! | `lift` | `lift_weight` · height of the box above the table, at most that of the target |
//! | `success` | `success_reward` while |box − target| < 0.03 m |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! The grip is the point between the fingertips, 0.07 m below the palm. Episodes never terminate. Five
//! actions in −1..=1, 20 per second: 5 N along x and y, 10 N along z beside the hand's own weight,
//! which the gantry carries, 5 N for each finger, positive to close.
//!
//! Start: everything at rest, hand in the middle, 0.25 m up, fingers open; the box lies on the table
//! within ±`box_range`, turned by up to ±0.3 rad; the target is within ±0.1 m, 0.1 to 0.25 m up.
//!
//! Reference: the idea of `FetchPickAndPlace` (Plappert et al. 2018, arXiv:1802.09464) on a robot as
//! simple as possible.

use std::sync::Arc;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, Sensor, WorldView};

use crate::error::{finite, not_negative};
use crate::math::{minus, sum_of_squares};
use crate::pay::{self, control};
use crate::{Aim, Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "grasp";
/// Joints of gantry and fingers; the box's free joint follows.
const HAND: usize = 5;
/// Height of the palm when the gantry is at 0, and from the palm down to the grip, m.
const PALM: f64 = 0.25;
const GRIP: f64 = 0.07;
/// Height of the resting box's centre, m.
const RESTING: f64 = 0.02;
/// Distance at which the box is at its target, and in the grip, m.
const REACHED: f64 = 0.03;
/// Number of the motor that lifts.
const LIFT: usize = 2;

/// Settings of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Cost per metre between box and grip.
    pub near_weight: f64,
    /// Cost per metre between box and target.
    pub distance_weight: f64,
    /// Reward per step with the box between the fingers.
    pub grip_weight: f64,
    /// Reward per metre of the box's height.
    pub lift_weight: f64,
    /// Reward per step with the box at the target.
    pub success_reward: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// How far from the middle the box may lie at the start along x and y, 0..=0.2 m.
    pub box_range: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            near_weight: 1.0,
            distance_weight: 1.0,
            grip_weight: 0.2,
            lift_weight: 5.0,
            success_reward: 1.0,
            ctrl_cost_weight: 0.005,
            box_range: 0.1,
        }
    }
}

/// The task. Its memory is the target.
pub struct Grasp {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
    /// What the lifting motor gives to carry the hand.
    carry: f32,
}

impl Grasp {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "near_weight", config.near_weight)?;
        finite(NAME, "distance_weight", config.distance_weight)?;
        finite(NAME, "grip_weight", config.grip_weight)?;
        finite(NAME, "lift_weight", config.lift_weight)?;
        finite(NAME, "success_reward", config.success_reward)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        not_negative(NAME, "box_range", config.box_range)?;
        if config.box_range > 0.2 {
            let (field, value) = ("box_range", config.box_range.to_string());
            return Err(EnvError::Config { env: NAME, field, value, expected: "expected 0..=0.2" });
        }
        let model = Model::from_mjcf(include_str!("../assets/grasp.xml"), "grasp.xml")?;
        let mut observations = Channel::positions(&model)[..HAND].to_vec();
        observations.extend_from_slice(&Channel::velocities(&model)[..HAND]);
        let three =
            |name: &str, unit| ["x", "y", "z"].map(|axis| Channel::unbounded(format!("{name} {axis}"), unit));
        observations.extend(three("box - grip", "m"));
        let quaternion = |axis| Channel::bounded(format!("box quaternion {axis}"), "", -1.0, 1.0);
        observations.extend(["w", "x", "y", "z"].map(quaternion));
        observations.extend(three("box velocity", "m/s"));
        observations.extend(three("box angular velocity", "rad/s"));
        observations.extend(three("target - box", "m"));
        observations.extend(["left", "right"].map(|f| Channel::unbounded(format!("{f} finger touch"), "N")));
        let mut actions = Channel::controls(&model);
        (actions[LIFT].low, actions[LIFT].high) = (-1.0, 1.0);
        let hand = ["palm", "left_finger", "right_finger"];
        let mass = |name: &str| model.bodies[model.body(name).expect("our own model has it")].mass;
        let weight = hand.map(mass).iter().sum::<f64>() * -model.option.gravity[2];
        let carry = (weight / model.actuators[LIFT].gear) as f32;
        let spec = Spec {
            name: NAME,
            summary: "A hand with two fingers picks up a box and holds it at a target in the air.",
            differences: &[],
            start: "All at rest, hand in the middle, 0.25 m up, open; box within ±box_range, turned by U(±0.3) rad; target within ±0.1 m, 0.1 to 0.25 m up.",
            termination: None,
            observations,
            actions,
            terms: &["near", "distance", "grip", "lift", "success", "control"],
            formulas: &[
                "−near_weight · |box − grip|",
                "−distance_weight · |box − target|",
                "grip_weight · mean over the fingers of their normal force, at most 1 N each, if |box − grip| < 0.03 m, else 0",
                "lift_weight · height of the box above the table, within 0 and the target's",
                "success_reward if |box − target| < 0.03 m, else 0",
                pay::CONTROL,
            ],
            control_dt: 0.05,
            physics: PhysicsSettings::new(0.005, 10).iterations(EngineKind::Lanes, 10, 20),
            horizon: 100,
            memory: 3,
        };
        Ok(Self { config, spec, model: Arc::new(model), carry })
    }
}

/// The point between the fingertips, m.
fn grip(qpos: &[f32]) -> [f32; 3] {
    [qpos[0], qpos[1], (f64::from(qpos[2]) + PALM - GRIP) as f32]
}

/// Distance of two places, from their difference as observed, m.
fn apart(a: &[f32], b: &[f32]) -> f64 {
    libm::sqrt(sum_of_squares(&minus::<3>(a, b)))
}

impl Task for Grasp {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn sensors(&self) -> Vec<Sensor> {
        let body = |name| self.model.body(name).expect("our own model has it");
        ["left_finger", "right_finger"].map(|name| Sensor::Touch(body(name))).to_vec()
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], _qvel: &mut [f32], memory: &mut [f32]) {
        let mut within = |radius: f64| radius * (2.0 * rng.random::<f64>() - 1.0);
        qpos[HAND] = within(self.config.box_range) as f32;
        qpos[HAND + 1] = within(self.config.box_range) as f32;
        let half = 0.5 * within(0.3);
        qpos[HAND + 3] = libm::cos(half) as f32;
        qpos[HAND + 6] = libm::sin(half) as f32;
        memory.copy_from_slice(&[within(0.1), within(0.1), 0.175 + within(0.075)].map(|x| x as f32));
    }

    fn control(&self, action: &[f32], ctrl: &mut [f32]) {
        ctrl.copy_from_slice(action);
        ctrl[LIFT] += self.carry;
    }

    fn aim(&self) -> Option<Aim> {
        Some(Aim { what: "the box is within 0.03 m of the target", steps: 20 })
    }

    fn at_aim(&self, world: &WorldView<'_>, memory: &[f32]) -> bool {
        apart(&world.qpos[HAND..HAND + 3], memory) < REACHED
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        let place = &world.qpos[HAND..HAND + 3];
        obs[..HAND].copy_from_slice(&world.qpos[..HAND]);
        obs[HAND..10].copy_from_slice(&world.qvel[..HAND]);
        obs[10..13].copy_from_slice(&minus::<3>(place, &grip(world.qpos)));
        obs[13..17].copy_from_slice(&world.qpos[HAND + 3..]);
        obs[17..23].copy_from_slice(&world.qvel[HAND..]);
        obs[23..26].copy_from_slice(&minus::<3>(memory, place));
        obs[26..].copy_from_slice(world.sensors);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let place = &world.qpos[HAND..HAND + 3];
        let distance = apart(place, memory);
        let top = f64::from(memory[2]) - RESTING;
        let lift = (f64::from(place[2]) - RESTING).clamp(0.0, top);
        let apart = apart(place, &grip(world.qpos));
        let press = world.sensors.iter().map(|&force| f64::from(force).min(1.0)).sum::<f64>() / 2.0;
        let held = if apart < REACHED { press } else { 0.0 };
        terms[0] = (-self.config.near_weight * apart) as f32;
        terms[1] = (-self.config.distance_weight * distance) as f32;
        terms[2] = (self.config.grip_weight * held) as f32;
        terms[3] = (self.config.lift_weight * lift) as f32;
        terms[4] = f32::from(distance < REACHED) * self.config.success_reward as f32;
        terms[5] = control(self.config.ctrl_cost_weight, action);
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};

    use super::*;
    use crate::{Envs, Fidelity};

    #[test]
    fn terms_are_distances_grip_height_and_effort() {
        let task = Grasp::new(Config::default()).unwrap();
        let (mut qpos, mut terms) = ([0.0; 12], [f32::NAN; 6]);
        // Grip at (0, 0, 0.18); the box 0.03 and 0.04 beside it, 0.16 above the table, 0.02 below the target.
        (qpos[5], qpos[6], qpos[7]) = (0.03, 0.04, 0.18);
        let view = WorldView { qpos: &qpos, qvel: &[0.0; 11], sensors: &[2.0, 0.5], parameters: None };
        let action = [1.0, 0.0, 0.0, 0.0, 1.0];
        assert!(!task.step(&view, &action, &mut [0.03, 0.04, 0.2], &mut terms));
        let near = |terms: &[f32; 6], expected: [f32; 6]| {
            assert!(terms.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{terms:?} {expected:?}");
        };
        near(&terms, [-0.05, -0.02, 0.0, 0.8, 1.0, -0.01]);
        // In the grip, one finger with half of the pressure that counts; no more than the target's height counts.
        (qpos[5], qpos[6]) = (0.0, 0.02);
        let view = WorldView { qpos: &qpos, qvel: &[0.0; 11], sensors: &[2.0, 0.5], parameters: None };
        task.step(&view, &[0.0; 5], &mut [0.0, 0.02, 0.1], &mut terms);
        near(&terms, [-0.02, -0.08, 0.15, 0.4, 0.0, 0.0]);
    }

    #[test]
    fn the_gantry_carries_the_hand() {
        let task: Arc<dyn Task> = Arc::new(Grasp::new(Config::default()).unwrap());
        for engine in EngineKind::ALL {
            let mut envs = Envs::new(task.clone(), 1, task.physics(engine, Fidelity::Default), 100).unwrap();
            envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
            (0..40).for_each(|_| envs.step(&[true], &[0.0; 5]));
            let qpos = envs.view(0).qpos;
            assert!(qpos[..5].iter().all(|x| x.abs() < 1e-3), "{engine:?}: {qpos:?}");
            assert!((qpos[7] - 0.02).abs() < 2e-3, "{engine:?}: the box rests, {qpos:?}");
        }
    }

    /// What a hand must do by hand: above the box, down, close, up. The box comes along and stays.
    #[test]
    fn a_box_can_be_picked_up_and_held() {
        let task: Arc<dyn Task> = Arc::new(Grasp::new(Config::default()).unwrap());
        for engine in EngineKind::ALL {
            for fidelity in [Fidelity::Default, Fidelity::Reference] {
                for seed in 0..5 {
                    let mut envs = Envs::new(task.clone(), 1, task.physics(engine, fidelity), 200).unwrap();
                    envs.reset(0, &mut ChaCha8Rng::seed_from_u64(seed));
                    let (mut touched, mut best) = (0.0_f32, f32::INFINITY);
                    for step in 0..150 {
                        let obs = envs.observations();
                        let to = |error: f32, speed: f32| (8.0 * error - 2.0 * speed).clamp(-1.0, 1.0);
                        let (x, y) = (to(obs[10], obs[5]), to(obs[11], obs[6]));
                        let action = match step {
                            0..30 => [x, y, 0.0, -1.0, -1.0],
                            30..60 => [x, y, to(obs[12] + 0.005, obs[7]), -1.0, -1.0],
                            60..75 => [0.0, 0.0, 0.0, 1.0, 1.0],
                            _ => {
                                let to = |i: usize| to(0.5 * obs[23 + i], obs[5 + i]);
                                [to(0), to(1), to(2), 1.0, 1.0]
                            }
                        };
                        envs.step(&[true], &action);
                        let obs = envs.observations();
                        if step == 74 {
                            touched = obs[26].min(obs[27]);
                        }
                        if step > 75 {
                            best = best.min(obs[23].hypot(obs[24]).hypot(obs[25]));
                        }
                    }
                    let name = format!("{engine:?} {fidelity:?} seed {seed}");
                    assert!(touched > 2.0, "{name}: fingers press with {touched} N");
                    let height = envs.view(0).qpos[7];
                    assert!(height > 0.08, "{name}: box at {height} m, at best {best} m from the target");
                    assert!(
                        envs.terms(0)[4] > 0.0,
                        "{name}: ends at the target, {:?}",
                        &envs.observations()[23..26]
                    );
                }
            }
        }
    }
}
