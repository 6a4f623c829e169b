//! Which engine a config asks for.

use std::fmt;

use serde::de::{EnumAccess, Error, VariantAccess as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sim::{EngineKind, Model};

/// Which engine steps the worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// This one, which configs call by its name alone.
    Fixed(EngineKind),
    /// Lanes if it supports everything in the model, otherwise rapier.
    #[default]
    Auto,
}

/// What configs may say.
const CHOICES: [&str; EngineKind::VARIANTS.len() + 1] = {
    let mut choices = ["Auto"; EngineKind::VARIANTS.len() + 1];
    let mut index = 0;
    while index < EngineKind::VARIANTS.len() {
        choices[index] = EngineKind::VARIANTS[index];
        index += 1;
    }
    choices
};

impl EngineChoice {
    /// The engine for `model`, and the reason if the choice was left open.
    #[must_use]
    pub fn resolve(self, model: &Model) -> (EngineKind, Option<String>) {
        match self {
            Self::Fixed(engine) => (engine, None),
            Self::Auto => choose(&sim::unsupported(model, EngineKind::Lanes)),
        }
    }
}

/// The choice of [`EngineChoice::Auto`], given what lanes lacks.
fn choose(missing: &[String]) -> (EngineKind, Option<String>) {
    if missing.is_empty() {
        (EngineKind::Lanes, Some("lanes supports everything in the model".to_owned()))
    } else {
        (EngineKind::Rapier, Some(format!("lanes does not support: {}", missing.join("; "))))
    }
}

impl From<EngineKind> for EngineChoice {
    fn from(engine: EngineKind) -> Self {
        Self::Fixed(engine)
    }
}

impl Serialize for EngineChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(engine) => engine.serialize(serializer),
            Self::Auto => {
                serializer.serialize_unit_variant("EngineChoice", EngineKind::ALL.len() as u32, "Auto")
            }
        }
    }
}

impl<'de> Deserialize<'de> for EngineChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("EngineChoice", &CHOICES, Name(&CHOICES))
    }
}

/// Reads an engine or `None`, for a field that cannot be `Auto`.
pub(crate) fn engine_or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<EngineKind>, D::Error> {
    Ok(Option::<Engine>::deserialize(deserializer)?.map(|engine| engine.0))
}

/// An engine by its name.
struct Engine(EngineKind);

impl<'de> Deserialize<'de> for Engine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const ENGINES: &[&str] = &EngineKind::VARIANTS;
        match deserializer.deserialize_enum("EngineKind", ENGINES, Name(ENGINES))? {
            EngineChoice::Fixed(engine) => Ok(Self(engine)),
            EngineChoice::Auto => Err(D::Error::unknown_variant(AUTO, ENGINES)),
        }
    }
}

/// The name that leaves the choice open.
const AUTO: &str = "Auto";

/// One of these names, in any case.
struct Name(&'static [&'static str]);

impl<'de> Visitor<'de> for Name {
    type Value = EngineChoice;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "one of {}", self.0.join(", "))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<EngineChoice, A::Error> {
        let (name, content): (String, _) = data.variant()?;
        content.unit_variant()?;
        if name.eq_ignore_ascii_case(AUTO) {
            return Ok(EngineChoice::Auto);
        }
        let index = EngineKind::VARIANTS.iter().position(|variant| variant.eq_ignore_ascii_case(&name));
        let index = index.ok_or_else(|| A::Error::unknown_variant(&name, self.0))?;
        Ok(EngineChoice::Fixed(EngineKind::ALL[index]))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use envs::EnvConfig;

    use super::*;

    #[test]
    fn every_engine_and_auto_are_read_as_they_are_written() {
        let engines = EngineKind::ALL.map(EngineChoice::from);
        for (choice, name) in engines.into_iter().chain([EngineChoice::Auto]).zip(CHOICES) {
            assert_eq!(serde_json::to_value(choice).unwrap(), name);
            assert_eq!(serde_json::from_value::<EngineChoice>(name.into()).unwrap(), choice);
            assert_eq!(records::text::parse::<EngineChoice>("choice", name).unwrap(), choice);
        }
        for (word, choice) in [("lanes", EngineKind::Lanes.into()), ("RAPIER", EngineKind::Rapier.into())] {
            assert_eq!(records::text::parse::<EngineChoice>("choice", word).unwrap(), choice);
        }
        let error = records::text::parse::<EngineChoice>("choice", "Bullet").unwrap_err().to_string();
        assert!(error.contains("Rapier") && error.contains("Lanes") && error.contains("Auto"), "{error}");
    }

    #[test]
    fn auto_takes_lanes_if_it_can_and_says_why_not() {
        assert_eq!(choose(&[]).0, EngineKind::Lanes);
        let (engine, reason) = choose(&["meshes".to_owned(), "ropes".to_owned()]);
        assert_eq!(
            (engine, reason.unwrap().as_str()),
            (EngineKind::Rapier, "lanes does not support: meshes; ropes")
        );
        let task = EnvConfig::from_name("ant").unwrap().build().unwrap();
        let can = sim::unsupported(task.model(), EngineKind::Lanes).is_empty();
        let (engine, reason) = EngineChoice::Auto.resolve(task.model());
        assert_eq!((engine == EngineKind::Lanes, reason.is_some()), (can, true));
        for engine in EngineKind::ALL {
            assert_eq!(EngineChoice::from(engine).resolve(task.model()), (engine, None));
        }
    }
}
