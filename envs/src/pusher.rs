//! Pusher: an arm of seven joints pushes a disc to a goal on the table.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | angles of the arm's joints | 0–6 | rad |
//! | velocities of the arm's joints | 7–13 | rad/s |
//! | fork x, y, z | 14–16 | m |
//! | disc x, y, z | 17–19 | m |
//! | goal x, y, z | 20–22 | m |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `distance` | −`distance_weight` · |disc − goal| |
//! | `near` | −`near_weight` · |disc − fork| |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Episodes never terminate. Seven actions in −2..=2, 1 N·m per unit, 20 per second.
//!
//! Start: arm stretched out, U(±0.005) rad/s on its velocities; goal at its mark; the disc is drawn
//! from −0.3..=0 m along y and ±0.2 m along x around the mark, at least 0.17 m from it, at rest.
//!
//! With `reward_before_step`, distances are those before the step.
//!
//! Reference: Gymnasium 1.4 `Pusher-v5`. Differences: see [`Spec`].

use std::sync::Arc;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, Sensor, WorldView};

use crate::error::{at_least_one, finite, not_negative};
use crate::math::{add_uniform, distance, sum_of_squares};
use crate::{Channel, EnvError, PhysicsSettings, Spec, Task, Variant};

const NAME: &str = "pusher";
/// Joints of the arm; the disc's and the goal's slides follow.
const ARM: usize = 7;
/// Least distance between disc and goal at the start, m.
const APART: f64 = 0.17;

/// Settings of the task. The defaults are the reference's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Cost per metre between disc and goal.
    pub distance_weight: f64,
    /// Cost per metre between disc and fork.
    pub near_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Half-width of the uniform noise on the arm's start velocities, rad/s.
    pub reset_noise_scale: f64,
    /// A disc that is drawn too close to the goal is drawn again as in Gymnasium, or moved away from the
    /// goal to the least distance as in Brax.
    pub start: Variant,
    /// Whether distances are paid as they were before the step, as in Brax.
    pub reward_before_step: bool,
    /// Default number of control steps after which an episode is truncated, at least 1: 100 as in
    /// Gymnasium, 1000 as in Brax.
    pub horizon: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            distance_weight: 1.0,
            near_weight: 0.5,
            ctrl_cost_weight: 0.1,
            reset_noise_scale: 0.005,
            start: Variant::Gymnasium,
            reward_before_step: false,
            horizon: 100,
        }
    }
}

/// The task. Its memory is the distances of disc and goal and of disc and fork before the step, if these
/// are paid.
pub struct Pusher {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
    /// Fork, disc, goal.
    bodies: [usize; 3],
    /// Where they are with all joints at 0, if distances before the step are paid, m.
    places: Option<[f32; 9]>,
}

impl Pusher {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "distance_weight", config.distance_weight)?;
        finite(NAME, "near_weight", config.near_weight)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        at_least_one(NAME, "horizon", config.horizon)?;
        let model = Model::from_mjcf(include_str!("../assets/pusher.xml"), "pusher.xml")?;
        let mut observations = Channel::positions(&model)[..ARM].to_vec();
        observations.extend_from_slice(&Channel::velocities(&model)[..ARM]);
        for body in ["fork", "disc", "goal"] {
            observations
                .extend(["x", "y", "z"].map(|axis| Channel::unbounded(format!("{body} {axis}"), "m")));
        }
        let bodies =
            ["tips_arm", "object", "goal"].map(|name| model.body(name).expect("our own model has it"));
        let spec = Spec {
            name: NAME,
            summary: "An arm of seven joints pushes a disc to a goal on the table.",
            differences: &["Brax pusher: actions are in ±2 and reach the controller scaled."],
            start: match config.start {
                Variant::Gymnasium => {
                    "Arm stretched out, U(±reset_noise_scale) on its velocities; disc anywhere in a field of 0.3 m × 0.4 m beside the goal, at least 0.17 m from it."
                }
                Variant::Brax => {
                    "Arm stretched out, U(±reset_noise_scale) on its velocities; disc anywhere in a field of 0.3 m × 0.4 m beside the goal; if that is closer than 0.17 m, moved away from the goal to 0.17 m."
                }
            },
            termination: None,
            observations,
            actions: Channel::controls(&model),
            terms: &["distance", "near", "control"],
            formulas: if config.reward_before_step {
                &[
                    "−distance_weight · |disc − goal| before the step",
                    "−near_weight · |disc − fork| before the step",
                    "−ctrl_cost_weight · Σ action²",
                ]
            } else {
                &[
                    "−distance_weight · |disc − goal|",
                    "−near_weight · |disc − fork|",
                    "−ctrl_cost_weight · Σ action²",
                ]
            },
            control_dt: 0.05,
            physics: PhysicsSettings::new(0.01, 5).iterations(EngineKind::Rapier, 1, 4).iterations(
                EngineKind::Lanes,
                8,
                16,
            ),
            horizon: config.horizon,
            memory: if config.reward_before_step { 2 } else { 0 },
        };
        let places = config.reward_before_step.then(|| {
            let qpos0: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
            let poses = model.frames(&qpos0).poses;
            std::array::from_fn(|i| poses[bodies[i / 3]][i % 3])
        });
        Ok(Self { config, spec, model: Arc::new(model), bodies, places })
    }
}

/// Distances of disc and goal and of disc and fork, m, from the places of fork, disc and goal.
fn distances(places: &[f32]) -> [f64; 2] {
    let (fork, rest) = places.split_at(3);
    let (disc, goal) = rest.split_at(3);
    [distance(disc, goal), distance(disc, fork)]
}

impl Task for Pusher {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn sensors(&self) -> Vec<Sensor> {
        self.bodies.map(Sensor::Position).to_vec()
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        add_uniform(rng, self.config.reset_noise_scale, &mut qvel[..ARM]);
        // The disc's slides are y, then x.
        let mut disc = || [-0.3 * rng.random::<f64>(), 0.2 * (2.0 * rng.random::<f64>() - 1.0)];
        let length = |[y, x]: [f64; 2]| libm::sqrt(x * x + y * y);
        let [mut y, mut x] = disc();
        match self.config.start {
            Variant::Gymnasium => {
                while x * x + y * y <= APART * APART {
                    [y, x] = disc();
                }
            }
            Variant::Brax => {
                // Nothing is drawn at the goal itself but by a chance of 2⁻¹⁰⁶.
                let away = (APART / length([y, x]).max(1e-9)).max(1.0);
                [y, x] = [away * y, away * x];
            }
        }
        qpos[ARM..].copy_from_slice(&[y as f32, x as f32, 0.0, 0.0]);
        if let (Some(mut places), [distance, near]) = (self.places, memory) {
            (places[3], places[4]) = (places[3] + qpos[ARM + 1], places[4] + qpos[ARM]);
            [*distance, *near] = distances(&places).map(|x| x as f32);
        }
    }

    fn observe(&self, world: &WorldView<'_>, _memory: &[f32], obs: &mut [f32]) {
        obs[..ARM].copy_from_slice(&world.qpos[..ARM]);
        obs[ARM..2 * ARM].copy_from_slice(&world.qvel[..ARM]);
        obs[2 * ARM..].copy_from_slice(world.sensors);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let mut paid = distances(world.sensors);
        if let [distance, near] = memory {
            let now = paid;
            paid = [*distance, *near].map(f64::from);
            [*distance, *near] = now.map(|x| x as f32);
        }
        terms[0] = (-self.config.distance_weight * paid[0]) as f32;
        terms[1] = (-self.config.near_weight * paid[1]) as f32;
        terms[2] = (-self.config.ctrl_cost_weight * sum_of_squares(action)) as f32;
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::{Envs, Fidelity};
    use rand::{SeedableRng as _, rngs::ChaCha8Rng};
    use sim::Worlds;

    #[test]
    fn costs_are_distances_and_effort() {
        let task = Pusher::new(Config::default()).unwrap();
        // Fork 0.3, 0.4 away from the disc; goal 0.5 below it.
        let sensors = [0.3, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5];
        let view = WorldView { qpos: &[0.0; 11], qvel: &[0.0; 11], sensors: &sensors, parameters: None };
        let (mut action, mut terms) = ([0.0; 7], [f32::NAN; 3]);
        (action[0], action[6]) = (2.0, -1.0);
        assert!(!task.step(&view, &action, &mut [], &mut terms));
        assert_eq!(terms, [-0.5, -0.25, -0.5]);
    }

    #[test]
    fn discs_start_beside_the_goal() {
        let task = Pusher::new(Config::default()).unwrap();
        for seed in 0..300 {
            let (mut qpos, mut qvel) = ([0.0; 11], [0.0; 11]);
            task.reset(&mut ChaCha8Rng::seed_from_u64(seed), &mut qpos, &mut qvel, &mut []);
            let (y, x) = (qpos[7], qpos[8]);
            assert!((-0.3..=0.0).contains(&y) && x.abs() <= 0.2 && x.hypot(y) > 0.17, "{qpos:?}");
            assert!(qvel[..7].iter().all(|v| v.abs() <= 0.005) && qvel[7..] == [0.0; 4]);
        }
    }

    /// What is paid in the first step is what the engine's own sensors say.
    #[test]
    fn places_are_to_the_bit_where_the_engine_has_them() {
        let task = Pusher::new(Config { reward_before_step: true, ..Config::default() }).unwrap();
        let options = task.physics(EngineKind::Lanes, Fidelity::Default);
        let worlds = Worlds::new(task.model(), 1, options, &task.sensors()).unwrap();
        assert_eq!(worlds.view(0).sensors, task.places.unwrap());
    }

    #[test]
    fn as_in_brax_discs_are_moved_away_and_pay_is_late() {
        let config = Config { start: Variant::Brax, reward_before_step: true, ..Config::default() };
        let task: Arc<dyn Task> = Arc::new(Pusher::new(config).unwrap());
        let options = task.physics(EngineKind::Lanes, Fidelity::Default);
        let mut envs = Envs::new(task, 1, options, 1000).unwrap();
        let mut moved = 0;
        for seed in 0..100 {
            envs.reset(0, &mut ChaCha8Rng::seed_from_u64(seed));
            let radius = envs.view(0).qpos[7].hypot(envs.view(0).qpos[8]);
            assert!(radius > 0.17 - 1e-6, "{radius}");
            moved += usize::from((radius - 0.17).abs() < 1e-6);
            for _ in 0..3 {
                let [distance, near] = distances(envs.view(0).sensors).map(|x| x as f32);
                envs.step(&[true], &[1.0; 7]);
                let terms = envs.terms(0);
                assert!(
                    (terms[0] + distance).abs() < 1e-6 && (terms[1] + 0.5 * near).abs() < 1e-6,
                    "{terms:?}"
                );
            }
        }
        // A half disc of radius 0.17 in a field of 0.3 × 0.4: 38 %.
        assert!((20..60).contains(&moved), "{moved}");
    }

    #[test]
    fn the_fork_moves_the_disc() {
        let task = Pusher::new(Config::default()).unwrap();
        for engine in EngineKind::ALL {
            let options = task.physics(engine, Fidelity::Default);
            let mut worlds = Worlds::new(task.model(), 1, options, &task.sensors()).unwrap();
            // The arm is low enough for the fork to be level with the disc, which lies in its way.
            let mut qpos = [0.0; 11];
            (qpos[1], qpos[7], qpos[8]) = (0.36, -0.37, 0.33);
            worlds.reset(0, &qpos, &[0.0; 11]);
            let start = worlds.view(0).sensors[3..6].to_vec();
            for _ in 0..20 {
                let mut controls = [0.0; 7];
                controls[0] = 2.0;
                worlds.step(&[true], &controls);
            }
            let moved = worlds.view(0).sensors[4] - start[1];
            assert!(moved > 0.01, "{engine:?}: {moved} m along y");
        }
    }
}
