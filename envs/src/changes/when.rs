//! In which control steps a change holds.

use std::ops::Range;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::value::Value;

/// Latest start of a change, in control steps.
const MAX_STEP: usize = 1_000_000;

/// When a change holds. At other times the environment is the task's own. Steps are 0..=1000000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum When {
    /// In the whole episode.
    #[default]
    Always,
    /// After this many control steps.
    From(Value<usize>),
    /// From one control step until just before a later one.
    Between(Value<usize>, Value<usize>),
    /// Repeatedly. Whatever the change draws, it draws again each time it begins.
    Every {
        /// Control steps from one beginning to the next, at least 1.
        period: Value<usize>,
        /// Control steps for which it holds each time, at least 1, at most a period.
        on: Value<usize>,
        /// Control step at which it begins for the first time.
        #[serde(default = "at_once")]
        first: Value<usize>,
    },
}

fn at_once() -> Value<usize> {
    Value::Fixed(0)
}

impl When {
    /// What is wrong with its numbers.
    pub(crate) fn check(self) -> Result<(), String> {
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

    /// Draws the steps of an episode. The order of the draws is part of every result.
    pub(crate) fn draw(self, rng: &mut dyn Rng) -> Steps {
        let (on, period) = match self {
            Self::Always => (0..usize::MAX, None),
            Self::From(start) => (start.draw(rng)..usize::MAX, None),
            Self::Between(start, end) => {
                let start = start.draw(rng);
                (start..end.draw(rng), None)
            }
            Self::Every { period, on, first } => {
                let (period, on, first) = (period.draw(rng), on.draw(rng), first.draw(rng));
                (first..first + on, Some(period))
            }
        };
        Steps { on, period }
    }
}

/// The control steps of an episode in which a change holds.
#[derive(Clone)]
pub(crate) struct Steps {
    /// Of [`When::Every`], the present or next such steps.
    on: Range<usize>,
    /// From one begin to the next, if there is a next.
    period: Option<usize>,
}

impl Steps {
    /// When it begins to hold, or has begun.
    pub(crate) fn start(&self) -> usize {
        self.on.start
    }

    /// Whether it holds in the step that follows `step` others.
    pub(crate) fn hold(&self, step: usize) -> bool {
        self.on.contains(&step)
    }

    /// Goes on to the next time that it holds if that has begun by `step`; whether it has.
    pub(crate) fn begin_again(&mut self, step: usize) -> bool {
        let Some(period) = self.period.filter(|period| step >= self.on.start + period) else { return false };
        self.on = self.on.start + period..self.on.end + period;
        true
    }
}
