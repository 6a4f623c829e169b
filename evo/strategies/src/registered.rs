//! Settings of strategies that other crates bring, behind one type.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::{self, Debug, Formatter};

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Settings, StrategyError, StrategyInfo};

/// What the settings of a strategy must be for configs to name it: plain data that serde reads and writes, under
/// `#[serde(deny_unknown_fields, default)]`.
pub trait OwnSettings:
    Settings + Default + Clone + PartialEq + Debug + Serialize + DeserializeOwned + 'static
{
}

impl<C> OwnSettings for C where
    C: Settings + Default + Clone + PartialEq + Debug + Serialize + DeserializeOwned + 'static
{
}

/// [`OwnSettings`] as a trait object.
trait Erased: Settings + Debug + erased_serde::Serialize {
    fn boxed(&self) -> Box<dyn Erased>;

    fn equals(&self, other: &dyn Any) -> bool;

    fn any(&self) -> &dyn Any;
}

impl<C: OwnSettings> Erased for C {
    fn boxed(&self) -> Box<dyn Erased> {
        Box::new(self.clone())
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<C>().is_some_and(|other| self == other)
    }

    fn any(&self) -> &dyn Any {
        self
    }
}

/// The settings of a strategy of another crate.
pub struct Registered(Box<dyn Erased>);

impl Registered {
    /// These settings.
    #[must_use]
    pub fn new<C: OwnSettings>(settings: C) -> Self {
        Self(Box::new(settings))
    }

    pub(super) fn settings(&self) -> &dyn Settings {
        &*self.0
    }
}

impl Clone for Registered {
    fn clone(&self) -> Self {
        Self(self.0.boxed())
    }
}

impl PartialEq for Registered {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.any())
    }
}

impl Debug for Registered {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Registered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        erased_serde::serialize(&*self.0, serializer)
    }
}

/// A registered type of settings.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub info: &'static StrategyInfo,
    pub default: fn() -> Registered,
    /// Names of the fields, in the order of the settings.
    fields: &'static [&'static str],
    read: fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Registered, erased_serde::Error>,
}

impl Entry {
    /// Refuses what would fail later, or never be noticed: see [`super::register`].
    pub fn of<C: OwnSettings>() -> Result<Self, StrategyError> {
        let default = C::default();
        let info = default.info();
        let refuse = |problem: &str| {
            Err(StrategyError::Registration { strategy: info.name, problem: problem.to_owned() })
        };
        let word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !word(info.config) || !info.config.starts_with(|c: char| c.is_ascii_uppercase()) {
            return refuse("its name in configs must be a word that starts with a capital");
        }
        if info.name.is_empty() || !word(info.name) {
            return refuse("its name on the command line must be a word");
        }
        let Ok(Value::Object(written)) = serde_json::to_value(&default) else {
            return refuse("its settings must be a struct with named fields");
        };
        let listed: BTreeSet<&str> = info.fields.iter().map(|field| field.name).collect();
        if !listed.into_iter().eq(written.keys().map(String::as_str).collect::<BTreeSet<_>>()) {
            return refuse("the fields that its `info` lists are not those of its settings");
        }
        let read = |fields: Map<String, Value>| serde_json::from_value::<C>(Value::Object(fields));
        if read(Map::new()).ok().as_ref() != Some(&default) || read(written.clone()).ok() != Some(default) {
            return refuse(
                "every field of its settings needs its default: `#[serde(default)]` on the struct",
            );
        }
        let mut more = written;
        more.insert("no such field".to_owned(), Value::Null);
        let Err(error) = read(more) else {
            return refuse("its settings take unknown fields: `#[serde(deny_unknown_fields)]` on the struct");
        };
        let error = error.to_string();
        let fields = quoted(&error).skip(1).filter_map(|name| info.fields.iter().find(|f| f.name == name));
        Ok(Self {
            info,
            // serde wants names that live as long as the program: once for each registration.
            fields: Vec::leak(fields.map(|field| field.name).collect()),
            default: || Registered::new(C::default()),
            read: |from| erased_serde::deserialize::<C>(from).map(Registered::new),
        })
    }
}

impl Entry {
    /// An error that comes as text, which a deserializer may not know as one about a field of the strategy.
    fn error<E: serde::de::Error>(&self, text: &str) -> E {
        let mut names = quoted(text);
        let field = names.next().unwrap_or_default();
        let unknown = text.starts_with("unknown field `") || text.starts_with("Unexpected field named `");
        if unknown && names.eq(self.fields.iter().copied()) {
            return E::unknown_field(field, self.fields);
        }
        let twice =
            text.strip_prefix("Unexpected duplicate field named `").and_then(|rest| rest.strip_suffix('`'));
        match self.fields.iter().find(|field| Some(**field) == twice) {
            Some(field) => E::duplicate_field(field),
            None => E::custom(text),
        }
    }
}

/// The names in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

impl<'de> DeserializeSeed<'de> for Entry {
    type Value = Registered;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Registered, D::Error> {
        (self.read)(&mut <dyn erased_serde::Deserializer<'_>>::erase(deserializer))
            .map_err(|error| self.error(&error.to_string()))
    }
}
