//! Pushes that come and go.

use std::ops::Range;

use rand::Rng;
use serde::{Deserialize, Serialize};
use sim::Parameters;

use super::acting::{Acting, Moment};
use super::force::Force;
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value, angle};
use super::when::When;
use crate::EnvError;

/// Repeated pushes on the trunk, each in a new random horizontal direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct variant")]
pub struct Pushes {
    /// Force, as a fraction of the robot's weight, 0..=1000; drawn for every push.
    pub force: Value,
    /// How long a push lasts, s.
    #[serde(default = "seconds")]
    pub seconds: f64,
    /// Time from the end of a push to the start of the next one, and from the start of the change to the
    /// first push, s; drawn for every push.
    #[serde(default = "pause")]
    pub pause: Value,
}

pub(crate) fn seconds() -> f64 {
    0.2
}

pub(crate) fn pause() -> Value {
    Value::Uniform(1.0, 3.0)
}

impl Rule for Pushes {
    fn name(&self) -> &'static str {
        "pushes"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.force.within(self.name(), "force", 0.0, MAX_FACTOR)?;
        Value::Fixed(self.seconds).within(self.name(), "seconds", 0.0, 1e6)?;
        self.pause.within(self.name(), "pause", 0.0, 1e6)
    }

    fn plan(&self, site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let (settings, control_dt) = (self.clone(), site.control_dt);
        let acting =
            Pushing { settings, control_dt, force: Force::on(site), drawn: 0.0, direction: 0.0, push: 0..0 };
        Ok(Plan::new(acting, &[("pushes x", "N"), ("pushes y", "N")]))
    }
}

#[derive(Clone)]
struct Pushing {
    settings: Pushes,
    control_dt: f64,
    force: Force,
    drawn: f64,
    direction: f64,
    /// Control steps of the present or next push.
    push: Range<usize>,
}

impl Pushing {
    /// Draws the push that follows a pause after step `end`; both last at least one step.
    fn next(&mut self, end: usize, rng: &mut dyn Rng) {
        self.drawn = self.settings.force.draw(rng);
        self.direction = angle(rng);
        let steps = |seconds: f64| (libm::round(seconds / self.control_dt) as usize).max(1);
        let start = end.saturating_add(steps(self.settings.pause.draw(rng)));
        self.push = start..start.saturating_add(steps(self.settings.seconds));
    }
}

impl Acting for Pushing {
    fn draw(&mut self, start: usize, rng: &mut dyn Rng) {
        self.next(start, rng);
    }

    fn set(&mut self, moment: Moment, rng: &mut dyn Rng, _memory: &mut [f32], values: &mut [f32]) {
        if moment.step >= self.push.end {
            self.next(self.push.end, rng);
        }
        let pushed = moment.on && self.push.contains(&moment.step);
        Force::set(if pushed { self.drawn * self.force.weight } else { 0.0 }, self.direction, values);
    }

    fn apply(&self, values: &[f32], parameters: &mut Parameters) {
        self.force.apply(values, parameters);
    }
}
