//! How configs are written, and that their numbers are finite.

use ron::extensions::Extensions;
use serde::Serialize;

use super::error::ConfigError;
use super::value;

/// How configs are written: `Some` may be left out, and so may the struct inside a variant.
pub(super) fn options() -> ron::Options {
    ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES)
}

/// Refuses NaN and infinities anywhere in a value.
///
/// # Errors
/// [`ConfigError::NotFinite`] with the path of the first one.
pub fn check_finite<T: Serialize>(value: &T) -> Result<(), ConfigError> {
    let text = options().to_string(value).map_err(|error| ConfigError::Write(error.to_string()))?;
    match value::parse(&text) {
        Err(error) if error.non_finite => {
            let value = error.message.split(' ').next().unwrap_or_default().to_owned();
            Err(ConfigError::NotFinite { path: error.path, value })
        }
        _ => Ok(()),
    }
}
