//! Configs with stages as text.

use records::text::{self, ConfigError, value_text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::stage::{NAME, STAGES};

/// A config as RON text, stages as one would write them.
///
/// # Errors
/// As [`text::to_text`].
pub fn to_text<T: Serialize + DeserializeOwned>(config: &T) -> Result<String, ConfigError> {
    let mut whole = serde_json::to_value(config).map_err(|error| ConfigError::Write(error.to_string()))?;
    let Some(Value::Array(stages)) = whole.as_object_mut().and_then(|fields| fields.remove(STAGES)) else {
        return text::to_text(config);
    };
    text::check_finite(config)?;
    // What differs in a stage has no type that could be written: it stands behind the rest, as data.
    let plain: T = text::from_value(&whole).map_err(|error| ConfigError::Write(error.describe()))?;
    let mut out = text::to_text(&plain)?;
    let end = out.trim_end().strip_suffix(')').map_or(0, str::len);
    out.truncate(end);
    out.push_str("    stages: [\n");
    for stage in stages {
        // The name first.
        let mut fields: Vec<_> = stage.as_object().into_iter().flatten().collect();
        fields.sort_by_key(|(name, _)| *name != NAME);
        let lines =
            fields.iter().map(|(name, value)| format!("            {name}: {},\n", value_text(value)));
        out.push_str(&format!("        (\n{}        ),\n", lines.collect::<String>()));
    }
    out.push_str("    ],\n)\n");
    Ok(out)
}
