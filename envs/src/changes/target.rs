//! Another goal in mid-episode.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::acting::{Acting, Moment};
use super::rule::{Plan, Rule, Site};
use super::value::Value;
use super::when::When;
use crate::error::change_error;
use crate::{Channel, EnvError};

/// One of the task's own goals, such as a direction or a speed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct variant")]
pub struct Target {
    /// The [goal's](crate::Goal) name.
    pub goal: String,
    /// The goal's new value, in its unit and range.
    pub value: Value,
}

impl Rule for Target {
    fn name(&self) -> &'static str {
        "target"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.value.within(self.name(), "value", f64::MIN, f64::MAX)
    }

    fn plan(&self, site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let Some(goal) = site.goals.iter().find(|g| g.channel.name == self.goal) else {
            let valid: Vec<&str> = site.goals.iter().map(|g| g.channel.name.as_str()).collect();
            let valid = match &valid[..] {
                [] => "this task has no goals".to_owned(),
                valid => format!("valid: {}", valid.join(", ")),
            };
            return Err(change_error(self.name(), format!("unknown goal '{}' ({valid})", self.goal)));
        };
        let channel = goal.channel.clone();
        self.value.within(self.name(), "value", f64::from(channel.low), f64::from(channel.high))?;
        let column = Channel { name: format!("{} {}", self.name(), channel.name), ..channel };
        let acting = Aiming { value: self.value, memory: goal.memory, drawn: 0.0, own: 0.0 };
        Ok(Plan { columns: vec![column], acting: Box::new(acting) })
    }
}

#[derive(Clone)]
struct Aiming {
    value: Value,
    /// Where the task remembers the goal.
    memory: usize,
    drawn: f64,
    /// The goal as the task has drawn it.
    own: f32,
}

impl Acting for Aiming {
    fn draw(&mut self, _start: usize, rng: &mut dyn Rng) {
        self.drawn = self.value.draw(rng);
    }

    fn give_back(&mut self, fresh: bool, memory: &mut [f32]) {
        let goal = &mut memory[self.memory];
        if fresh {
            self.own = *goal;
        }
        *goal = self.own;
    }

    fn set(&mut self, moment: Moment, _rng: &mut dyn Rng, memory: &mut [f32], values: &mut [f32]) {
        let goal = &mut memory[self.memory];
        if moment.on {
            *goal = self.drawn as f32;
        }
        values[0] = *goal;
    }

    fn is_physical(&self) -> bool {
        false
    }
}
