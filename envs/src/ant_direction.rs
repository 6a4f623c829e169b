//! Ant with a goal: the ant walks in a direction, or at a velocity, that each episode draws anew.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | as the [ant](crate::ant) | 0–26 | |
//! | goal direction, cosine and sine | 27–28 | |
//! | goal speed, with `speeds` | 29 | m/s |
//!
//! | reward term | value, a = action, v = velocity of the torso over the step |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · part of v along the goal direction |
//! | | with `speeds`: `forward_reward_weight` · (goal speed − \|v − goal velocity\|) |
//! | `survive`, `control` | as the ant |
//!
//! Direction and speed are goals: a change of kind `Target` sets them in mid-episode. With
//! `observe_goal: false` the controller must find out by itself where reward comes from.
//!
//! Reference: the ant; walking in a given direction after Finn, Abbeel, Levine 2017 (arXiv:1703.03400,
//! section 5.3).

use std::sync::Arc;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use sim::{Model, Sensor, WorldView};

use crate::ant::{Ant, CONTROL_DT};
use crate::{Channel, EnvError, Goal, Spec, Task};

const NAME: &str = "ant_direction";
const PI: f64 = std::f64::consts::PI;
/// Largest goal speed, m/s.
const FAST: f64 = 20.0;

/// Of the reward terms, the last one only if contacts cost something.
const FORMULAS: &[&str] = &[
    "ant.forward_reward_weight · speed along the goal direction; with speeds: · (goal speed − |velocity − goal velocity|)",
    "ant.healthy_reward if healthy or, with ant.terminal_bonus, just fallen, else 0",
    "−ant.ctrl_cost_weight · Σ action²",
    "−ant.contact_cost_weight · Σ (contact moments and forces)²",
];

/// Settings of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Robot, weights of the reward, health.
    pub ant: crate::ant::Config,
    /// Goal directions are drawn from this range, low ≤ high, within −π..=π, rad from +x to +y.
    pub directions: (f64, f64),
    /// Goal speeds are drawn from this range, low ≤ high, within 0..=20 m/s; if absent, the faster
    /// the better.
    pub speeds: Option<(f64, f64)>,
    /// Whether the goal is observed.
    pub observe_goal: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { ant: crate::ant::Config::default(), directions: (-PI, PI), speeds: None, observe_goal: true }
    }
}

/// The task. Its memory is the torso's x and y before the step, the goal direction and the goal speed.
pub struct AntDirection {
    config: Config,
    spec: Spec,
    ant: Ant,
}

impl AntDirection {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        let ant = Ant::new(config.ant.clone())?;
        let range = |field, (low, high): (f64, f64), least: f64, most: f64, expected| {
            // NaN is refused, too.
            if least <= low && low <= high && high <= most {
                return Ok(());
            }
            Err(EnvError::Config { env: NAME, field, value: format!("({low}, {high})"), expected })
        };
        range("directions", config.directions, -PI, PI, "expected (low, high), low ≤ high, within −π..=π")?;
        if let Some(speeds) = config.speeds {
            range("speeds", speeds, 0.0, FAST, "expected (low, high), low ≤ high, within 0..=20")?;
        }
        let mut spec = ant.spec().clone();
        if config.observe_goal {
            let axes = ["cosine", "sine"];
            let channel = |axis| Channel::bounded(format!("goal direction {axis}"), "", -1.0, 1.0);
            spec.observations.extend(axes.map(channel));
            if config.speeds.is_some() {
                spec.observations.push(Channel::bounded("goal speed", "m/s", 0.0, FAST as f32));
            }
        }
        let spec = Spec {
            name: NAME,
            summary: "A four-legged robot walks in a direction that is drawn for each episode.",
            differences: &["As the ant, with a goal."],
            start: "As the ant; goal direction from directions, goal speed from speeds.",
            formulas: &FORMULAS[..spec.terms.len()],
            memory: 4,
            ..spec
        };
        Ok(Self { config, spec, ant })
    }
}

impl Task for AntDirection {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        self.ant.model()
    }

    fn sensors(&self) -> Vec<Sensor> {
        self.ant.sensors()
    }

    fn goals(&self) -> Vec<Goal> {
        let direction = Channel::bounded("direction", "rad", -PI as f32, PI as f32);
        let speed = Channel::bounded("speed", "m/s", 0.0, FAST as f32);
        let mut goals = vec![Goal { channel: direction, memory: 2 }];
        if self.config.speeds.is_some() {
            goals.push(Goal { channel: speed, memory: 3 });
        }
        goals
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        self.ant.start(rng, qpos, qvel);
        let mut draw = |(low, high): (f64, f64)| (low + (high - low) * rng.random::<f64>()) as f32;
        let direction = draw(self.config.directions).clamp(-PI as f32, PI as f32);
        let speed = self.config.speeds.map_or(0.0, draw);
        memory.copy_from_slice(&[qpos[0], qpos[1], direction, speed]);
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        let (robot, goal) = obs.split_at_mut(self.ant.spec().observations.len());
        self.ant.observe(world, memory, robot);
        let direction = f64::from(memory[2]);
        let values = [libm::cos(direction) as f32, libm::sin(direction) as f32, memory[3]];
        goal.copy_from_slice(&values[..goal.len()]);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let speed = |axis: usize| (f64::from(world.qpos[axis]) - f64::from(memory[axis])) / CONTROL_DT;
        let (vx, vy) = (speed(0), speed(1));
        memory[..2].copy_from_slice(&world.qpos[..2]);
        let (direction, wanted) = (f64::from(memory[2]), f64::from(memory[3]));
        let (c, s) = (libm::cos(direction), libm::sin(direction));
        let score = if self.config.speeds.is_some() {
            let (dx, dy) = (vx - wanted * c, vy - wanted * s);
            wanted - libm::sqrt(dx * dx + dy * dy)
        } else {
            vx * c + vy * s
        };
        self.ant.score(world, score, f64::from(world.qpos[2]), action, terms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};

    use super::*;
    use crate::task::world;

    fn forward(config: Config, moved: [f32; 2], direction: f32, speed: f32) -> f32 {
        let task = AntDirection::new(config).unwrap();
        let mut qpos = [0.0; 15];
        (qpos[0], qpos[1], qpos[2]) = (moved[0], moved[1], 0.5);
        let (mut memory, mut terms) = ([0.0, 0.0, direction, speed], [f32::NAN; 3]);
        assert!(!task.step(&world(&qpos, &[0.0; 14]), &[1.0; 8], &mut memory, &mut terms));
        assert_eq!(memory, [moved[0], moved[1], direction, speed]);
        assert_eq!(terms[1..], [1.0, -4.0]);
        terms[0]
    }

    #[test]
    fn what_counts_is_the_goal_direction() {
        // 0.15 m and 0.2 m in 0.05 s are 3 and 4 m/s.
        let near = |got: f32, expected: f32| assert!((got - expected).abs() < 1e-5, "{got} {expected}");
        let half = std::f32::consts::FRAC_PI_2;
        near(forward(Config::default(), [0.15, 0.2], 0.0, 9.0), 3.0);
        near(forward(Config::default(), [0.15, 0.2], half, 9.0), 4.0);
        near(forward(Config::default(), [0.15, 0.2], 4.0_f32.atan2(3.0), 9.0), 5.0);
        let speeds = Config { speeds: Some((0.0, 5.0)), ..Config::default() };
        // 3 m/s along x and 4 along y where 3 along x are wanted: off by 4.
        near(forward(speeds.clone(), [0.15, 0.2], 0.0, 3.0), -1.0);
        near(forward(speeds, [0.0, 0.2], half, 4.0), 4.0);
    }

    #[test]
    fn goals_are_drawn_from_their_ranges_and_observed() {
        let config = Config { directions: (0.5, 1.0), speeds: Some((1.0, 2.0)), ..Config::default() };
        let task = AntDirection::new(config).unwrap();
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for seed in 0..300 {
            let (mut qpos, mut qvel, mut memory) = ([0.0; 15], [0.0; 14], [0.0; 4]);
            qpos[3] = 1.0;
            task.reset(&mut ChaCha8Rng::seed_from_u64(seed), &mut qpos, &mut qvel, &mut memory);
            assert!((1.0..=2.0).contains(&memory[3]) && memory[..2] == qpos[..2]);
            (low, high) = (low.min(memory[2]), high.max(memory[2]));
            let mut obs = [f32::NAN; 30];
            task.observe(&world(&qpos, &qvel), &memory, &mut obs);
            assert!((obs[28].atan2(obs[27]) - memory[2]).abs() < 1e-6 && obs[29] == memory[3]);
        }
        assert!((0.5..0.52).contains(&low) && (0.98..=1.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn impossible_ranges_are_refused() {
        for directions in [(1.0, 0.0), (-4.0, 0.0), (f64::NAN, 0.0)] {
            let error = AntDirection::new(Config { directions, ..Config::default() }).err().unwrap();
            assert!(error.to_string().contains("directions"), "{error}");
        }
        let error = AntDirection::new(Config { speeds: Some((0.0, 21.0)), ..Config::default() });
        assert!(error.err().unwrap().to_string().contains("speeds"));
    }
}
