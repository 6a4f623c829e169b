//! Ready-made lists of changes.

use std::f64::consts::PI;

use super::change::Change;
use super::delay::Delay;
use super::effect::Effect;
use super::friction::Friction;
use super::gravity::Gravity;
use super::mass::Mass;
use super::motors::{MotorStrength, Motors};
use super::noise::Noise;
use super::payload::Payload;
use super::pushes::{Pushes, pause, seconds};
use super::slope::Slope;
use super::target::Target;
use super::terrain::{UnevenGround, first_seed};
use super::value::Value::{Fixed, Uniform};
use super::when::When;
use super::wind::Wind;
use crate::{EnvError, Terrain};

/// Names of the ready-made lists of changes, each with one sentence on what it does.
#[must_use]
pub fn presets() -> &'static [(&'static str, &'static str)] {
    &[
        ("broken_leg", "The motors of the first limb are dead."),
        ("breaking_leg", "The motors of one limb, drawn for each episode, fail after 100 to 300 steps."),
        ("low_friction", "Friction is 0.4 times the task's."),
        ("low_gravity", "Gravity is 0.4 times the task's."),
        ("slope", "The ground rises by 0.1 rad along +x."),
        ("steps", "The ground has stairs along the path: every 2 m a step of 0.05 m, up or down."),
        ("rough", "The ground has bumps of up to 0.1 m, 0.3 m apart."),
        ("payload", "The trunk carries an additional load of half the robot's mass."),
        ("weak_motors", "All motors have 0.6 of their strength."),
        ("pushes", "Pushes of 0.5 of the robot's weight for 0.2 s, every 1 to 3 s, in random directions."),
        ("wind", "A steady force of 0.1 of the robot's weight, in a direction drawn for each episode."),
        ("noise", "Normal noise with a standard deviation of 0.05 on every observation."),
        ("delay", "Observations are 2 control steps old."),
        ("turn", "A new goal direction is drawn every 200 steps (in tasks with such a goal)."),
        (
            "randomised",
            "In each episode: friction × 0.5 to 1.5, mass × 0.8 to 1.2, motors × 0.8 to 1.2, noise 0 to 0.02.",
        ),
    ]
}

impl Change {
    /// The ready-made list called `name`; see [`presets`].
    ///
    /// # Errors
    /// [`EnvError::Preset`] lists the names that there are.
    pub fn preset(name: &str) -> Result<Vec<Self>, EnvError> {
        let motors = |strength, which| Effect::from(MotorStrength { strength, which });
        let ground = |ground| Effect::from(UnevenGround { ground, seed: first_seed() });
        let effects = match name {
            "broken_leg" => vec![motors(Fixed(0.0), Motors::Limb(0))],
            "breaking_leg" => {
                let when = When::From(Uniform(100, 300));
                return Ok(vec![Self { effect: motors(Fixed(0.0), Motors::AnyLimb), when }]);
            }
            "low_friction" => vec![Friction(Fixed(0.4)).into()],
            "low_gravity" => vec![Gravity(Fixed(0.4)).into()],
            "slope" => vec![Slope(Fixed(0.1)).into()],
            "steps" => vec![ground(Terrain::Steps { height: 0.05, length: 2.0 })],
            "rough" => vec![ground(Terrain::Rough { height: 0.1 })],
            "payload" => vec![Payload { mass: Fixed(0.5), body: None }.into()],
            "weak_motors" => vec![motors(Fixed(0.6), Motors::All)],
            "pushes" => {
                vec![Pushes { force: Fixed(0.5), seconds: seconds(), pause: pause() }.into()]
            }
            "wind" => vec![Wind { force: Fixed(0.1), direction: None }.into()],
            "noise" => vec![Noise(Fixed(0.05)).into()],
            "delay" => vec![Delay(Fixed(2)).into()],
            "turn" => {
                let target = Target { goal: "direction".to_owned(), value: Uniform(-PI, PI) };
                let when = When::Every { period: Fixed(200), on: Fixed(200), first: Fixed(200) };
                return Ok(vec![Self { effect: target.into(), when }]);
            }
            "randomised" => vec![
                Friction(Uniform(0.5, 1.5)).into(),
                Mass(Uniform(0.8, 1.2)).into(),
                motors(Uniform(0.8, 1.2), Motors::All),
                Noise(Uniform(0.0, 0.02)).into(),
            ],
            _ => {
                let valid = presets().iter().map(|p| p.0).collect::<Vec<_>>().join(", ");
                return Err(EnvError::Preset { name: name.to_owned(), valid });
            }
        };
        Ok(effects.into_iter().map(Self::always).collect())
    }
}
