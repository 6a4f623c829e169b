//! Settings that change over a run.

use serde::{Deserialize, Serialize};

use super::{FieldInfo, StrategyError, check};

/// A factor on a setting that changes over a run. It goes from 1 at the first generation to `to`, gets there
/// after `generations`, and stays there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    #[default]
    Constant,
    /// A straight line.
    Linear {
        /// Final factor; ≥ 0.
        to: f64,
        /// Generations until it is reached; ≥ 1.
        generations: u64,
    },
    /// The same ratio from each generation to the next.
    Exponential {
        /// Final factor; > 0.
        to: f64,
        /// Generations until it is reached; ≥ 1.
        generations: u64,
    },
}

/// What [`Schedule`] may be, for listings.
const RANGE: &str = "Constant, Linear(to, generations) or Exponential(to, generations)";

/// The schedules of a learning rate and of the noise, as all strategies list them.
pub(super) const RATE: FieldInfo = FieldInfo::new("schedule", "", "Constant", RANGE);
pub(super) const SIGMA: FieldInfo = FieldInfo::new("sigma_schedule", "", "Constant", RANGE);

impl Schedule {
    /// The factor at a generation, counted from 0.
    #[must_use]
    pub fn factor(&self, generation: u64) -> f64 {
        let part = |length: u64| (generation as f64 / length as f64).min(1.0);
        match *self {
            Self::Constant => 1.0,
            Self::Linear { to, generations } => 1.0 + (to - 1.0) * part(generations),
            Self::Exponential { to, generations } => libm::pow(to, part(generations)),
        }
    }

    /// The largest factor of a run.
    #[must_use]
    pub fn largest(&self) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Linear { to, .. } | Self::Exponential { to, .. } => to.max(1.0),
        }
    }

    /// Its first number that is out of range, with what is expected.
    #[must_use]
    pub fn problem(&self) -> Option<(String, &'static str)> {
        let (to, generations, valid, expected) = match *self {
            Self::Constant => return None,
            Self::Linear { to, generations } => (to, generations, to >= 0.0, "a finite number ≥ 0"),
            Self::Exponential { to, generations } => (to, generations, to > 0.0, "a finite number > 0"),
        };
        if !(valid && to.is_finite()) {
            return Some((to.to_string(), expected));
        }
        (generations < 1).then(|| (generations.to_string(), "an integer ≥ 1"))
    }

    /// Checks the schedule of the noise of `strategy`, which must not vanish.
    pub(super) fn validate_sigma(&self, strategy: &'static str) -> Result<(), StrategyError> {
        self.validate(strategy, SIGMA.name)?;
        match *self {
            Self::Linear { to, .. } => check::positive(strategy, SIGMA.name, to),
            Self::Constant | Self::Exponential { .. } => Ok(()),
        }
    }

    /// Checks the schedule in `field` of `strategy`.
    ///
    /// # Errors
    /// When the final factor is out of range or the length is zero.
    pub fn validate(&self, strategy: &'static str, field: &'static str) -> Result<(), StrategyError> {
        match self.problem() {
            Some((value, expected)) => Err(check::error(strategy, field, &value, expected)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_start_at_one_and_end_at_their_target() {
        let linear = Schedule::Linear { to: 0.2, generations: 10 };
        let exponential = Schedule::Exponential { to: 0.01, generations: 10 };
        assert_eq!(Schedule::Constant.factor(1_000_000), 1.0);
        for (schedule, middle, end) in [(linear, 0.6, 0.2), (exponential, 0.1, 0.01)] {
            assert_eq!(schedule.factor(0), 1.0);
            assert!((schedule.factor(5) - middle).abs() < 1e-15);
            assert!((schedule.factor(10) - end).abs() < 1e-15);
            assert_eq!(schedule.factor(10), schedule.factor(99));
        }
    }

    #[test]
    fn the_largest_factor_is_at_one_end() {
        assert_eq!(Schedule::Constant.largest(), 1.0);
        assert_eq!(Schedule::Linear { to: 3.5, generations: 10 }.largest(), 3.5);
        assert_eq!(Schedule::Exponential { to: 0.1, generations: 10 }.largest(), 1.0);
    }
}
