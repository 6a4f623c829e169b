//! Reacher: an arm of two links moves its fingertip to a target in the plane.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | cosine of joint0, joint1 | 0–1 | |
//! | sine of joint0, joint1 | 2–3 | |
//! | target x, y | 4–5 | m |
//! | joint0, joint1 velocity | 6–7 | rad/s |
//! | fingertip − target, x, y | 8–9 | m |
//!
//! With `observations: Brax`, entries 6–10 are instead the fingertip's velocity along x and y (m/s)
//! and fingertip − target along x, y and z.
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `distance` | −`distance_weight` · |fingertip − target| |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Episodes never terminate. Two actions in −1..=1, 200 N·m each, 50 per second.
//!
//! Start: arm along +x; U(±0.1) rad on both joints, U(±0.005) rad/s on their velocities; the target
//! is drawn uniformly from the disc of radius 0.2 m and rests. With `targets: Brax`, its direction and
//! its distance are.
//!
//! Reference: Gymnasium 1.4 `Reacher-v5`. Differences: see [`Spec`].

use std::sync::Arc;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::{at_least_one, finite, not_negative};
use crate::math::add_uniform;
use crate::pay::{self, control};
use crate::{Channel, EnvError, Observations, PhysicsSettings, Spec, Task, Variant};

const NAME: &str = "reacher";
/// From joint to joint, and from the second joint to the fingertip, m.
const LINKS: [f64; 2] = [0.1, 0.11];
/// Radius of the disc from which targets are drawn, m.
const REACH: f64 = 0.2;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Cost per metre between fingertip and target.
    pub distance_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Half-width of the uniform noise on the start angles, rad.
    pub reset_noise_scale: f64,
    /// Targets: anywhere in the disc alike as in Gymnasium, or at any distance alike, so more often near
    /// the centre, as in Brax.
    pub targets: Variant,
    /// Default number of control steps after which an episode is truncated, at least 1: 50 as in
    /// Gymnasium, 1000 as in Brax.
    pub horizon: usize,
    /// What is observed: 10 values as in Gymnasium, or 11 as in Brax.
    pub observations: Observations,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            distance_weight: 1.0,
            ctrl_cost_weight: 1.0,
            reset_noise_scale: 0.1,
            targets: Variant::Gymnasium,
            horizon: 50,
            observations: Observations::Gymnasium,
        }
    }
}

/// The task.
pub struct Reacher {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl Reacher {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "distance_weight", config.distance_weight)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        at_least_one(NAME, "horizon", config.horizon)?;
        config.observations.one_of(
            NAME,
            &[Observations::Gymnasium, Observations::Brax],
            "expected Gymnasium or Brax",
        )?;
        let model = Model::from_mjcf(include_str!("../assets/reacher.xml"), "reacher.xml")?;
        let wave = |name: &str| Channel::bounded(name, "", -1.0, 1.0);
        let mut observations =
            ["joint0 cosine", "joint1 cosine", "joint0 sine", "joint1 sine"].map(wave).to_vec();
        observations.extend(["target x", "target y"].map(|name| Channel::unbounded(name, "m")));
        let rest: &[(&str, &str)] = match config.observations {
            Observations::Brax => &[
                ("fingertip velocity x", "m/s"),
                ("fingertip velocity y", "m/s"),
                ("fingertip - target x", "m"),
                ("fingertip - target y", "m"),
                ("fingertip - target z", "m"),
            ],
            _ => &[
                ("joint0 velocity", "rad/s"),
                ("joint1 velocity", "rad/s"),
                ("fingertip - target x", "m"),
                ("fingertip - target y", "m"),
            ],
        };
        observations.extend(rest.iter().map(|&(name, unit)| Channel::unbounded(name, unit)));
        let spec = Spec {
            name: NAME,
            summary: "An arm of two links moves its fingertip to a target in the plane.",
            differences: &[],
            start: match config.targets {
                Variant::Gymnasium => {
                    "Arm along +x; U(±reset_noise_scale) on the angles, U(±0.005) on their velocities; target anywhere within 0.2 m of the base."
                }
                Variant::Brax => {
                    "Arm along +x; U(±reset_noise_scale) on the angles, U(±0.005) on their velocities; target in any direction, U(0, 0.2) m from the base."
                }
            },
            termination: None,
            observations,
            actions: Channel::controls(&model),
            terms: &["distance", "control"],
            formulas: &["−distance_weight · |fingertip − target|", pay::CONTROL],
            control_dt: 0.02,
            physics: PhysicsSettings::new(0.01, 2).iterations(EngineKind::Rapier, 2, 4).iterations(
                EngineKind::Lanes,
                4,
                8,
            ),
            horizon: config.horizon,
            memory: 0,
        };
        Ok(Self { config, spec, model: Arc::new(model) })
    }
}

/// Cosines and sines of both links' directions.
fn directions(qpos: &[f32]) -> [[f64; 2]; 2] {
    let (first, second) = (f64::from(qpos[0]), f64::from(qpos[0]) + f64::from(qpos[1]));
    [first, second].map(|angle| [libm::cos(angle), libm::sin(angle)])
}

/// Fingertip − target, m.
fn miss(qpos: &[f32]) -> [f64; 2] {
    let links = directions(qpos);
    let tip = |axis: usize| LINKS[0] * links[0][axis] + LINKS[1] * links[1][axis];
    [tip(0) - f64::from(qpos[2]), tip(1) - f64::from(qpos[3])]
}

/// Velocity of the fingertip, m/s.
fn tip_velocity(qpos: &[f32], qvel: &[f32]) -> [f64; 2] {
    let links = directions(qpos);
    let rates = [f64::from(qvel[0]), f64::from(qvel[0]) + f64::from(qvel[1])];
    let part = |link: usize, axis: usize| LINKS[link] * rates[link] * links[link][axis];
    [-part(0, 1) - part(1, 1), part(0, 0) + part(1, 0)]
}

impl Task for Reacher {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], _memory: &mut [f32]) {
        qpos[..2].fill(0.0);
        add_uniform(rng, self.config.reset_noise_scale, &mut qpos[..2]);
        add_uniform(rng, 0.005, &mut qvel[..2]);
        if self.config.targets == Variant::Brax {
            let (radius, angle) = (REACH * rng.random::<f64>(), std::f64::consts::TAU * rng.random::<f64>());
            let target = [radius * libm::cos(angle), radius * libm::sin(angle)];
            qpos[2..].copy_from_slice(&target.map(|x| x as f32));
            return;
        }
        loop {
            let target = [0, 1].map(|_| REACH * (2.0 * rng.random::<f64>() - 1.0));
            if target[0] * target[0] + target[1] * target[1] < REACH * REACH {
                qpos[2..].copy_from_slice(&target.map(|x| x as f32));
                return;
            }
        }
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        for (joint, &angle) in world.qpos[..2].iter().enumerate() {
            obs[joint] = libm::cos(f64::from(angle)) as f32;
            obs[2 + joint] = libm::sin(f64::from(angle)) as f32;
        }
        obs[4..6].copy_from_slice(&world.qpos[2..]);
        if self.config.observations == Observations::Brax {
            obs[6..8].copy_from_slice(&tip_velocity(world.qpos, world.qvel).map(|v| v as f32));
            obs[10] = 0.0;
        } else {
            obs[6..8].copy_from_slice(&world.qvel[..2]);
        }
        obs[8..10].copy_from_slice(&miss(world.qpos).map(|x| x as f32));
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], _memory: &mut [f32], terms: &mut [f32]) -> bool {
        let [x, y] = miss(world.qpos);
        terms[0] = (-self.config.distance_weight * libm::sqrt(x * x + y * y)) as f32;
        terms[1] = control(self.config.ctrl_cost_weight, action);
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::f32::consts::FRAC_PI_2;

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};
    use sim::{Sensor, Worlds};

    use super::*;
    use crate::Fidelity;
    use crate::task::world;

    #[test]
    fn cost_is_distance_and_effort() {
        let task = Reacher::new(Config::default()).unwrap();
        // Elbow at (0, 0.1), fingertip at (−0.11, 0.1); the target is 0.03 and 0.04 away.
        let (qpos, qvel) = ([FRAC_PI_2, FRAC_PI_2, -0.14, 0.06], [1.0, 2.0, 0.0, 0.0]);
        let mut terms = [f32::NAN; 2];
        assert!(!task.step(&world(&qpos, &qvel), &[1.0, -0.5], &mut [], &mut terms));
        assert!((terms[0] + 0.05).abs() < 1e-7 && terms[1] == -1.25, "{terms:?}");
    }

    #[test]
    fn fingertip_and_its_velocity_are_those_of_the_robot() {
        let config = Config { observations: Observations::Brax, ..Config::default() };
        let task = Reacher::new(config).unwrap();
        let tip = task.model().body("fingertip").unwrap();
        let sensors = [Sensor::Position(tip), Sensor::Velocity(tip)];
        for engine in EngineKind::ALL {
            let options = task.physics(engine, Fidelity::Default);
            let mut worlds = Worlds::new(task.model(), 1, options, &sensors).unwrap();
            worlds.reset(0, &[0.7, -1.1, 0.05, 0.15], &[0.4, 2.0, 0.0, 0.0]);
            let view = worlds.view(0);
            let mut obs = [f32::NAN; 11];
            task.observe(&view, &[], &mut obs);
            for (got, expected) in [
                (obs[8], view.sensors[0] - 0.05),
                (obs[9], view.sensors[1] - 0.15),
                (obs[6], view.sensors[3]),
                (obs[7], view.sensors[4]),
            ] {
                assert!((got - expected).abs() < 1e-6, "{engine:?}: {obs:?} {:?}", view.sensors);
            }
        }
    }

    #[test]
    fn targets_fill_the_disc() {
        // Of 2000: a quarter of the area, half of the distances; standard errors 19 and 22.
        for (targets, expected) in [(Variant::Gymnasium, 420..580), (Variant::Brax, 910..1090)] {
            let task = Reacher::new(Config { targets, ..Config::default() }).unwrap();
            let (mut inner, mut right) = (0, 0);
            for seed in 0..2000 {
                let (mut qpos, mut qvel) = ([0.0, 0.0, 0.1, -0.1], [0.0; 4]);
                task.reset(&mut ChaCha8Rng::seed_from_u64(seed), &mut qpos, &mut qvel, &mut []);
                let radius = qpos[2].hypot(qpos[3]);
                assert!(radius <= 0.2 && qvel[2..] == [0.0; 2] && qpos[0].abs() <= 0.1, "{qpos:?}");
                inner += usize::from(radius < 0.1);
                right += usize::from(qpos[2] > 0.0);
            }
            assert!(expected.contains(&inner) && (910..1090).contains(&right), "{inner} {right}");
        }
    }
}
