//! Inverted double pendulum: a cart on a rail keeps two poles, one on the other, upright.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | cart position, slider | 0 | m |
//! | sine of hinge, hinge2 | 1–2 | |
//! | cosine of hinge, hinge2 | 3–4 | |
//! | cart velocity, within ±10 | 5 | m/s |
//! | hinge, hinge2 velocity, within ±10 | 6–7 | rad/s |
//! | force of the rail's ends on the cart, within ±10 | 8 | N |
//!
//! With `observations: Brax`, the force is left out.
//!
//! | reward term | value |
//! | --- | --- |
//! | `alive` | `healthy_reward` on every step that does not terminate |
//! | `distance` | −(0.01 · x² + (z − 2)²), x and z of the upper tip in m |
//! | `velocity` | −(0.001 · hinge velocity² + 0.005 · hinge2 velocity²) |
//!
//! An episode terminates when the upper tip sinks to 1 m above the cart. One action in −1..=1, a
//! force of 500 N per unit on the cart; 20 actions per second, 50 with Brax's `frame_skip: 2`.
//!
//! Start: cart at 0, poles upright; U(±0.1) on positions, 0.1 · N(0, 1) on velocities.
//!
//! Reference: Gymnasium 1.4 `InvertedDoublePendulum-v5`. Differences: see [`Spec`].

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::{finite, not_negative};
use crate::math::{add_normal, add_uniform, clip_to};
use crate::{Channel, EnvError, Observations, PhysicsSettings, Spec, Task};

const NAME: &str = "inverted_double_pendulum";
const TIMESTEP: f64 = 0.01;
/// Length of a pole, m.
const POLE: f64 = 0.6;
/// Height of the upper tip at which an episode ends, m.
const FALLEN: f64 = 1.0;
/// Cart and poles.
const BODIES: usize = 3;
/// Largest observed velocity and force.
const MAX_RATE: f32 = 10.0;
/// Distance from the middle at which the rail begins to push back, m.
const RAIL: f32 = 0.99;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Reward per step that does not terminate.
    pub healthy_reward: f64,
    /// Half-width of the uniform noise on the start positions (m, rad) and standard deviation of
    /// the noise on the start velocities (m/s, rad/s).
    pub reset_noise_scale: f64,
    /// Physics steps of 0.01 s per control step, 1..=100: 5 as in Gymnasium, 2 as in Brax.
    pub frame_skip: usize,
    /// What is observed: 9 values as in Gymnasium, or 8 as in Brax.
    pub observations: Observations,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            healthy_reward: 10.0,
            reset_noise_scale: 0.1,
            frame_skip: 5,
            observations: Observations::Gymnasium,
        }
    }
}

/// The task. Its memory is the momentum along the rail before the step, the mean force of the rail during
/// the step, and what each body has of that momentum, all with the model's masses.
pub struct InvertedDoublePendulum {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl InvertedDoublePendulum {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "healthy_reward", config.healthy_reward)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        if !(1..=100).contains(&config.frame_skip) {
            let value = config.frame_skip.to_string();
            return Err(EnvError::Config {
                env: NAME,
                field: "frame_skip",
                value,
                expected: "expected 1..=100",
            });
        }
        config.observations.one_of(
            NAME,
            &[Observations::Gymnasium, Observations::Brax],
            "expected Gymnasium or Brax",
        )?;
        let file = "inverted_double_pendulum.xml";
        let model = Model::from_mjcf(include_str!("../assets/inverted_double_pendulum.xml"), file)?;
        let mut observations = Channel::positions(&model)[..1].to_vec();
        for wave in ["sine", "cosine"] {
            let joint = |name: &str| Channel::bounded(format!("{name} {wave}"), "", -1.0, 1.0);
            observations.extend(["hinge", "hinge2"].map(joint));
        }
        observations.extend(Channel::velocities(&model).into_iter().map(|c| c.within(MAX_RATE)));
        if config.observations == Observations::Gymnasium {
            observations.push(Channel::unbounded("rail force", "N").within(MAX_RATE));
        }
        let spec = Spec {
            name: NAME,
            summary: "A cart on a rail keeps two poles, one on the other, upright.",
            differences: &[
                "Gymnasium InvertedDoublePendulum-v5: the force of the rail's ends is the mean over the control step, from the momentum along the rail, while the cart is at an end; it is not the force at the last instant.",
            ],
            start: "Cart at 0, poles upright; U(±reset_noise_scale) on positions, reset_noise_scale · N(0, 1) on velocities.",
            termination: Some("The upper tip is at most 1 m above the cart."),
            observations,
            actions: Channel::controls(&model),
            terms: &["alive", "distance", "velocity"],
            formulas: &[
                "healthy_reward unless the step terminates the episode",
                "−(0.01 · tip x² + (tip z − 2)²)",
                "−(0.001 · hinge velocity² + 0.005 · hinge2 velocity²)",
            ],
            control_dt: TIMESTEP * config.frame_skip as f64,
            physics: PhysicsSettings::new(TIMESTEP, config.frame_skip)
                .iterations(EngineKind::Rapier, 1, 4)
                .iterations(EngineKind::Lanes, 4, 8),
            horizon: 1000,
            memory: 2 + BODIES,
        };
        Ok(Self { config, spec, model: Arc::new(model) })
    }

    /// Momentum of each body along the rail with the model's masses, kg·m/s.
    fn momenta(&self, qpos: &[f32], qvel: &[f32]) -> [f64; BODIES] {
        let mut tip = f64::from(qvel[0]);
        let (mut angle, mut rate) = (0.0, 0.0);
        let mut momenta = [self.model.bodies[1].mass * tip; BODIES];
        for (pole, body) in self.model.bodies[2..].iter().enumerate() {
            angle += f64::from(qpos[1 + pole]);
            rate += f64::from(qvel[1 + pole]);
            let along = rate * libm::cos(angle);
            momenta[1 + pole] = body.mass * (tip + body.com[2] * along);
            tip += POLE * along;
        }
        momenta
    }

    /// Keeps momenta for the next step.
    fn keep(momenta: [f64; BODIES], memory: &mut [f32]) {
        memory[0] = momenta.iter().sum::<f64>() as f32;
        memory[2..].iter_mut().zip(momenta).for_each(|(kept, momentum)| *kept = momentum as f32);
    }

    /// Mean force during a step that is neither the motor's nor of what has been changed, N: that of the rail's
    /// ends. `memory` is that of before the step, `momenta` are those after it.
    fn rail(&self, world: &WorldView<'_>, action: f32, memory: &[f32], momenta: [f64; BODIES]) -> f64 {
        let bodies = &self.model.bodies[1..];
        let (mut before, mut after, mut push) = (f64::from(memory[0]), 0.0, 0.0);
        let mut gear = self.model.actuators[0].gear;
        match world.parameters {
            None => after = momenta.iter().sum(),
            Some(changed) => {
                gear *= f64::from(changed.gear[0]);
                // The original's lean of gravity is too small to count.
                let lean = f64::from(changed.gravity[0] - self.model.option.gravity[0] as f32);
                for (body, momentum) in momenta.into_iter().enumerate() {
                    let factor = f64::from(changed.mass[1 + body]);
                    before += (factor - 1.0) * f64::from(memory[2 + body]);
                    after += factor * momentum;
                    push += factor * bodies[body].mass * lean + f64::from(changed.force[1 + body][0]);
                }
            }
        }
        push += gear * f64::from(action);
        (after - before) / self.spec.control_dt - push
    }
}

/// Position of the upper tip, x and z, m.
fn tip(qpos: &[f32]) -> [f64; 2] {
    let (first, second) = (f64::from(qpos[1]), f64::from(qpos[1]) + f64::from(qpos[2]));
    [
        f64::from(qpos[0]) + POLE * (libm::sin(first) + libm::sin(second)),
        POLE * (libm::cos(first) + libm::cos(second)),
    ]
}

impl Task for InvertedDoublePendulum {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_normal(rng, self.config.reset_noise_scale, qvel);
        Self::keep(self.momenta(qpos, qvel), memory);
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        obs[0] = world.qpos[0];
        for (joint, &angle) in world.qpos[1..].iter().enumerate() {
            obs[1 + joint] = libm::sin(f64::from(angle)) as f32;
            obs[3 + joint] = libm::cos(f64::from(angle)) as f32;
        }
        clip_to(MAX_RATE, world.qvel, &mut obs[5..8]);
        clip_to(MAX_RATE, &memory[1..2], &mut obs[8..]);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let [x, z] = tip(world.qpos);
        let [first, second] = [1, 2].map(|joint| f64::from(world.qvel[joint]));
        let fallen = z <= FALLEN || z.is_nan();
        terms[0] = if fallen { 0.0 } else { self.config.healthy_reward as f32 };
        terms[1] = -(0.01 * x * x + (z - 2.0) * (z - 2.0)) as f32;
        terms[2] = -(1e-3 * first * first + 5e-3 * second * second) as f32;
        let momenta = self.momenta(world.qpos, world.qvel);
        let force = self.rail(world, action[0], memory, momenta);
        let at_end = world.qpos[0].abs() > RAIL;
        memory[1] = if at_end { force as f32 } else { 0.0 };
        Self::keep(momenta, memory);
        fallen
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use sim::{Parameters, Worlds};

    use super::*;
    use crate::Fidelity;
    use crate::task::world;

    fn score(qpos: [f32; 3], qvel: [f32; 3]) -> ([f32; 3], bool) {
        let task = InvertedDoublePendulum::new(Config::default()).unwrap();
        let mut terms = [f32::NAN; 3];
        let terminated = task.step(&world(&qpos, &qvel), &[0.0], &mut [0.0; 2 + BODIES], &mut terms);
        (terms, terminated)
    }

    #[test]
    fn terms_are_bonus_distance_and_speed() {
        // Upright: the tip is 1.2 m high, 0.5 m out; 0.01 · 0.25 + 0.64.
        let (terms, terminated) = score([0.5, 0.0, 0.0], [9.0, 2.0, 1.0]);
        let expected = [10.0, -0.6425, -0.009];
        assert!(!terminated && terms.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{terms:?}");
        // The lower pole leans by 60°, the upper one stands: 0.3 + 0.6 m.
        let third = std::f32::consts::FRAC_PI_3;
        let (terms, terminated) = score([0.0, third, -third], [0.0; 3]);
        let distance = 0.01 * 0.75 * 0.36 + 1.1 * 1.1;
        assert!(terminated && terms[0] == 0.0 && (terms[1] + distance).abs() < 1e-6, "{terms:?}");
        assert!(score([0.0, f32::NAN, 0.0], [0.0; 3]).1);
    }

    #[test]
    fn the_rail_is_felt_at_its_ends_and_only_there() {
        let task = InvertedDoublePendulum::new(Config::default()).unwrap();
        for engine in EngineKind::ALL {
            let options = task.physics(engine, Fidelity::Default);
            let mut worlds = Worlds::new(task.model(), 1, options, &[]).unwrap();
            for side in [1.0, -1.0] {
                let (mut felt, mut free) = (0, 0);
                for run in 0..20 {
                    let start = [(0.5 + 0.02 * run as f32) * side, 0.0, 0.0];
                    let speed = [2.0 * side, 0.0, 0.0];
                    let mut memory = [0.0; 2 + BODIES];
                    InvertedDoublePendulum::keep(task.momenta(&start, &speed), &mut memory);
                    worlds.reset(0, &start, &speed);
                    for _ in 0..6 {
                        let action = [0.1 * side];
                        worlds.step(&[true], &action);
                        let (mut obs, mut terms) = ([f32::NAN; 9], [f32::NAN; 3]);
                        task.step(&worlds.view(0), &action, &mut memory, &mut terms);
                        task.observe(&worlds.view(0), &memory, &mut obs);
                        // It pushes back, against the cart's motion and the motor.
                        assert!(obs[8] * side <= 0.5, "{engine:?}: {} N at {} m", obs[8], obs[0]);
                        felt += usize::from(obs[8] * side == -10.0);
                        if obs[0].abs() < 0.985 {
                            assert_eq!(obs[8], 0.0, "{engine:?}: at {}", obs[0]);
                            free += 1;
                        }
                    }
                }
                assert!(felt > 3 && free > 20, "{engine:?}: {felt} {free}");
            }
        }
    }

    #[test]
    fn changed_masses_motors_and_forces_are_not_taken_for_the_rail() {
        let task = InvertedDoublePendulum::new(Config::default()).unwrap();
        let nominal = Parameters::nominal(task.model());
        for engine in EngineKind::ALL {
            let options = task.physics(engine, Fidelity::Default);
            let mut worlds = Worlds::new(task.model(), 1, options, &[]).unwrap();
            let changes: [fn(&mut Parameters); 6] = [
                |_| {},
                |p| p.gear[0] = 0.2,
                |p| p.mass = vec![1.0, 3.0, 0.5, 2.0],
                |p| p.gravity[0] = 2.0,
                |p| p.force[1][0] = 20.0,
                |p| (p.force[3][0], p.mass[1]) = (-10.0, 2.0),
            ];
            for (number, change) in changes.into_iter().enumerate() {
                let mut changed = nominal.clone();
                change(&mut changed);
                let (start, speed) = ([-0.2, 0.1, -0.1], [0.5, 0.3, -0.2]);
                worlds.set_parameters(0, &nominal).unwrap();
                worlds.reset(0, &start, &speed);
                let mut memory = [0.0; 2 + BODIES];
                InvertedDoublePendulum::keep(task.momenta(&start, &speed), &mut memory);
                for step in 0..4 {
                    if step == 1 {
                        // In mid-episode, as changes do.
                        worlds.set_parameters(0, &changed).unwrap();
                    }
                    let action = [0.02];
                    worlds.step(&[true], &action);
                    let world = worlds.view(0);
                    assert!(world.qpos[0].abs() < 0.9, "the ends are far");
                    let momenta = task.momenta(world.qpos, world.qvel);
                    let felt = task.rail(&world, action[0], &memory, momenta);
                    assert!(
                        felt.abs() < 0.5,
                        "{engine:?}, change {number}, step {step}: {felt} N of nothing"
                    );
                    InvertedDoublePendulum::keep(momenta, &mut memory);
                }
            }
        }
    }
}
