//! Configs as RON text.

use serde::Serialize;
use serde_json::Value;

use super::error::ConfigError;
use super::finite::{check_finite, options};
use super::value::is_variant;

/// The config as RON text that [`parse`](super::parse) reads back as an equal value.
///
/// # Errors
/// A value that RON cannot hold, or a number that is not finite.
pub fn to_text<T: Serialize>(value: &T) -> Result<String, ConfigError> {
    check_finite(value)?;
    let pretty = ron::ser::PrettyConfig::new().new_line("\n").struct_names(false).compact_arrays(true);
    let mut text =
        options().to_string_pretty(value, pretty).map_err(|error| ConfigError::Write(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// As [`to_text`], on one line.
///
/// # Errors
/// As [`to_text`].
pub fn to_line<T: Serialize>(value: &T) -> Result<String, ConfigError> {
    check_finite(value)?;
    options().to_string(value).map_err(|error| ConfigError::Write(error.to_string()))
}

/// Data in the shape of [`patch`](super::patch) as a RON value on one line, as `--set` takes it.
#[must_use]
pub fn value_text(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(value_text).collect::<Vec<_>>().join(", ");
    let fields = |map: &serde_json::Map<String, Value>| {
        let name = |key: &str| {
            key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !map.is_empty() && !map.keys().all(|key| name(key)) {
            let entries = map.iter().map(|(key, value)| format!("{key:?}: {}", value_text(value)));
            return format!("{{{}}}", entries.collect::<Vec<_>>().join(", "));
        }
        let fields = map.iter().map(|(key, value)| format!("{key}: {}", value_text(value)));
        format!("({})", fields.collect::<Vec<_>>().join(", "))
    };
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => {
            let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && text.starts_with(|c: char| c.is_ascii_uppercase());
            // A bare word is what unit variants look like. These three mean something else.
            if word && !["None", "Some", "NaN"].contains(&text.as_str()) {
                text.clone()
            } else {
                format!("{text:?}")
            }
        }
        Value::Array(values) => format!("[{}]", list(values)),
        Value::Object(map) => match map.iter().next() {
            Some((name, inner)) if is_variant(map) => match inner {
                Value::Object(inner) => format!("{name}{}", fields(inner)),
                inner => format!("{name}({})", value_text(inner)),
            },
            _ => fields(map),
        },
    }
}
