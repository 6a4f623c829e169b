//! Changes of an environment, as a config names them: what changes, by how much, from when on.
//!
//! They are wrappers: no task knows of them, and they compose (factors multiply, forces, noises and
//! delays add up). Whatever is random is drawn from the episode's own stream, so that an episode is
//! the same in any place of any batch. In RON, where `unwrap_variant_newtypes` is on:
//!
//! ```text
//! changes: [
//!     (effect: Friction(Uniform(0.3, 1.5))),
//!     (effect: Motors(strength: Fixed(0.0), which: Limb(0)), when: From(Uniform(100, 300))),
//!     (effect: Terrain(ground: Rough(height: 0.1))),
//!     (effect: Noise(Fixed(0.1)), when: Every(period: Fixed(200), on: Fixed(50), first: Fixed(100))),
//! ]
//! ```

use serde::{Deserialize, Serialize};

use crate::{EnvError, Terrain};

/// Most changes that one list may hold, so that products of their factors stay finite.
pub(crate) const MAX_CHANGES: usize = 12;
/// Latest start of a change, in control steps.
const MAX_STEP: usize = 1_000_000;
/// Longest delay, in control steps.
const MAX_DELAY: usize = 1000;
/// Largest factor, and inverse of the smallest where it must be above 0.
const MAX_FACTOR: f64 = 1e3;
const PI: f64 = std::f64::consts::PI;

/// One change of the environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What changes.
    pub effect: Effect,
    /// In which control steps.
    #[serde(default)]
    pub when: When,
}

/// A number: the same in every episode, or drawn for each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value<T = f64> {
    /// The same in every episode.
    Fixed(T),
    /// Drawn per episode, uniformly from low..=high.
    Uniform(T, T),
}

/// When a change holds; otherwise, the environment is as the task has it. Steps are 0..=1000000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum When {
    /// In the whole episode.
    #[default]
    Always,
    /// After so many control steps.
    From(Value<usize>),
    /// From one control step on, until before another, later one.
    Between(Value<usize>, Value<usize>),
    /// Again and again. Whatever the change draws is drawn anew each time that it begins.
    Every {
        /// From one begin to the next, at least 1, control steps.
        period: Value<usize>,
        /// How long it holds each time, at least 1, at most a period, control steps.
        on: Value<usize>,
        /// When it begins for the first time.
        #[serde(default = "at_once")]
        first: Value<usize>,
    },
}

/// What a [`Change`] changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Effect {
    /// Factor on all friction coefficients, 0..=1000.
    Friction(Value),
    /// Factor on gravity, −1000..=1000.
    Gravity(Value),
    /// Gravity turned as on a slope that rises along +x, −π/2..=π/2 rad.
    Slope(Value),
    /// Factor on the mass and inertia of all bodies, 0.001..=1000.
    Mass(Value),
    /// Mass added to one body, as a fraction of the robot's mass, 0..=1000; its inertia grows alike.
    Payload {
        /// The added mass.
        mass: Value,
        /// The body's name; the [trunk](crate::Envs::with_changes) if absent.
        #[serde(default)]
        body: Option<String>,
    },
    /// Factor on the strength of motors, −1000..=1000; 0 breaks them.
    Motors {
        /// The factor.
        strength: Value,
        /// Which motors.
        #[serde(default)]
        which: Motors,
    },
    /// Pushes on the trunk, again and again, each in another random horizontal direction.
    Pushes {
        /// Force, as a fraction of the robot's weight, 0..=1000; drawn anew for every push.
        force: Value,
        /// How long a push lasts, s.
        #[serde(default = "push_seconds")]
        seconds: f64,
        /// From the end of a push to the start of the next, and from the start of the change to the
        /// first, s; drawn anew for every push.
        #[serde(default = "push_pause")]
        pause: Value,
    },
    /// A steady horizontal force on the trunk.
    Wind {
        /// Force, as a fraction of the robot's weight, 0..=1000.
        force: Value,
        /// Where it blows to, rad from +x to +y; drawn per episode if absent.
        #[serde(default)]
        direction: Option<f64>,
    },
    /// Standard deviation of normal noise on each observation, in its own unit, 0..=1000; the sum
    /// is clipped to the observation's range.
    Noise(Value),
    /// Age of the observations, in control steps, 0..=1000. Until then, the first one is seen.
    Delay(Value<usize>),
    /// Uneven ground in place of the plane that the robot walks on: a field of 240 m × 60 m with level
    /// ground around it, made once; each episode starts on another patch of it. Heights, in rewards and
    /// observations alike, are then those above the ground below the trunk. Always or never.
    Terrain {
        /// What it looks like.
        ground: Terrain,
        /// Seed of the ground.
        #[serde(default = "first_seed")]
        seed: u64,
    },
    /// A goal of the task's own, such as a direction or a speed.
    Target {
        /// The [goal's](crate::Goal) name.
        goal: String,
        /// What it becomes, in the goal's unit and range.
        value: Value,
    },
}

/// A choice of motors.
///
/// A limb is what moves between the tip of the robot and the body where limbs meet, such as a leg of
/// the ant; limbs are numbered from 0 in the order of their tips. A limb of a robot that has no such
/// body is its last motor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Motors {
    /// All of them.
    #[default]
    All,
    /// By name, or by the name of the joint that it drives.
    Named(Vec<String>),
    /// By number, from 0, in the order of the actions.
    Numbered(Vec<usize>),
    /// Those of a limb.
    Limb(usize),
    /// Those of a limb that is drawn per episode.
    AnyLimb,
    /// One that is drawn per episode.
    AnyOne,
}

fn push_seconds() -> f64 {
    0.2
}

fn push_pause() -> Value {
    Value::Uniform(1.0, 3.0)
}

fn at_once() -> Value<usize> {
    Value::Fixed(0)
}

fn first_seed() -> u64 {
    1
}

/// Names of the ready-made lists of changes, each with one sentence on what it does.
#[must_use]
pub fn presets() -> &'static [(&'static str, &'static str)] {
    &[
        ("broken_leg", "The motors of the first limb are dead."),
        ("breaking_leg", "The motors of one limb, drawn per episode, die after 100 to 300 steps."),
        ("low_friction", "Friction is 0.4 times the task's."),
        ("low_gravity", "Gravity is 0.4 times the task's."),
        ("slope", "The ground rises by 0.1 rad along +x."),
        ("steps", "The ground is stairs along the way: every 2 m one of 0.05 m, up or down."),
        ("rough", "The ground has bumps of up to 0.1 m, 0.3 m apart."),
        ("payload", "The trunk carries half of the robot's mass in addition."),
        ("weak_motors", "All motors have 0.6 of their strength."),
        ("pushes", "0.5 of the robot's weight for 0.2 s, every 1 to 3 s, in random directions."),
        ("wind", "A steady 0.1 of the robot's weight, in a direction drawn per episode."),
        ("noise", "Normal noise with a standard deviation of 0.05 on every observation."),
        ("delay", "Observations are 2 control steps old."),
        ("turn", "The goal direction is drawn anew every 200 steps (tasks with such a goal)."),
        (
            "randomised",
            "Per episode: friction × 0.5 to 1.5, mass × 0.8 to 1.2, motors × 0.8 to 1.2, noise 0 to 0.02.",
        ),
    ]
}

impl Change {
    /// A change that holds for the whole episode.
    #[must_use]
    pub fn always(effect: Effect) -> Self {
        Self { effect, when: When::Always }
    }

    /// The ready-made list called `name`; see [`presets`].
    ///
    /// # Errors
    /// [`EnvError::Preset`] lists the names that there are.
    pub fn preset(name: &str) -> Result<Vec<Self>, EnvError> {
        use Value::{Fixed, Uniform};
        let motors = |strength, which| Effect::Motors { strength, which };
        let ground = |ground| Effect::Terrain { ground, seed: first_seed() };
        let effects = match name {
            "broken_leg" => vec![motors(Fixed(0.0), Motors::Limb(0))],
            "breaking_leg" => {
                let when = When::From(Uniform(100, 300));
                return Ok(vec![Self { effect: motors(Fixed(0.0), Motors::AnyLimb), when }]);
            }
            "low_friction" => vec![Effect::Friction(Fixed(0.4))],
            "low_gravity" => vec![Effect::Gravity(Fixed(0.4))],
            "slope" => vec![Effect::Slope(Fixed(0.1))],
            "steps" => vec![ground(Terrain::Steps { height: 0.05, length: 2.0 })],
            "rough" => vec![ground(Terrain::Rough { height: 0.1 })],
            "payload" => vec![Effect::Payload { mass: Fixed(0.5), body: None }],
            "weak_motors" => vec![motors(Fixed(0.6), Motors::All)],
            "pushes" => {
                let (seconds, pause) = (push_seconds(), push_pause());
                vec![Effect::Pushes { force: Fixed(0.5), seconds, pause }]
            }
            "wind" => vec![Effect::Wind { force: Fixed(0.1), direction: None }],
            "noise" => vec![Effect::Noise(Fixed(0.05))],
            "delay" => vec![Effect::Delay(Fixed(2))],
            "turn" => {
                let effect = Effect::Target { goal: "direction".to_owned(), value: Uniform(-PI, PI) };
                let when = When::Every { period: Fixed(200), on: Fixed(200), first: Fixed(200) };
                return Ok(vec![Self { effect, when }]);
            }
            "randomised" => vec![
                Effect::Friction(Uniform(0.5, 1.5)),
                Effect::Mass(Uniform(0.8, 1.2)),
                motors(Uniform(0.8, 1.2), Motors::All),
                Effect::Noise(Uniform(0.0, 0.02)),
            ],
            _ => {
                let valid = presets().iter().map(|p| p.0).collect::<Vec<_>>().join(", ");
                return Err(EnvError::Preset { name: name.to_owned(), valid });
            }
        };
        Ok(effects.into_iter().map(Self::always).collect())
    }

    /// Refuses numbers out of range; names are looked up where the robot is known.
    pub(crate) fn validate(&self) -> Result<(), EnvError> {
        let change = self.effect.name();
        let range = |field: &str, value: Value, low: f64, high: f64| {
            value.check(low, high).map_err(|problem| error(change, format!("{field} = {problem}")))
        };
        self.when.check().map_err(|problem| error(change, format!("when = {problem}")))?;
        match &self.effect {
            Effect::Friction(factor) => range("factor", *factor, 0.0, MAX_FACTOR),
            Effect::Gravity(factor) => range("factor", *factor, -MAX_FACTOR, MAX_FACTOR),
            Effect::Slope(angle) => range("angle", *angle, -0.5 * PI, 0.5 * PI),
            Effect::Mass(factor) => range("factor", *factor, 1.0 / MAX_FACTOR, MAX_FACTOR),
            Effect::Payload { mass, .. } => range("mass", *mass, 0.0, MAX_FACTOR),
            Effect::Motors { strength, .. } => range("strength", *strength, -MAX_FACTOR, MAX_FACTOR),
            Effect::Pushes { force, seconds, pause } => {
                range("force", *force, 0.0, MAX_FACTOR)?;
                range("seconds", Value::Fixed(*seconds), 0.0, 1e6)?;
                range("pause", *pause, 0.0, 1e6)
            }
            Effect::Wind { force, direction } => {
                range("force", *force, 0.0, MAX_FACTOR)?;
                range("direction", Value::Fixed(direction.unwrap_or(0.0)), -10.0, 10.0)
            }
            Effect::Noise(deviation) => range("deviation", *deviation, 0.0, MAX_FACTOR),
            Effect::Delay(steps) => {
                steps.check(0, MAX_DELAY).map_err(|problem| error(change, format!("steps = {problem}")))
            }
            Effect::Terrain { .. } if self.when != When::Always => {
                Err(error(change, format!("when = {:?}: expected Always, since ground lasts", self.when)))
            }
            Effect::Terrain { ground, .. } => ground
                .check()
                .map_err(|(value, expected)| error(change, format!("ground = {value}: {expected}"))),
            Effect::Target { value, .. } => range("value", *value, f64::MIN, f64::MAX),
        }
    }
}

impl Effect {
    /// Name in messages and recordings, e.g. `friction`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Friction(_) => "friction",
            Self::Gravity(_) => "gravity",
            Self::Slope(_) => "slope",
            Self::Mass(_) => "mass",
            Self::Payload { .. } => "payload",
            Self::Motors { .. } => "motors",
            Self::Pushes { .. } => "pushes",
            Self::Wind { .. } => "wind",
            Self::Noise(_) => "noise",
            Self::Delay(_) => "delay",
            Self::Terrain { .. } => "terrain",
            Self::Target { .. } => "target",
        }
    }
}

impl When {
    /// What is wrong with its numbers.
    fn check(self) -> Result<(), String> {
        let step = |name: &str, value: Value<usize>, least: usize| {
            value.check(least, MAX_STEP).map_err(|problem| format!("{name}({problem})"))
        };
        match self {
            Self::Always => Ok(()),
            Self::From(start) => step("From", start, 0),
            Self::Between(start, end) => {
                step("Between", start, 0)?;
                step("Between", end, 0)?;
                if start.bounds().1 < end.bounds().0 {
                    return Ok(());
                }
                Err(format!("{self:?}: expected an end that is always after the start"))
            }
            Self::Every { period, on, first } => {
                step("period", period, 1)?;
                step("on", on, 1)?;
                step("first", first, 0)?;
                if on.bounds().1 <= period.bounds().0 {
                    return Ok(());
                }
                Err(format!("{self:?}: expected on to be at most a period"))
            }
        }
    }
}

impl<T: Copy + PartialOrd + std::fmt::Debug> Value<T> {
    /// Smallest and largest value.
    pub(crate) fn bounds(self) -> (T, T) {
        match self {
            Self::Fixed(x) => (x, x),
            Self::Uniform(low, high) => (low, high),
        }
    }

    /// What is wrong if the value can leave low..=high, or its range is upside down.
    pub(crate) fn check(self, low: T, high: T) -> Result<(), String> {
        let (from, to) = self.bounds();
        // Written so that NaN fails.
        if !(from >= low && to <= high && from <= to) {
            let order = if matches!(self, Self::Uniform(..)) { "low ≤ high, both in " } else { "" };
            return Err(format!("{self:?}: expected {order}{low:?}..={high:?}"));
        }
        Ok(())
    }
}

/// An error about a change.
pub(crate) fn error(change: &'static str, problem: String) -> EnvError {
    EnvError::Change { change, problem }
}
