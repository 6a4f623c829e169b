//! What a config says about a stage.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A stage: a name, and the fields in which it differs from the config.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Name: letters, digits, `-` and `_`.
    pub name: String,
    /// The other fields as data; what they may be, [`resolve`](super::resolve) says.
    pub fields: Map<String, Value>,
}

/// The field of a config with its stages, and that of a stage with its name.
pub(super) const STAGES: &str = "stages";
pub(super) const NAME: &str = "name";

impl Stage {
    /// Whether a name can be part of a file's name and of a path.
    pub(super) fn is_name(name: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = (NAME, Value::String(self.name.clone()));
        serializer
            .collect_map(std::iter::once((name.0, &name.1)).chain(self.fields.iter().map(|(k, v)| (&**k, v))))
    }
}

impl<'de> Deserialize<'de> for Stage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(deserializer)?;
        match fields.remove(NAME) {
            Some(Value::String(name)) if Self::is_name(&name) => Ok(Self { name, fields }),
            Some(other) => Err(D::Error::custom(format_args!(
                "name = {other}: must be of letters, digits, '-' and '_', in quotes, such as \"walk\""
            ))),
            None => Err(D::Error::missing_field(NAME)),
        }
    }
}
