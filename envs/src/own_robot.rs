//! A robot of your own: any MJCF file that `docs/mjcf.md` covers, under a generic task.
//!
//! ```text
//! env: Mjcf(
//!     file: "robot.xml",
//!     task: Walk(healthy_z_range: (0.3, 1.0), ctrl_cost_weight: 0.05),
//!     observations: [Positions, Velocities, Touch(["left_foot", "right_foot"])],
//! )
//! ```
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `forward` | `forward_reward_weight` · speed of the trunk along the goal direction, m/s |
//! | `survive` | `healthy_reward` on every step that ends healthy, else 0 |
//! | `upright` | `upright_reward_weight` · cosine of the trunk's tilt |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! Healthy: the height of the trunk's origin is within `healthy_z_range` and its tilt at most
//! `healthy_tilt`, where these are given. An episode terminates on the first unhealthy step. The tilt
//! is the angle between the vertical and the axis of the trunk that is vertical in the file's pose.
//! The direction (rad, from +x to +y) is a goal: a change of kind `Target` may turn it. A
//! controller that shall follow it needs `observe_goal`.
//!
//! Start: the pose of the file or its keyframe `keyframe`; U(±`reset_noise_scale`) on positions, `reset_noise_scale` · N(0, 1) on
//! velocities.

use std::sync::Arc;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::{Model, Sensor, WorldView};

use crate::anatomy::{moves, pose, trunk};
use crate::error::{at_least_one, finite, interval, not_negative, positive};
use crate::math::{add_normal, add_uniform, matrix, turned};
use crate::pay::{self, control, survive};
use crate::senses::{Senses, body, unique};
use crate::{Channel, EnvError, Goal, PhysicsSettings, Sense, Spec, Task};

pub(crate) const NAME: &str = "mjcf";
/// Most physics steps per control step.
const MAX_SUBSTEPS: f64 = 1000.0;
const PI: f64 = std::f64::consts::PI;

/// A robot and what it shall do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The robot's MJCF file, beside the config or from the working directory on.
    pub file: String,
    /// The file's text. A run's resolved config has it, so that it stands alone; the file is then
    /// only a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the robot shall do.
    #[serde(default)]
    pub task: Goals,
    /// What the robot senses.
    #[serde(default = "observations")]
    pub observations: Vec<Sense>,
    /// Whether cosine and sine of the goal direction are observed as well.
    #[serde(default)]
    pub observe_goal: bool,
    /// The body whose motion counts; the root of what the first motor moves if absent.
    #[serde(default)]
    pub trunk: Option<String>,
    /// The file's keyframe in which an episode starts; the pose of the file if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyframe: Option<String>,
    /// Seconds between two actions. The file's `timestep` is stretched or shortened a little where it
    /// does not divide them.
    #[serde(default = "control_dt")]
    pub control_dt: f64,
    /// Default number of control steps after which an episode is truncated, at least 1.
    #[serde(default = "horizon")]
    pub horizon: usize,
    /// Half-width of the uniform noise on the start positions (m, rad) and standard deviation of the
    /// noise on the start velocities (m/s, rad/s).
    #[serde(default = "reset_noise_scale")]
    pub reset_noise_scale: f64,
}

fn observations() -> Vec<Sense> {
    vec![Sense::Positions, Sense::Velocities]
}

fn control_dt() -> f64 {
    0.05
}

fn horizon() -> usize {
    1000
}

fn reset_noise_scale() -> f64 {
    0.01
}

/// The generic tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Goals {
    /// Moving in one direction without falling.
    Walk(Walk),
}

impl Default for Goals {
    fn default() -> Self {
        Self::Walk(Walk::default())
    }
}

/// Moving in one direction without falling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Walk {
    /// Reward per m/s along the goal direction.
    pub forward_reward_weight: f64,
    /// Goal direction, −π..=π rad from +x to +y.
    pub direction: f64,
    /// Reward per healthy step.
    pub healthy_reward: f64,
    /// Reward per step for an upright trunk.
    pub upright_reward_weight: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Healthy heights of the trunk's origin, lowest and highest, m; all if absent.
    pub healthy_z_range: Option<(f64, f64)>,
    /// Largest healthy tilt of the trunk, rad; any if absent.
    pub healthy_tilt: Option<f64>,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            forward_reward_weight: 1.0,
            direction: 0.0,
            healthy_reward: 1.0,
            upright_reward_weight: 0.0,
            ctrl_cost_weight: 0.1,
            healthy_z_range: None,
            healthy_tilt: None,
        }
    }
}

/// The task. Its memory is the trunk's place before the step (x, y) and the goal direction.
pub struct Mjcf {
    config: Config,
    walk: Walk,
    spec: Spec,
    model: Arc<Model>,
    senses: Senses,
    /// Entries of `qpos` that move the trunk along these horizontal axes.
    place: Vec<(usize, [f64; 2])>,
    /// The keyframe to start in.
    start: Option<usize>,
    /// The direction in the trunk's frame that is up in the file's pose.
    up: [f64; 3],
}

impl Mjcf {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Sim`] with file, line and column for a mistake in the robot's file;
    /// [`EnvError::Unknown`] for a body that it lacks; [`EnvError::Config`] for numbers out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        let model = Arc::new(match &config.text {
            Some(text) => Model::from_mjcf(text, &config.file)?,
            None => Model::from_mjcf_file(&config.file)?,
        });
        let Goals::Walk(walk) = config.task.clone();
        walk.check()?;
        not_negative(NAME, "reset_noise_scale", config.reset_noise_scale)?;
        positive(NAME, "control_dt", config.control_dt)?;
        let refuse =
            |field, value: String, expected| Err(EnvError::Config { env: NAME, field, value, expected });
        let substeps = libm::round(config.control_dt / model.option.timestep).max(1.0);
        if substeps > MAX_SUBSTEPS {
            let expected = "expected at most 1000 times the file's timestep";
            return refuse("control_dt", config.control_dt.to_string(), expected);
        }
        at_least_one(NAME, "horizon", config.horizon)?;
        if model.nu() == 0 {
            let expected = "expected a robot with at least one <motor>";
            return refuse("file", config.file, expected);
        }
        let mut actions = Channel::controls(&model);
        if let Some(free) = actions.iter().find(|c| !(c.low.is_finite() && c.high.is_finite())) {
            let expected = "expected a ctrlrange on every <motor>";
            return refuse("file", format!("{}: {}", config.file, free.name), expected);
        }
        unique(&mut actions);
        let trunk = config.trunk.as_ref().map_or(Ok(trunk(&model)), |name| body(NAME, &model, name))?;
        let place = place(&model, trunk);
        if place.is_empty() {
            let expected =
                "expected a trunk that a free joint, or slides before any hinge, can move horizontally";
            return refuse("trunk", model.bodies[trunk].name.clone(), expected);
        }
        let senses = Senses::new(NAME, &model, trunk, &config.observations)?;
        let mut observations = senses.channels().to_vec();
        if config.observe_goal {
            let axes = ["cosine", "sine"];
            observations.extend(axes.map(|a| Channel::bounded(format!("goal direction {a}"), "", -1.0, 1.0)));
        }
        if observations.is_empty() {
            return refuse("observations", "[]".to_owned(), "expected at least one");
        }
        let healthy = walk.healthy_z_range.is_some() || walk.healthy_tilt.is_some();
        let spec = Spec {
            name: NAME,
            summary: "A robot of the user's own moves in one direction without falling.",
            differences: &[],
            start: "The pose of the file or its keyframe; U(±reset_noise_scale) on positions, reset_noise_scale · N(0, 1) on velocities.",
            termination: healthy
                .then_some("The trunk's height leaves healthy_z_range or its tilt exceeds healthy_tilt."),
            observations,
            actions,
            terms: &["forward", "survive", "upright", "control"],
            formulas: &[
                "forward_reward_weight · Δ(place along the direction) / control_dt",
                "healthy_reward if healthy, else 0",
                "upright_reward_weight · cos(tilt)",
                pay::CONTROL,
            ],
            control_dt: config.control_dt,
            physics: PhysicsSettings::new(config.control_dt / substeps, substeps as usize),
            horizon: config.horizon,
            memory: 3,
        };
        let start = config.keyframe.as_ref().map(|name| keyframe(&model, name)).transpose()?;
        let up = up(&model, trunk);
        Ok(Self { config, walk, spec, model, senses, place, start, up })
    }

    /// The trunk's horizontal place, up to a constant, m.
    fn place(&self, qpos: &[f32]) -> [f64; 2] {
        let part = |axis: usize| self.place.iter().map(|(i, along)| f64::from(qpos[*i]) * along[axis]).sum();
        [part(0), part(1)]
    }
}

impl Walk {
    fn check(&self) -> Result<(), EnvError> {
        finite(NAME, "forward_reward_weight", self.forward_reward_weight)?;
        finite(NAME, "healthy_reward", self.healthy_reward)?;
        finite(NAME, "upright_reward_weight", self.upright_reward_weight)?;
        finite(NAME, "ctrl_cost_weight", self.ctrl_cost_weight)?;
        if let Some(range) = self.healthy_z_range {
            interval(NAME, "healthy_z_range", range)?;
        }
        if let Some(tilt) = self.healthy_tilt {
            positive(NAME, "healthy_tilt", tilt)?;
        }
        if !(-PI..=PI).contains(&self.direction) {
            let value = self.direction.to_string();
            return Err(EnvError::Config {
                env: NAME,
                field: "direction",
                value,
                expected: "expected −π..=π",
            });
        }
        Ok(())
    }
}

impl Task for Mjcf {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn sensors(&self) -> Vec<Sensor> {
        self.senses.sensors().to_vec()
    }

    fn goals(&self) -> Vec<Goal> {
        let channel = Channel::bounded("direction", "rad", -PI as f32, PI as f32);
        vec![Goal { channel, memory: 2 }]
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        if let Some(key) = self.start.map(|index| &self.model.keyframes[index]) {
            qpos.iter_mut().zip(&key.qpos).for_each(|(q, key)| *q = *key as f32);
            qvel.iter_mut().zip(&key.qvel).for_each(|(v, key)| *v = *key as f32);
        }
        add_uniform(rng, self.config.reset_noise_scale, qpos);
        add_normal(rng, self.config.reset_noise_scale, qvel);
        let [x, y] = self.place(qpos);
        memory.copy_from_slice(&[x as f32, y as f32, self.walk.direction as f32]);
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        let (senses, goal) = obs.split_at_mut(self.senses.channels().len());
        self.senses.observe(world, senses);
        if let [cosine, sine] = goal {
            let direction = f64::from(memory[2]);
            (*cosine, *sine) = (libm::cos(direction) as f32, libm::sin(direction) as f32);
        }
    }

    fn look(&self, world: &WorldView<'_>, height: &dyn Fn(f64, f64) -> f64, obs: &mut [f32]) {
        self.senses.look(world, height, obs);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let walk = &self.walk;
        let [x, y] = self.place(world.qpos);
        let moved = [x - f64::from(memory[0]), y - f64::from(memory[1])];
        (memory[0], memory[1]) = (x as f32, y as f32);
        let direction = f64::from(memory[2]);
        let along = moved[0] * libm::cos(direction) + moved[1] * libm::sin(direction);
        let height = f64::from(world.sensors[2]);
        let quat = [3, 4, 5, 6].map(|i| f64::from(world.sensors[i]));
        let upright = turned(&matrix(quat), self.up)[2].clamp(-1.0, 1.0);
        let level = walk.healthy_z_range.is_none_or(|(low, high)| low <= height && height <= high);
        let healthy = level && walk.healthy_tilt.is_none_or(|tilt| libm::acos(upright) <= tilt);
        terms[0] = (walk.forward_reward_weight * along / self.config.control_dt) as f32;
        terms[1] = survive(walk.healthy_reward, healthy);
        terms[2] = (walk.upright_reward_weight * upright) as f32;
        terms[3] = control(walk.ctrl_cost_weight, action);
        !healthy
    }
}

/// Finds a keyframe by its name.
fn keyframe(model: &Model, name: &str) -> Result<usize, EnvError> {
    let found = model.keyframes.iter().position(|key| key.name == name);
    found.filter(|_| !name.is_empty()).ok_or_else(|| {
        let names = model.keyframes.iter().map(|key| key.name.as_str()).filter(|name| !name.is_empty());
        let valid = names.collect::<Vec<_>>().join(", ");
        EnvError::Unknown { env: NAME, what: "keyframe", name: name.to_owned(), valid }
    })
}

/// The world's up in the frame of `body`, in the file's pose.
fn up(model: &Model, body: usize) -> [f64; 3] {
    let [w, x, y, z] = pose(model, body);
    turned(&matrix([w, -x, -y, -z]), [0.0, 0.0, 1.0])
}

/// Entries of `qpos` that move a child of the world horizontally, each with its direction; none if
/// they do not determine its place.
fn place(model: &Model, trunk: usize) -> Vec<(usize, [f64; 2])> {
    let entries = moves(model, trunk).into_iter().map(|(entry, [x, y, _])| (entry, [x, y]));
    entries.filter(|(_, [x, y])| libm::sqrt(x * x + y * y) > 1e-9).collect()
}
