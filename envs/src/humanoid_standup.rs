//! Humanoid standup: a person of 42 kg who lies on the back stands up.
//!
//! Observations are those of [`crate::humanoid`]: 348, 244 with `observations: Brax`, 45 with
//! `observations: Joints`.
//!
//! | reward term | value |
//! | --- | --- |
//! | `height` | `uph_cost_weight` · height of the torso / 0.003 s |
//! | `alive` | 1 on every step |
//! | `control` | −`ctrl_cost_weight` · Σ action² |
//! | `contact` | −min(`contact_cost_weight` · Σ (contact moments and forces)², 10) |
//!
//! Episodes never terminate. 17 actions in −0.4..=0.4, 25 to 300 N·m per unit, 66.7 per second.
//!
//! Start: on the back, torso at 0.105 m, or 0.15 m with `start: Brax`; U(±0.01) on every position and velocity.
//!
//! Reference: Gymnasium 1.4 `HumanoidStandup-v5` (after Tassa, Erez and Todorov 2012,
//! doi:10.1109/IROS.2012.6386025). Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, Sensor, WorldView};

use crate::error::{finite, not_negative};
use crate::math::add_uniform;
use crate::pay::{self, control};
use crate::person::{self, Person};
use crate::{Aim, EnvError, Observations, PhysicsSettings, Spec, Task, Variant};

const NAME: &str = "humanoid_standup";
/// By which the reference divides the height: its physics step, s.
const UNIT: f64 = 0.003;
/// Height above which the torso is up, m; standing upright it is at 1.4.
const UP: f32 = 1.1;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Reward per 0.003 m of height; Brax's is 0.2.
    pub uph_cost_weight: f64,
    /// Cost per squared unit of action; Brax's is 0.01.
    pub ctrl_cost_weight: f64,
    /// Cost per squared N and N·m of contact forces; Brax's is 0.
    pub contact_cost_weight: f64,
    /// Half-width of the uniform noise on the start positions (m, rad) and velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
    /// Start: torso at 0.105 m as in Gymnasium, or 0.15 m as in Brax.
    pub start: Variant,
    /// What is observed: 348 values as in Gymnasium, 244 as in Brax, or 45 of the joints alone.
    pub observations: Observations,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            uph_cost_weight: 1.0,
            ctrl_cost_weight: 0.1,
            contact_cost_weight: 5e-7,
            reset_noise_scale: 1e-2,
            start: Variant::Gymnasium,
            observations: Observations::Gymnasium,
        }
    }
}

/// The task. Its memory is one unused number, then the last action.
pub struct HumanoidStandup {
    config: Config,
    spec: Spec,
    person: Person,
}

impl HumanoidStandup {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "uph_cost_weight", config.uph_cost_weight)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        not_negative(NAME, "contact_cost_weight", config.contact_cost_weight)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let text = include_str!("../assets/humanoid_standup.xml");
        let model = Model::from_mjcf(text, "humanoid_standup.xml")?;
        let person = Person::new(model, config.observations, config.contact_cost_weight > 0.0);
        let spec = Spec {
            name: NAME,
            summary: "A person of 42 kg, lying on the back, stands up.",
            differences: &[
                "Gymnasium HumanoidStandup-v5: contact forces are the mean over the last physics step; motor torques are those of an unchanged robot.",
                "Brax humanoidstandup: actions are in ±0.4 and reach the controller scaled.",
            ],
            start: match config.start {
                Variant::Gymnasium => {
                    "On the back, torso at 0.105 m; U(±reset_noise_scale) on positions and velocities."
                }
                Variant::Brax => {
                    "On the back, torso at 0.15 m; U(±reset_noise_scale) on positions and velocities."
                }
            },
            termination: None,
            observations: person.channels(),
            actions: person.actions(),
            terms: &["height", "alive", "control", "contact"],
            formulas: &["uph_cost_weight · torso z / 0.003", "1", pay::CONTROL, person::IMPACT],
            control_dt: 0.015,
            physics: PhysicsSettings::new(0.003, 5).coarse(EngineKind::Rapier, 0.005, 3, 2),
            horizon: 1000,
            memory: person::MEMORY,
        };
        Ok(Self { config, spec, person })
    }
}

impl Task for HumanoidStandup {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.person.model
    }

    fn sensors(&self) -> Vec<Sensor> {
        self.person.body.sensors()
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], _memory: &mut [f32]) {
        if self.config.start == Variant::Brax {
            qpos[2] = 0.15;
        }
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_uniform(rng, self.config.reset_noise_scale, qvel);
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        self.person.observe(world, &memory[1..], obs);
    }

    fn aim(&self) -> Option<Aim> {
        Some(Aim { what: "the torso is above 1.1 m", steps: 200 })
    }

    fn at_aim(&self, world: &WorldView<'_>, _memory: &[f32]) -> bool {
        world.qpos[2] > UP
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        memory[1..].copy_from_slice(action);
        terms[0] = (self.config.uph_cost_weight * f64::from(world.qpos[2]) / UNIT) as f32;
        terms[1] = 1.0;
        terms[2] = control(self.config.ctrl_cost_weight, action);
        let poses = self.person.body.poses(world);
        terms[3] = self.person.impact(world, &poses, self.config.contact_cost_weight);
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
    fn terms_are_height_bonus_effort_and_impact() {
        let task: Arc<dyn Task> = Arc::new(HumanoidStandup::new(Config::default()).unwrap());
        for engine in EngineKind::ALL {
            let options = task.physics(engine, Fidelity::Default);
            let mut envs = Envs::new(task.clone(), 1, options, 1000).unwrap();
            envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
            for _ in 0..100 {
                envs.step(&[true], &[0.1; 17]);
                let (terms, height) = (envs.terms(0), envs.view(0).qpos[2]);
                assert!((terms[0] - height / 0.003).abs() < 1e-4 * terms[0].abs(), "{terms:?}");
                assert!(terms[1] == 1.0 && (terms[2] + 0.017).abs() < 1e-7, "{terms:?}");
                assert!((-10.0..=0.0).contains(&terms[3]) && height > 0.02 && height < 0.4, "{terms:?}");
            }
            assert!(envs.terms(0)[3] < 0.0, "it lies on the floor");
        }
    }

    #[test]
    fn without_contact_costs_and_observations_no_contact_is_sensed() {
        let config =
            Config { contact_cost_weight: 0.0, observations: Observations::Joints, ..Config::default() };
        let task = HumanoidStandup::new(config).unwrap();
        assert_eq!(task.spec().observations.len(), 45);
        assert!(task.sensors().iter().all(|s| matches!(s, Sensor::Position(_) | Sensor::Orientation(_))));
    }
}
