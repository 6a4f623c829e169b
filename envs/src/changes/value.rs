//! Numbers of a change: fixed, or drawn per episode.

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};

use crate::EnvError;
use crate::error::change_error;

/// Largest factor, and inverse of the smallest where it must be above 0.
pub(crate) const MAX_FACTOR: f64 = 1e3;

/// A number that is the same in every episode, or drawn for each episode.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value<T = f64> {
    /// The same in every episode.
    Fixed(T),
    /// Drawn for each episode, uniformly from low..=high.
    Uniform(T, T),
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

    /// Refuses the field of a change that can leave low..=high, or whose range is upside down.
    pub(crate) fn within(self, change: &'static str, field: &str, low: T, high: T) -> Result<(), EnvError> {
        self.check(low, high).map_err(|problem| change_error(change, format!("{field} = {problem}")))
    }
}

impl Value {
    /// Draws a number, if there is something to draw.
    pub(crate) fn draw(self, rng: &mut dyn Rng) -> f64 {
        match self {
            Self::Fixed(x) => x,
            Self::Uniform(low, high) => low + (high - low) * rng.random::<f64>(),
        }
    }
}

impl Value<usize> {
    /// Draws a whole number, if there is something to draw.
    pub(crate) fn draw(self, rng: &mut dyn Rng) -> usize {
        match self {
            Self::Fixed(x) => x,
            Self::Uniform(low, high) => rng.random_range(low..=high),
        }
    }
}

/// Draws a direction, rad.
pub(crate) fn angle(rng: &mut dyn Rng) -> f64 {
    std::f64::consts::TAU * rng.random::<f64>()
}
