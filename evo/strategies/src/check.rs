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

/// At least 2 members, if the number is not left to the strategy.
pub(super) fn at_least_two(strategy: &'static str, value: Option<usize>) -> Result<(), StrategyError> {
    match value {
        Some(value @ 0..2) => Err(error(strategy, "population", &value, "an integer ≥ 2")),
        Some(value) => population(strategy, value),
        None => Ok(()),
    }
}

/// At least one pair of members, and no single one.
pub(super) fn pairs(strategy: &'static str, value: usize) -> Result<(), StrategyError> {
    population(strategy, value)?;
    if value.is_multiple_of(2) {
        return Ok(());
    }
    Err(error(strategy, "population", &value, "an even number: members come in pairs"))
}

/// At most `limit` parameters, for a strategy that needs `bytes` n² of memory.
pub(super) fn dimension(
    strategy: &'static str,
    n: usize,
    limit: usize,
    bytes: u64,
) -> Result<(), StrategyError> {
    if n <= limit {
        return Ok(());
    }
    let megabytes = (n as u64 * n as u64).saturating_mul(bytes).div_ceil(1_000_000);
    Err(StrategyError::TooManyParameters { strategy, dimension: n, limit, megabytes })
}
