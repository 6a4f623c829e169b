//! One axis of a sweep: a field and the values that it takes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use records::text;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use training::config::Config;
use training::stages;

/// Values of one field. A point on an axis is a number in [0, 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Axis {
    /// Any values, including whole variants.
    List {
        /// Field of the config.
        path: String,
        /// At least one.
        values: Vec<Value>,
    },
    /// Evenly spaced from `from` to `to`; whole numbers where the field needs them.
    Range {
        /// Field of the config.
        path: String,
        /// Smallest value.
        from: f64,
        /// Largest value, above `from`.
        to: f64,
        /// Number of values in a grid, at least 2.
        #[serde(default)]
        steps: Option<usize>,
    },
    /// As `Range`, evenly spaced in the logarithm; `from` above 0.
    LogRange {
        /// Field of the config.
        path: String,
        /// Smallest value, above 0.
        from: f64,
        /// Largest value, above `from`.
        to: f64,
        /// Number of values in a grid, at least 2.
        #[serde(default)]
        steps: Option<usize>,
    },
    /// Several fields at once: named lists of changes as `--set` takes them.
    Choice {
        /// Name of the axis in tables.
        name: String,
        /// Changes by name, at least one.
        options: BTreeMap<String, Vec<String>>,
    },
    /// Whole configs, such as several tasks. Must be the first axis, instead of the sweep's `config`.
    Config {
        /// At least one.
        values: Vec<Source>,
    },
}

/// A config of [`Axis::Config`]. In a file, the name of a config alone is one too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Looked for beside the sweep file, then under `configs/`.
    pub config: String,
    /// Name in tables; that of the file unless given.
    pub name: String,
    /// Changes of it, as `--set` takes them, after the sweep's own `set`.
    pub set: Vec<String>,
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            config: String,
            #[serde(default)]
            name: Option<String>,
            #[serde(default)]
            set: Vec<String>,
        }
        struct TextOrFields;
        impl<'de> Visitor<'de> for TextOrFields {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a config, or (config: …, name: …, set: […])")
            }
            fn visit_str<E>(self, text: &str) -> Result<Fields, E> {
                Ok(Fields { config: text.to_owned(), name: None, set: Vec::new() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map))
            }
        }
        let Fields { config, name, set } = deserializer.deserialize_any(TextOrFields)?;
        let stem = || Path::new(&config).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.unwrap_or_else(stem);
        Ok(Self { config, name, set })
    }
}

/// A value of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As tables show it.
    pub label: String,
    /// As `--set` takes it.
    pub sets: Vec<String>,
}

impl Axis {
    /// The field's path, or the choice's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::List { path, .. } | Self::Range { path, .. } | Self::LogRange { path, .. } => path,
            Self::Choice { name, .. } => name,
            Self::Config { .. } => "config",
        }
    }

    /// Name of the variant, for the place of an error in the file.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::List { .. } => "List",
            Self::Range { .. } => "Range",
            Self::LogRange { .. } => "LogRange",
            Self::Choice { .. } => "Choice",
            Self::Config { .. } => "Config",
        }
    }

    /// Number of separate values; none on a continuous axis.
    #[must_use]
    pub fn choices(&self) -> Option<usize> {
        match self {
            Self::List { values, .. } => Some(values.len()),
            Self::Choice { options, .. } => Some(options.len()),
            Self::Config { values } => Some(values.len()),
            Self::Range { .. } | Self::LogRange { .. } => None,
        }
    }

    /// Number of values in a grid; none if the file does not say.
    #[must_use]
    pub fn steps(&self) -> Option<usize> {
        match self {
            Self::Range { steps, .. } | Self::LogRange { steps, .. } => *steps,
            Self::List { .. } | Self::Choice { .. } | Self::Config { .. } => self.choices(),
        }
    }

    /// The point of a grid's value `index` of `count`. Ranges include both of their ends.
    #[must_use]
    pub fn grid_point(&self, index: usize, count: usize) -> f64 {
        match self.choices() {
            Some(count) => (index as f64 + 0.5) / count as f64,
            None => index as f64 / (count.max(2) - 1) as f64,
        }
    }

    /// The value at `point` in [0, 1]; `whole` rounds it, see [`Axis::is_whole`].
    #[must_use]
    pub fn at(&self, point: f64, whole: bool) -> Setting {
        let one = |path: &str, label: String| {
            let sets = vec![format!("{path}={label}")];
            Setting { label, sets }
        };
        match self {
            Self::List { path, values } => one(path, text::value_text(&values[pick(point, values.len())])),
            Self::Choice { options, .. } => {
                let option = options.iter().nth(pick(point, options.len()));
                option.map_or_else(
                    || Setting { label: String::new(), sets: Vec::new() },
                    |(label, sets)| Setting { label: label.clone(), sets: sets.clone() },
                )
            }
            Self::Config { values } => {
                Setting { label: values[pick(point, values.len())].name.clone(), sets: Vec::new() }
            }
            Self::Range { path, from, to, .. } => {
                one(path, number(between(point, *from, *to, from + (to - from) * point), whole))
            }
            Self::LogRange { path, from, to, .. } => {
                let (low, high) = (libm::log(*from), libm::log(*to));
                one(path, number(between(point, *from, *to, libm::exp(low + (high - low) * point)), whole))
            }
        }
    }

    /// Whether the field of a range takes whole numbers only.
    #[must_use]
    pub fn is_whole(&self, base: &Config) -> bool {
        let (Self::Range { path, from, .. } | Self::LogRange { path, from, .. }) = self else {
            return false;
        };
        let fits = |value: f64| stages::apply(base.clone(), &[format!("{path}={value:?}")]).is_ok();
        let rounded = stages::apply(base.clone(), &[format!("{path}={}", from.round())]).is_ok();
        rounded && !fits(from.floor() + 0.5)
    }
}

/// Which of `count` separate values, at least one, lies at a point in [0, 1].
pub(super) fn pick(point: f64, count: usize) -> usize {
    ((point * count as f64) as usize).min(count.saturating_sub(1))
}

/// Six significant digits, so that what is printed is what was run; the ends are exact.
fn between(point: f64, from: f64, to: f64, value: f64) -> f64 {
    if point <= 0.0 {
        from
    } else if point >= 1.0 {
        to
    } else {
        format!("{value:.5e}").parse().unwrap_or(value)
    }
}

fn number(value: f64, whole: bool) -> String {
    if whole { format!("{:.0}", value.round()) } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use records::text::value;

    use super::*;

    #[test]
    fn values_survive_their_text() {
        for text in [
            "Ant(healthy_z: [0.2, 1.0], name: \"lif\")",
            "[Recurrent(neurons: 64, model: \"a \\\"b\\\"\"), Dense(size: -1)]",
            "(a: None, b: Adam, c: 1e-05, d: true, e: Wrap(3))",
            "\"None\"",
            "(options: {\"0.1 s\": [\"a=1\"], \"b\": []})",
            "Snes()",
        ] {
            let value = value::parse(text).unwrap().value;
            assert_eq!(value::parse(&text::value_text(&value)).unwrap().value, value, "{text}");
        }
    }

    #[test]
    fn a_config_is_named_after_its_file_or_as_it_is_told() {
        let text = "Config(values: [\"a/ant.ron\", (config: \"ant.ron\", name: \"mlp\", set: [\"b=1\"])])";
        let value = value::parse(text).unwrap().value;
        let axis: Axis = text::from_value(&value).unwrap();
        assert_eq!((axis.name(), axis.choices()), ("config", Some(2)));
        assert_eq!([0.25, 0.75].map(|x| axis.at(x, false).label), ["ant", "mlp"]);
        let again: Axis = text::from_value(&serde_json::to_value(&axis).unwrap()).unwrap();
        assert_eq!(again, axis);
        let refused = |text: &str| {
            let value = value::parse(&format!("Config(values: [{text}])")).unwrap().value;
            text::from_value::<Axis>(&value).unwrap_err().describe()
        };
        assert!(refused("3").contains("the name of a config"), "{}", refused("3"));
        assert!(refused("(confg: \"a\")").contains("'confg'"), "{}", refused("(confg: \"a\")"));
    }

    #[test]
    fn ranges_reach_both_ends_and_round_where_the_field_is_whole() {
        let base: Config =
            text::parse("a.ron", "(env: InvertedPendulum(), strategy: OpenEs(population: 8))").unwrap();
        let axis = |path: &str| Axis::LogRange { path: path.to_owned(), from: 4.0, to: 64.0, steps: None };
        let (whole, real) = (axis("strategy.population"), axis("strategy.sigma"));
        assert!(whole.is_whole(&base) && !real.is_whole(&base));
        let values = |axis: &Axis, whole| [0.0, 0.3, 0.5, 1.0].map(|x| axis.at(x, whole).label);
        assert_eq!(values(&whole, true), ["4", "9", "16", "64"]);
        assert_eq!(values(&real, false), ["4.0", "9.18959", "16.0", "64.0"]);
        assert_eq!(real.at(0.0, false).sets, ["strategy.sigma=4.0"]);
    }
}
