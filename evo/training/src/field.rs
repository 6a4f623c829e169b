//! Fields of configs that are out of their range.

/// A field is out of its range. Display: `rollout.episodes = 0: must be at least 1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} = {value}: must be {expected}")]
pub struct InvalidField {
    /// Path of the field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// What would be valid.
    pub expected: String,
}

/// A field that is missing.
pub(crate) fn missing(field: &str, expected: String) -> InvalidField {
    InvalidField { field: field.to_owned(), value: "None".to_owned(), expected }
}

/// Refuses a value that is not valid.
///
/// # Errors
/// [`InvalidField`] if `valid` is false.
#[expect(clippy::needless_pass_by_value, reason = "callers pass numbers and references alike")]
pub fn require(
    valid: bool,
    field: &str,
    value: impl ToString,
    expected: impl Into<String>,
) -> Result<(), InvalidField> {
    if valid {
        return Ok(());
    }
    Err(InvalidField { field: field.to_owned(), value: value.to_string(), expected: expected.into() })
}
