//! Wind.

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::Parameters;

use super::acting::{Acting, Moment};
use super::force::Force;
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value, angle};
use super::when::When;
use crate::EnvError;

/// A steady horizontal force on the trunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct variant")]
pub struct Wind {
    /// Force, as a fraction of the robot's weight, 0..=1000.
    pub force: Value,
    /// Direction in which it blows, rad from +x to +y; without it, drawn for each episode.
    #[serde(default)]
    pub direction: Option<f64>,
}

impl Rule for Wind {
    fn name(&self) -> &'static str {
        "wind"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.force.within(self.name(), "force", 0.0, MAX_FACTOR)?;
        Value::Fixed(self.direction.unwrap_or(0.0)).within(self.name(), "direction", -10.0, 10.0)
    }

    fn plan(&self, site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let acting = Blowing { settings: self.clone(), force: Force::on(site), drawn: 0.0, direction: 0.0 };
        Ok(Plan::new(acting, &[("wind x", "N"), ("wind y", "N")]))
    }
}

#[derive(Clone)]
struct Blowing {
    settings: Wind,
    force: Force,
    drawn: f64,
    direction: f64,
}

impl Acting for Blowing {
    fn draw(&mut self, _start: usize, rng: &mut dyn Rng) {
        self.drawn = self.settings.force.draw(rng);
        self.direction = self.settings.direction.unwrap_or_else(|| angle(rng));
    }

    fn set(&mut self, moment: Moment, _rng: &mut dyn Rng, _memory: &mut [f32], values: &mut [f32]) {
        let amount = if moment.on { self.drawn } else { 0.0 };
        Force::set(amount * self.force.weight, self.direction, values);
    }

    fn apply(&self, values: &[f32], parameters: &mut Parameters) {
        self.force.apply(values, parameters);
    }
}
