//! Observations that are not exact.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::acting::{Acting, Moment, Seen};
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value};
use super::when::When;
use crate::EnvError;
use crate::math::add_normal;

/// Standard deviation of normal noise on each observation, in its own unit, 0..=1000; the sum
/// is clipped to the observation's range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Noise(pub Value);

impl Rule for Noise {
    fn name(&self) -> &'static str {
        "noise"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.0.within(self.name(), "deviation", 0.0, MAX_FACTOR)
    }

    fn plan(&self, _site: &mut Site<'_>) -> Result<Plan, EnvError> {
        Ok(Plan::new(Noisy { deviation: self.0, drawn: 0.0 }, &[("noise deviation", "")]))
    }
}

#[derive(Clone)]
struct Noisy {
    deviation: Value,
    drawn: f64,
}

impl Acting for Noisy {
    fn draw(&mut self, _start: usize, rng: &mut dyn Rng) {
        self.drawn = self.deviation.draw(rng);
    }

    fn set(&mut self, moment: Moment, _rng: &mut dyn Rng, _memory: &mut [f32], values: &mut [f32]) {
        values[0] = if moment.on { self.drawn as f32 } else { 0.0 };
    }

    fn is_physical(&self) -> bool {
        false
    }

    fn sense(&self, values: &[f32], rng: &mut dyn Rng, seen: &mut Seen<'_>) {
        if values[0] > 0.0 {
            add_normal(rng, f64::from(values[0]), seen.observation);
            seen.clip = true;
        }
    }
}
