//! Observations that come late.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::acting::{Acting, Moment, Seen};
use super::rule::{Plan, Rule, Site};
use super::value::Value;
use super::when::When;
use crate::EnvError;

/// Longest delay, in control steps.
const MAX_DELAY: usize = 1000;

/// Age of the observations, in control steps, 0..=1000. Before that, the controller sees the first
/// observation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Delay(pub Value<usize>);

impl Rule for Delay {
    fn name(&self) -> &'static str {
        "delay"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.0.within(self.name(), "steps", 0, MAX_DELAY)
    }

    fn plan(&self, _site: &mut Site<'_>) -> Result<Plan, EnvError> {
        Ok(Plan::new(Late { steps: self.0, drawn: 0 }, &[("delay steps", "")]))
    }
}

#[derive(Clone)]
struct Late {
    steps: Value<usize>,
    drawn: usize,
}

impl Acting for Late {
    fn draw(&mut self, _start: usize, rng: &mut dyn Rng) {
        self.drawn = self.steps.draw(rng);
    }

    fn set(&mut self, moment: Moment, _rng: &mut dyn Rng, _memory: &mut [f32], values: &mut [f32]) {
        values[0] = if moment.on { self.drawn as f32 } else { 0.0 };
    }

    fn is_physical(&self) -> bool {
        false
    }

    fn oldest(&self) -> usize {
        self.steps.bounds().1
    }

    fn sense(&self, values: &[f32], _rng: &mut dyn Rng, seen: &mut Seen<'_>) {
        seen.age += values[0] as usize;
    }
}
