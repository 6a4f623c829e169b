//! Humanoid: a person of 42 kg walks along +x as fast as possible without falling.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | torso height, orientation (w x y z), 17 joint angles | 0–21 | m, rad |
//! | torso velocity, angular velocity, 17 joint velocities | 22–44 | m/s, rad/s |
//! | per body: inertia about the robot's centre of mass, mass moment, mass | 45–174 | kg·m², kg·m, kg |
//! | per body: angular velocity, velocity at the centre | 175–252 | rad/s, m/s |
//! | torque of each motor | 253–269 | N·m |
//! | per body: moment about the centre and force of its contacts | 270–347 | N·m, N |
//!
//! With `observations: Brax`, 244: the first 45, per link (feet welded to shins) inertia and mass,
//! then share of the centre's velocity and angular velocity, and 23 generalized motor forces. With
//! `observations: Joints`, the first 45 alone.
//!
//! | reward term | value |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · speed of the whole body's centre of mass along +x |
//! | `survive` | `healthy_reward` on every step that ends healthy, else 0; with `terminal_bonus` also on the last |
//! | `control` | −`ctrl_cost_weight` · Σ action² |
//! | `contact` | −min(`contact_cost_weight` · Σ (contact moments and forces)², 10) |
//!
//! Healthy: the torso's height is within `healthy_z_range`. An episode terminates on the first
//! unhealthy step. 17 actions in −0.4..=0.4, 25 to 300 N·m per unit, 66.7 per second.
//!
//! Start: standing at 1.4 m; U(±0.01) on every position and velocity.
//!
//! Reference: Gymnasium 1.4 `Humanoid-v5` (after Tassa, Erez and Todorov 2012,
//! doi:10.1109/IROS.2012.6386025). Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, Sensor, WorldView};

use crate::error::{interval, not_negative};
use crate::math::add_uniform;
use crate::pay::{self, Pay};
use crate::person::{self, Person};
use crate::{EnvError, Observations, PhysicsSettings, Spec, Task};

const NAME: &str = "humanoid";
const CONTROL_DT: f64 = 0.015;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Reward per m/s along +x.
    pub forward_reward_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Cost per squared N and N·m of contact forces.
    pub contact_cost_weight: f64,
    /// Reward per healthy step.
    pub healthy_reward: f64,
    /// Healthy heights of the torso, m; the limits themselves are not.
    pub healthy_z_range: (f64, f64),
    /// Whether an episode ends at the first unhealthy step.
    pub terminate_when_unhealthy: bool,
    /// Whether the step that ends unhealthy earns `healthy_reward`, too, as in Brax.
    pub terminal_bonus: bool,
    /// Half-width of the uniform noise on the start positions (m, rad) and velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
    /// What is observed: 348 values as in Gymnasium, 244 as in Brax, or 45 of the joints alone.
    pub observations: Observations,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            forward_reward_weight: 1.25,
            ctrl_cost_weight: 0.1,
            contact_cost_weight: 5e-7,
            healthy_reward: 5.0,
            healthy_z_range: (1.0, 2.0),
            terminate_when_unhealthy: true,
            terminal_bonus: false,
            reset_noise_scale: 1e-2,
            observations: Observations::Gymnasium,
        }
    }
}

/// The task. Its memory is the x of the centre of mass before the step, then the last action.
pub struct Humanoid {
    config: Config,
    pay: Pay,
    spec: Spec,
    person: Person,
}

impl Humanoid {
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
        let model = Model::from_mjcf(include_str!("../assets/humanoid.xml"), "humanoid.xml")?;
        let person = Person::new(model, config.observations, config.contact_cost_weight > 0.0);
        let spec = Spec {
            name: NAME,
            summary: "A person of 42 kg walks along +x as fast as possible without falling.",
            differences: &[
                "Gymnasium Humanoid-v5: contact forces are the mean over the last physics step; motor torques are those of an unchanged robot.",
                "Brax humanoid: actions are in ±0.4 and reach the controller scaled.",
                "Both: the legs' coupled passive tendons have no effect in the originals and are left out.",
            ],
            start: "Standing, torso at 1.4 m; U(±reset_noise_scale) on positions and velocities.",
            termination: Some("The torso's height leaves healthy_z_range."),
            observations: person.channels(),
            actions: person.actions(),
            terms: pay::TERMS,
            formulas: &[
                "forward_reward_weight · Δx of the centre of mass / control_dt",
                pay::SURVIVE,
                pay::CONTROL,
                person::IMPACT,
            ],
            control_dt: CONTROL_DT,
            physics: PhysicsSettings::new(0.003, 5).coarse(EngineKind::Rapier, 0.005, 3, 2),
            horizon: 1000,
            memory: person::MEMORY,
        };
        Ok(Self { config, pay, spec, person })
    }
}

impl Task for Humanoid {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.person.model
    }

    fn sensors(&self) -> Vec<Sensor> {
        self.person.body.sensors()
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_uniform(rng, self.config.reset_noise_scale, qvel);
        memory[0] = self.person.centre_x(qpos);
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        self.person.observe(world, &memory[1..], obs);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let poses = self.person.body.poses(world);
        let x = poses.centre[0];
        let speed = (x - f64::from(memory[0])) / CONTROL_DT;
        memory[0] = x as f32;
        memory[1..].copy_from_slice(action);
        let z = f64::from(world.qpos[2]);
        let (low, high) = self.config.healthy_z_range;
        let healthy = low < z && z < high;
        terms[3] = self.person.impact(world, &poses, self.config.contact_cost_weight);
        self.pay.score(speed, healthy, action, terms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};

    use super::*;
    use crate::{Envs, Fidelity};

    fn envs(config: Config, engine: EngineKind) -> Envs {
        let task: Arc<dyn Task> = Arc::new(Humanoid::new(config).unwrap());
        let options = task.physics(engine, Fidelity::Default);
        let mut envs = Envs::new(task, 1, options, 1000).unwrap();
        envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
        envs
    }

    #[test]
    fn terms_are_speed_bonus_effort_and_impact() {
        for engine in EngineKind::ALL {
            let mut envs = envs(Config::default(), engine);
            let mut action = [0.0; 17];
            (action[0], action[16]) = (0.4, -0.2);
            let mut speed = 0.0;
            while !envs.is_resting(0) {
                envs.step(&[true], &action);
                let terms = envs.terms(0);
                let height = envs.view(0).qpos[2];
                assert_eq!(terms[1], if height > 1.0 { 5.0 } else { 0.0 });
                assert!(
                    (terms[2] + 0.1 * 0.2).abs() < 1e-7 && (-10.0..=0.0).contains(&terms[3]),
                    "{terms:?}"
                );
                // The sum of squares of the observed contact forces and moments.
                let square: f64 = envs.observations()[270..].iter().map(|&x| f64::from(x).powi(2)).sum();
                let impact = (5e-7 * square).min(10.0);
                assert!((f64::from(terms[3]) + impact).abs() < 1e-5 * impact.max(1e-6), "{terms:?} {impact}");
                speed = terms[0] / 1.25;
            }
            // It falls within a second or two, faster and faster.
            assert!(envs.outcome(0).terminated && envs.steps(0) < 150, "{engine:?}: {}", envs.steps(0));
            assert!(speed.abs() > 0.1 && speed.abs() < 5.0, "{engine:?}: {speed}");
        }
    }

    #[test]
    fn the_first_step_has_no_jump_in_the_centre_of_mass() {
        for engine in EngineKind::ALL {
            let mut envs = envs(Config { reset_noise_scale: 0.05, ..Config::default() }, engine);
            envs.step(&[true], &[0.0; 17]);
            assert!(envs.terms(0)[0].abs() < 0.3, "{engine:?}: {:?}", envs.terms(0));
        }
    }

    #[test]
    fn lists_of_observations_have_their_lengths_and_agree() {
        let seen = |observations: Observations| {
            let config = Config { observations, ..Config::default() };
            let mut envs = envs(config, EngineKind::Lanes);
            (0..5).for_each(|_| envs.step(&[true], &[0.1; 17]));
            envs.observations().to_vec()
        };
        let (gym, brax, joints) =
            (seen(Observations::Gymnasium), seen(Observations::Brax), seen(Observations::Joints));
        assert_eq!([gym.len(), brax.len(), joints.len()], [348, 244, 45]);
        assert_eq!((&gym[..45], &brax[..45]), (&joints[..], &joints[..]));
        // Torques: abdomen_z comes first among the joints.
        assert_eq!(gym[253..256], [10.0, 10.0, 10.0]);
        assert_eq!(brax[221..], [&[0.0; 6], &gym[253..270]].concat());
        // Mass of the first body, of the right shin with its foot.
        let model = envs(Config::default(), EngineKind::Lanes).task().model().clone();
        assert_eq!(gym[54], model.bodies[1].mass as f32);
        let leg = (model.bodies[5].mass + model.bodies[6].mass) as f32;
        assert!((brax[45 + 10 * 4 + 9] - leg).abs() < 1e-5);
    }
}
