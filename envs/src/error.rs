//! What can go wrong in this crate.

use sim::SimError;

/// Errors of tasks and their batches.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// A field of a task's config is out of range.
    #[error("env {env}: {field} = {value}: {expected}")]
    Config {
        /// Registry name of the task.
        env: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would be valid.
        expected: &'static str,
    },
    /// A task's config names something that the robot does not have.
    #[error("env {env}: unknown {what} '{name}' (valid: {valid})")]
    Unknown {
        /// Registry name of the task.
        env: &'static str,
        /// What kind of thing.
        what: &'static str,
        /// The name.
        name: String,
        /// Names that there are.
        valid: String,
    },
    /// A batch setting does not fit the task.
    #[error("env {env}: {setting} = {value}: {expected}")]
    Setting {
        /// Registry name of the task.
        env: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: f64,
        /// What would be valid.
        expected: String,
    },
    /// Descriptors of episodes do not fit the task.
    #[error("env {env} {problem}")]
    Descriptor {
        /// Registry name of the task.
        env: &'static str,
        /// What is wrong and what would be valid.
        problem: String,
    },
    /// A change does not fit the task, or one of its numbers is out of range.
    #[error("change {change}: {problem}")]
    Change {
        /// What it changes.
        change: &'static str,
        /// What is wrong and what would be valid.
        problem: String,
    },
    /// There is no ready-made change of this name.
    #[error("unknown change '{name}' (valid: {valid})")]
    Preset {
        /// The name.
        name: String,
        /// Names that there are.
        valid: String,
    },
    /// A task breaks its contract; found by [`check`](crate::check).
    #[error("env {env} fails the check '{check}': {problem}")]
    Check {
        /// Registry name of the task.
        env: &'static str,
        /// Which check.
        check: &'static str,
        /// What was found, with world, seed and step where they matter.
        problem: String,
    },
    /// The model or the physics refused.
    #[error(transparent)]
    Sim(#[from] SimError),
}

/// What is wrong with a change.
pub(crate) fn change_error(change: &'static str, problem: String) -> EnvError {
    EnvError::Change { change, problem }
}

/// Refuses a weight that is not a finite number.
pub(crate) fn finite(env: &'static str, field: &'static str, value: f64) -> Result<(), EnvError> {
    check(env, field, value, value.is_finite(), "expected a finite number")
}

/// Refuses a scale that is negative or not finite.
pub(crate) fn not_negative(env: &'static str, field: &'static str, value: f64) -> Result<(), EnvError> {
    check(env, field, value, value.is_finite() && value >= 0.0, "expected a finite number of at least 0")
}

/// Refuses a limit that is not above zero or not finite.
pub(crate) fn positive(env: &'static str, field: &'static str, value: f64) -> Result<(), EnvError> {
    check(env, field, value, value.is_finite() && value > 0.0, "expected a finite number above 0")
}

/// Refuses a count of none.
pub(crate) fn at_least_one(env: &'static str, field: &'static str, value: usize) -> Result<(), EnvError> {
    if value > 0 {
        return Ok(());
    }
    Err(EnvError::Config { env, field, value: value.to_string(), expected: "expected at least 1" })
}

/// Refuses an interval that is empty or not finite.
pub(crate) fn interval(
    env: &'static str,
    field: &'static str,
    (low, high): (f64, f64),
) -> Result<(), EnvError> {
    if low.is_finite() && high.is_finite() && low < high {
        return Ok(());
    }
    let value = format!("({low}, {high})");
    Err(EnvError::Config { env, field, value, expected: "expected (low, high), both finite, low < high" })
}

fn check(
    env: &'static str,
    field: &'static str,
    value: f64,
    valid: bool,
    expected: &'static str,
) -> Result<(), EnvError> {
    if valid {
        return Ok(());
    }
    Err(EnvError::Config { env, field, value: value.to_string(), expected })
}
