//! A RON file as data, with messages that show the place.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::error::ConfigError;
use super::explain::{Unbalanced, invalid, missing_hint, unbalanced};
use super::finite::check_finite;
use super::typed::{TypeError, from_value};
use super::value::{self, Parsed};
use crate::input;

/// A RON file as data, for types with fields that hold any value (such as an axis of a sweep), with
/// the place of every value for messages.
pub struct Document {
    /// Name in messages.
    pub(super) file: String,
    text: String,
    pub(super) parsed: Parsed,
    /// Closing brackets that the text lacks; `parsed` is the text with them.
    missing: Option<String>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read or is not well-formed.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let document = Self::open(path)?;
        match document.complete() {
            Some(error) => Err(error),
            None => Ok(document),
        }
    }

    /// [`Self::new`] of a file.
    pub(super) fn open(path: &Path) -> Result<Self, ConfigError> {
        let text = input::text(path, input::TEXT)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::new(&path.display().to_string(), text)
    }

    /// Takes a text to which only closing brackets are missing, too: what does not fit then shows best where.
    pub(super) fn new(file: &str, text: String) -> Result<Self, ConfigError> {
        let file = file.to_owned();
        let error = match value::parse(&text) {
            Ok(parsed) => return Ok(Self { file, text, parsed, missing: None }),
            Err(error) => error,
        };
        let hint = match unbalanced(&text) {
            Some(Unbalanced::Open(missing)) => {
                if let Ok(parsed) = value::parse(&format!("{text}{missing}")) {
                    return Ok(Self { file, text, parsed, missing: Some(missing) });
                }
                Some(missing_hint(&text, error.offset, &missing))
            }
            Some(Unbalanced::Wrong(hint)) => Some(hint),
            None => None,
        };
        let message = match error.path.as_str() {
            path if error.non_finite && !path.is_empty() => format!("{path}: {}", error.message),
            _ => error.message,
        };
        Err(invalid(&file, &text, error.offset, &message, hint))
    }

    /// An error if brackets are missing.
    fn complete(&self) -> Option<ConfigError> {
        self.missing
            .as_ref()
            .map(|_| self.wrong(self.text.trim_end().len(), "expected ',' or a closing bracket"))
    }

    fn wrong(&self, offset: usize, message: &str) -> ConfigError {
        let hint = self.missing.as_ref().map(|missing| missing_hint(&self.text, offset, missing));
        invalid(&self.file, &self.text, offset, message, hint)
    }

    /// The data as a typed value.
    ///
    /// # Errors
    /// Where it does not fit the type, and what was expected.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.fit(&self.parsed.value)
    }

    /// This data, or some that it was laid over, as a typed value.
    fn fit<T: DeserializeOwned>(&self, value: &Value) -> Result<T, ConfigError> {
        from_value(value).map_err(|error| self.wrong(place_of(&self.parsed, &error), &error.describe()))
    }

    /// [`fit`](Self::fit) for a config, whose numbers are finite.
    pub(super) fn config<T: Serialize + DeserializeOwned>(&self, value: &Value) -> Result<T, ConfigError> {
        let config: T = self.fit(value)?;
        if let Some(error) = self.complete() {
            return Err(error);
        }
        match check_finite(&config) {
            // Too large for the field's type.
            Err(ConfigError::NotFinite { path, value }) => {
                let message = format!("{path}: {value} is not a finite number");
                Err(self.invalid(&path, &message))
            }
            outcome => outcome.map(|()| config),
        }
    }

    /// An error at the value with this path (as `axes[0].List.values[1]`), or at what contains it.
    #[must_use]
    pub fn invalid(&self, path: &str, message: &str) -> ConfigError {
        let mut path = path;
        let place = loop {
            if let Some(place) = self.parsed.places.get(path) {
                break place.value;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => break 0,
            }
        };
        self.wrong(place, message)
    }
}

/// Offset of the text behind a type error: the longest known part of its path.
fn place_of(parsed: &Parsed, error: &TypeError) -> usize {
    let known = |path: &str| parsed.places.get(path);
    let mut path = error.path.as_str();
    let mut name = path.rsplit('.').next().unwrap_or_default();
    if let Some((unknown, _)) = error.unknown.as_ref().filter(|_| error.field) {
        name = unknown;
        let field = if path.is_empty() { known(name) } else { known(&format!("{path}.{name}")) };
        if let Some(place) = field {
            return place.key;
        }
    }
    // The text may leave out a variant's name (`strategy: (sigma: 1)`) or be in brackets of its own.
    while !path.is_empty() {
        if let Some(place) = known(path).or_else(|| known(&format!("{path}[0]"))) {
            return place.value;
        }
        path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        if let Some(place) = known(&format!("{path}.{name}")) {
            return if error.field { place.key } else { place.value };
        }
    }
    0
}
