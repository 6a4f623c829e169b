//! Swimmer: three rods on two hinges swim along +x in a viscous fluid.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | heading of the first rod, free_body_rot | 0 | rad |
//! | motor1_rot, motor2_rot angle | 1–2 | rad |
//! | velocity of the first rod's tip along x and y | 3–4 | m/s |
//! | turning rate of the first rod, free_body_rot | 5 | rad/s |
//! | motor1_rot, motor2_rot velocity | 6–7 | rad/s |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · (x after − x before) / 0.04 s, x of slider1 |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Episodes never terminate. Two actions in −1..=1, 150 N·m each, 25 per second. The fluid resists
//! every rod as MuJoCo's box of equal inertia does (density 4000 kg/m³, viscosity 0.1 Pa·s).
//!
//! Start: stretched out along x; U(±0.1) on every position and velocity.
//!
//! Reference: Gymnasium 1.4 `Swimmer-v5` (after Coulom 2002, "Reinforcement Learning Using Neural
//! Networks, with Applications to Motor Control"). Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::{finite, not_negative};
use crate::math::add_uniform;
use crate::pay::{self, control, forward, speed};
use crate::{Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "swimmer";
const CONTROL_DT: f64 = 0.04;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Reward per m/s along +x.
    pub forward_reward_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Half-width of the uniform noise on the start positions (m, rad) and velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { forward_reward_weight: 1.0, ctrl_cost_weight: 1e-4, reset_noise_scale: 0.1 }
    }
}

/// The task. Its memory is x before the step.
pub struct Swimmer {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl Swimmer {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "forward_reward_weight", config.forward_reward_weight)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        let model = Model::from_mjcf(include_str!("../assets/swimmer.xml"), "swimmer.xml")?;
        let mut observations = Channel::positions(&model).split_off(2);
        observations.extend(Channel::velocities(&model));
        let spec = Spec {
            name: NAME,
            summary: "Three rods on two hinges swim along +x in a viscous fluid.",
            differences: &[],
            start: "Stretched out along x; U(±reset_noise_scale) on positions and velocities.",
            termination: None,
            observations,
            actions: Channel::controls(&model),
            terms: &["forward", "control"],
            formulas: &[pay::FORWARD, pay::CONTROL],
            control_dt: CONTROL_DT,
            physics: PhysicsSettings::new(0.01, 4).iterations(EngineKind::Rapier, 1, 4).iterations(
                EngineKind::Lanes,
                4,
                8,
            ),
            horizon: 1000,
            memory: 1,
        };
        Ok(Self { config, spec, model: Arc::new(model) })
    }
}

impl Task for Swimmer {
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
        let (positions, velocities) = obs.split_at_mut(3);
        positions.copy_from_slice(&world.qpos[2..]);
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
        let task = Swimmer::new(Config { ctrl_cost_weight: 0.5, ..Config::default() }).unwrap();
        let (mut memory, mut terms) = ([1.0], [f32::NAN; 2]);
        let view = ([1.125, 9.0, 0.0, 0.0, 0.0], [0.0; 5]);
        let terminated = task.step(&world(&view.0, &view.1), &[1.0, -0.5], &mut memory, &mut terms);
        // 0.125 m in 0.04 s; 0.5 · 1.25.
        assert_eq!((terms, terminated, memory), ([3.125, -0.625], false, [1.125]));
    }

    #[test]
    fn a_wave_along_the_rods_swims() {
        let task: Arc<dyn Task> = Arc::new(Swimmer::new(Config::default()).unwrap());
        for engine in EngineKind::ALL {
            let swim = |direction: f64| {
                let options = task.physics(engine, Fidelity::Default);
                let mut envs = Envs::new(task.clone(), 1, options, 1000).unwrap();
                envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
                let mut distance = 0.0;
                for step in 0..500 {
                    let phase = 3.0 * f64::from(step) * CONTROL_DT;
                    let wave = |lag: f64| (libm::sin(phase - direction * lag) * 0.5) as f32;
                    envs.step(&[true], &[wave(0.0), wave(1.5)]);
                    distance += f64::from(envs.terms(0)[0]) * CONTROL_DT;
                }
                distance
            };
            let (forward, backward) = (swim(1.0), swim(-1.0));
            assert!(forward > 0.5 && backward < forward - 1.0, "{engine:?}: {forward} {backward}");
        }
    }
}
