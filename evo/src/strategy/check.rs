//! Range checks of settings; every message names strategy, field, value and what is expected.

use super::StrategyError;

pub(super) fn error(
    strategy: &'static str,
    field: &'static str,
    value: &impl ToString,
    expected: &'static str,
) -> StrategyError {
    StrategyError::Field { strategy, field, value: value.to_string(), expected }
}

fn require(
    holds: bool,
    strategy: &'static str,
    field: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<(), StrategyError> {
    if holds && value.is_finite() { Ok(()) } else { Err(error(strategy, field, &value, expected)) }
}

pub(super) fn positive(strategy: &'static str, field: &'static str, value: f64) -> Result<(), StrategyError> {
    require(value > 0.0, strategy, field, value, "a finite number > 0")
}

pub(super) fn at_least_zero(
    strategy: &'static str,
    field: &'static str,
    value: f64,
) -> Result<(), StrategyError> {
    require(value >= 0.0, strategy, field, value, "a finite number ≥ 0")
}

/// In \[0, 1).
pub(super) fn fraction(strategy: &'static str, field: &'static str, value: f64) -> Result<(), StrategyError> {
    require((0.0..1.0).contains(&value), strategy, field, value, "a number in [0, 1)")
}

pub(super) fn at_least_one(
    strategy: &'static str,
    field: &'static str,
    value: u64,
) -> Result<(), StrategyError> {
    if value >= 1 { Ok(()) } else { Err(error(strategy, field, &value, "an integer ≥ 1")) }
}

/// Largest population; more is a typing error, and its memory would end the process.
const MAX_POPULATION: usize = 1 << 20;

pub(super) fn population(strategy: &'static str, value: usize) -> Result<(), StrategyError> {
    let valid = (1..=MAX_POPULATION).contains(&value);
    if valid { Ok(()) } else { Err(error(strategy, "population", &value, "an integer from 1 to 1048576")) }
}
