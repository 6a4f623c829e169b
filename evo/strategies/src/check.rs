//! Range checks of settings; every message names strategy, field, value and what is expected.

use super::StrategyError;

/// The error of a field with a value other than `expected`.
#[must_use]
pub fn error(
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

/// Refuses what is not a finite number > 0.
///
/// # Errors
/// [`StrategyError::Field`], as all checks here.
pub fn positive(strategy: &'static str, field: &'static str, value: f64) -> Result<(), StrategyError> {
    require(value > 0.0, strategy, field, value, "a finite number > 0")
}

/// Refuses what is not a finite number ≥ 0.
///
/// # Errors
/// As [`positive`].
pub fn at_least_zero(strategy: &'static str, field: &'static str, value: f64) -> Result<(), StrategyError> {
    require(value >= 0.0, strategy, field, value, "a finite number ≥ 0")
}

/// Refuses what is not in \[0, 1).
///
/// # Errors
/// As [`positive`].
pub fn fraction(strategy: &'static str, field: &'static str, value: f64) -> Result<(), StrategyError> {
    require((0.0..1.0).contains(&value), strategy, field, value, "a number in [0, 1)")
}

/// Refuses what is not in \[0, 1\].
///
/// # Errors
/// As [`positive`].
pub fn probability(strategy: &'static str, field: &'static str, value: f64) -> Result<(), StrategyError> {
    require((0.0..=1.0).contains(&value), strategy, field, value, "a number from 0 to 1")
}

/// Refuses 0.
///
/// # Errors
/// As [`positive`].
pub fn at_least_one(strategy: &'static str, field: &'static str, value: u64) -> Result<(), StrategyError> {
    if value >= 1 { Ok(()) } else { Err(error(strategy, field, &value, "an integer ≥ 1")) }
}

/// Largest population; more is a typing error, and its memory would end the process.
const MAX_POPULATION: usize = 1 << 20;

/// Refuses a population that is 0, or so large that it is a typing error.
///
/// # Errors
/// As [`positive`].
pub fn population(strategy: &'static str, value: usize) -> Result<(), StrategyError> {
    let valid = (1..=MAX_POPULATION).contains(&value);
    if valid { Ok(()) } else { Err(error(strategy, "population", &value, "an integer from 1 to 1048576")) }
}

/// Refuses fewer than 2 members, if the number is not left to the strategy.
///
/// # Errors
/// As [`positive`].
pub fn at_least_two(strategy: &'static str, value: Option<usize>) -> Result<(), StrategyError> {
    match value {
        Some(value @ 0..2) => Err(error(strategy, "population", &value, "an integer ≥ 2")),
        Some(value) => population(strategy, value),
        None => Ok(()),
    }
}

/// Refuses an odd population, and none.
///
/// # Errors
/// As [`positive`].
pub fn pairs(strategy: &'static str, value: usize) -> Result<(), StrategyError> {
    population(strategy, value)?;
    if value.is_multiple_of(2) {
        return Ok(());
    }
    Err(error(strategy, "population", &value, "an even number: members come in pairs"))
}

/// Refuses a largest population that generations cannot grow to by pairs.
///
/// # Errors
/// As [`positive`].
pub fn max_population(
    strategy: &'static str,
    population: usize,
    max: Option<usize>,
) -> Result<(), StrategyError> {
    let Some(max) = max else { return Ok(()) };
    if !population.is_multiple_of(2) {
        let expected = "an even number with `max_population`: members are added in pairs";
        return Err(error(strategy, "population", &population, expected));
    }
    if (population..=MAX_POPULATION).contains(&max) && max.is_multiple_of(2) {
        return Ok(());
    }
    let expected = "None, or an even number from `population` to 1048576";
    Err(error(strategy, "max_population", &max, expected))
}

/// Refuses more than `limit` parameters, for a strategy that needs `bytes` n² of memory.
///
/// # Errors
/// [`StrategyError::TooManyParameters`].
pub fn dimension(strategy: &'static str, n: usize, limit: usize, bytes: u64) -> Result<(), StrategyError> {
    if n <= limit {
        return Ok(());
    }
    let megabytes = (n as u64 * n as u64).saturating_mul(bytes).div_ceil(1_000_000);
    Err(StrategyError::TooManyParameters { strategy, dimension: n, limit, megabytes })
}
