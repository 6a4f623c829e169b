//! `--set path=value`: changes one field of any typed config.
//!
//! A config goes typed → JSON data → patched → typed. Paths are dotted, list entries are numbers, and
//! enum variants need not be named: `strategy.sigma`, `controller.hidden.0.neurons`. Values are RON.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::finite::check_finite;
use super::typed::{TypeError, from_value};
use super::value::{self, is_variant};

/// What is wrong with a `--set`. The message starts with the option as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not of the form `path=value`.
    #[error("--set {set}: expected PATH=VALUE, for example run.seed=2")]
    Form {
        /// The option's text.
        set: String,
    },
    /// The value is no RON value.
    #[error("--set {set}: {message}")]
    Syntax {
        /// The option's text.
        set: String,
        /// What is wrong.
        message: String,
    },
    /// A part of the path names no field.
    #[error("--set {set}: no field '{field}' (have: {})", .have.join(", "))]
    UnknownField {
        /// The option's text.
        set: String,
        /// The part that names no field.
        field: String,
        /// Names that would be valid there.
        have: Vec<String>,
    },
    /// A part of the path cannot be entered: a plain value, or a list without that entry.
    #[error("--set {set}: {message}")]
    Path {
        /// The option's text.
        set: String,
        /// What is wrong.
        message: String,
    },
    /// The value does not fit its field.
    #[error("--set {set}: {message}")]
    Value {
        /// The option's text.
        set: String,
        /// Field, and what was expected.
        message: String,
    },
}

impl PatchError {
    /// What is wrong, without the option's text.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Form { .. } => "expected PATH=VALUE".to_owned(),
            Self::UnknownField { field, have, .. } => {
                format!("no field '{field}' (have: {})", have.join(", "))
            }
            Self::Syntax { message, .. } | Self::Path { message, .. } | Self::Value { message, .. } => {
                message.clone()
            }
        }
    }
}

/// Applies `path=value` texts to a config, in order, each on the result of the one before.
///
/// # Errors
/// The first text that does not apply, see [`PatchError`].
pub fn apply<T>(config: T, sets: &[String]) -> Result<T, PatchError>
where
    T: Serialize + DeserializeOwned,
{
    sets.iter().try_fold(config, |config, set| apply_one(&config, set))
}

/// Characters of an option that messages repeat.
const LONGEST: usize = 400;

fn apply_one<T>(config: &T, set: &str) -> Result<T, PatchError>
where
    T: Serialize + DeserializeOwned,
{
    let owned = || shown(set);
    let (path, text) = set
        .split_once('=')
        .map(|(path, text)| (path.trim(), text.trim()))
        .filter(|(path, text)| !path.is_empty() && !text.is_empty())
        .ok_or_else(|| PatchError::Form { set: owned() })?;
    let value = parse_value(text).map_err(|message| PatchError::Syntax { set: owned(), message })?;
    let mut root = serde_json::to_value(config)
        .map_err(|error| PatchError::Value { set: owned(), message: error.to_string() })?;
    let parts: Vec<String> = path.replace('[', ".").replace(']', "").split('.').map(str::to_owned).collect();

    let mut here = &mut root;
    for (depth, part) in parts.iter().enumerate() {
        let known = parts[..depth].join(".");
        here = match enter(here, part) {
            Entry::Found(value) => value,
            Entry::Missing(map) => {
                // Whether a new name is welcome (an open map) or not (a struct) only the type
                // knows: put the value there and let it decide.
                let new = if depth + 1 == parts.len() { value.clone() } else { Value::Null };
                map.insert(part.clone(), new);
                return match from_value(&root) {
                    Ok(config) if depth + 1 == parts.len() => finite(&config, set).map(|()| config),
                    Err(TypeError { unknown: Some((name, have)), field: true, .. }) if name == *part => {
                        Err(PatchError::UnknownField { set: owned(), field: name, have })
                    }
                    Err(error) if depth + 1 == parts.len() => {
                        Err(PatchError::Value { set: owned(), message: error.describe() })
                    }
                    _ => Err(PatchError::Path {
                        set: owned(),
                        message: format!("no entry '{part}' in '{known}'; set it as a whole first"),
                    }),
                };
            }
            Entry::Closed(message) => {
                let message = if known.is_empty() {
                    format!("the config {message}")
                } else {
                    format!("'{known}' {message}")
                };
                return Err(PatchError::Path { set: owned(), message });
            }
        };
    }
    *here = value;
    let config: T =
        from_value(&root).map_err(|error| PatchError::Value { set: owned(), message: error.describe() })?;
    finite(&config, set)?;
    Ok(config)
}

/// A value typed on the command line: RON, or else the text itself as a string.
fn parse_value(text: &str) -> Result<Value, String> {
    match value::parse(text) {
        Ok(parsed) => Ok(parsed.value),
        Err(error) if error.non_finite => Err(error.message),
        // Text without any RON punctuation was meant as a string, such as a file name.
        Err(_) if !text.contains(['(', ')', '[', ']', '{', '}', '"']) => Ok(Value::String(text.to_owned())),
        Err(error) => Err(format!("{} (column {} of the value)", error.message, error.offset + 1)),
    }
}

/// The option's text in messages: its beginning if it is long.
fn shown(set: &str) -> String {
    match set.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &set[..end]),
        None => set.to_owned(),
    }
}

/// A number may be finite as f64 but not as the field's f32.
fn finite<T: Serialize>(config: &T, set: &str) -> Result<(), PatchError> {
    check_finite(config).map_err(|error| PatchError::Value { set: shown(set), message: error.to_string() })
}

enum Entry<'a> {
    Found(&'a mut Value),
    Missing(&'a mut Map<String, Value>),
    Closed(String),
}

fn enter<'a>(value: &'a mut Value, part: &str) -> Entry<'a> {
    let none = || format!("no field '{part}'");
    match value {
        Value::Object(map) => {
            if !map.contains_key(part) {
                if !is_variant(map) {
                    return Entry::Missing(map);
                }
                let inner = map.values_mut().next();
                return inner.map_or_else(|| Entry::Closed(none()), |inner| enter(inner, part));
            }
            map.get_mut(part).map_or_else(|| Entry::Closed(none()), Entry::Found)
        }
        Value::Array(list) => {
            let length = list.len();
            match part.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
                Some(entry) => Entry::Found(entry),
                None => Entry::Closed(format!("is a list of {length}: no entry '{part}'")),
            }
        }
        Value::Null => Entry::Closed(format!("is None: {}; set it as a whole", none())),
        other => Entry::Closed(format!("is {other}: {}", none())),
    }
}

/// Lays `patch` over `base`: fields replace fields of the same name, and a variant of the same name
/// keeps the base's other fields; lists, plain values and other variants replace as a whole.
pub fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            if is_variant(&patch) && patch.keys().ne(base.keys()) {
                *base = patch;
            } else if is_variant(base) && patch.keys().ne(base.keys()) {
                // `strategy: (sigma: 0.1)` changes fields of whichever variant the base has.
                if let Some(inner) = base.values_mut().next() {
                    merge(inner, Value::Object(patch));
                }
            } else {
                for (key, value) in patch {
                    match base.get_mut(&key) {
                        Some(slot) => merge(slot, value),
                        None => {
                            base.insert(key, value);
                        }
                    }
                }
            }
        }
        // `Ant` names the same variant as `Ant(...)`: nothing to change.
        (Value::Object(base), Value::String(name)) if is_variant(base) && base.contains_key(&name) => {}
        (base, patch) => *base = patch,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        env: Env,
        strategy: Strategy,
        #[serde(default)]
        weights: BTreeMap<String, f64>,
        horizon: Option<usize>,
        seed: u64,
        hidden: Vec<Layer>,
        file: String,
        fast: bool,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Env {
        Ant(Ant),
        CartPole,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Ant {
        healthy_z: (f32, f32),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Strategy {
        OpenEs(OpenEs),
        CmaEs { sigma: f64 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct OpenEs {
        population: usize,
        sigma: f32,
    }

    impl Default for OpenEs {
        fn default() -> Self {
            Self { population: 128, sigma: 0.05 }
        }
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Layer {
        neurons: usize,
    }

    fn config() -> Config {
        Config {
            env: Env::CartPole,
            strategy: Strategy::OpenEs(OpenEs { population: 4, sigma: 0.1 }),
            weights: BTreeMap::new(),
            horizon: Some(10),
            seed: 1,
            hidden: vec![Layer { neurons: 8 }, Layer { neurons: 9 }],
            file: "a".to_owned(),
            fast: false,
        }
    }

    fn set(text: &str) -> Config {
        apply(config(), &[text.to_owned()]).unwrap()
    }

    fn refused(text: &str) -> String {
        apply(config(), &[text.to_owned()]).unwrap_err().to_string()
    }

    #[test]
    fn nothing_set_changes_nothing() {
        assert_eq!(apply(config(), &[]).unwrap(), config());
        // f32 goes through JSON's f64 and back unchanged.
        assert_eq!(set("seed=1"), config());
    }

    #[test]
    fn values_of_every_kind_reach_their_field() {
        let sigma = |text: &str| match set(text).strategy {
            Strategy::OpenEs(OpenEs { sigma, population: 4 }) => sigma,
            other => panic!("{other:?}"),
        };
        assert_eq!(sigma("strategy.sigma=1e-2"), 0.01);
        assert_eq!(sigma("strategy.OpenEs.sigma = 3"), 3.0);
        assert_eq!(set("strategy=CmaEs(sigma: 0.3)").strategy, Strategy::CmaEs { sigma: 0.3 });
        assert_eq!(set("strategy=OpenEs").strategy, Strategy::OpenEs(OpenEs::default()));
        assert_eq!(set("env=Ant").env, Env::Ant(Ant::default()));
        assert_eq!(set("env=Ant(healthy_z: (0.3, 0.9))").env, Env::Ant(Ant { healthy_z: (0.3, 0.9) }));
        assert_eq!(set("env=CartPole()").env, Env::CartPole);
        assert_eq!(set("horizon=None").horizon, None);
        assert_eq!(set("horizon=7").horizon, Some(7));
        assert_eq!(set("horizon=Some(7)").horizon, Some(7));
        assert_eq!(set("seed=18446744073709551615").seed, u64::MAX);
        assert_eq!(set("hidden.1.neurons=5").hidden[1].neurons, 5);
        assert_eq!(set("hidden[0].neurons=5").hidden[0].neurons, 5);
        assert_eq!(set("hidden=[(neurons: 2)]").hidden, [Layer { neurons: 2 }]);
        assert_eq!(set("file=runs/b-2.txt").file, "runs/b-2.txt");
        assert_eq!(set("file=\"1\"").file, "1");
        assert!(set("fast=true").fast);
        assert_eq!(set("weights.survive=0.5").weights["survive"], 0.5);
    }

    #[test]
    fn later_ones_build_on_earlier_ones() {
        let sets = ["env=Ant".to_owned(), "env.healthy_z=(0.1, 1.0)".to_owned()];
        assert_eq!(apply(config(), &sets).unwrap().env, Env::Ant(Ant { healthy_z: (0.1, 1.0) }));
    }

    #[test]
    fn an_unknown_field_is_answered_with_the_valid_ones() {
        assert_eq!(
            refused("strategy.sgima=1"),
            "--set strategy.sgima=1: no field 'sgima' (have: population, sigma)"
        );
        assert_eq!(
            refused("strategi.sigma=1"),
            "--set strategi.sigma=1: no field 'strategi' (have: env, strategy, weights, horizon, \
             seed, hidden, file, fast)"
        );
        assert_eq!(
            refused("strategy=OpenEs(sgima: 1)"),
            "--set strategy=OpenEs(sgima: 1): unknown field 'sgima' in OpenEs (valid: population, sigma)"
        );
    }

    #[test]
    fn an_unknown_variant_is_answered_with_the_valid_ones() {
        assert_eq!(refused("env=Antt"), "--set env=Antt: unknown env 'Antt' (valid: Ant, CartPole)");
    }

    #[test]
    fn a_wrong_type_names_the_path_and_what_was_expected() {
        assert_eq!(
            refused("strategy.sigma=big"),
            "--set strategy.sigma=big: at strategy.OpenEs.sigma: invalid type: string \"big\", expected f32"
        );
        assert_eq!(
            refused("strategy.population=0.5"),
            "--set strategy.population=0.5: at strategy.OpenEs.population: invalid type: floating point \
             `0.5`, expected usize"
        );
        assert_eq!(refused("seed=-1"), "--set seed=-1: at seed: invalid value: integer `-1`, expected u64");
    }

    #[test]
    fn paths_that_lead_nowhere_say_where_they_end() {
        assert_eq!(
            refused("hidden.2.neurons=1"),
            "--set hidden.2.neurons=1: 'hidden' is a list of 2: no entry '2'"
        );
        assert_eq!(refused("seed.x=1"), "--set seed.x=1: 'seed' is 1: no field 'x'");
        assert_eq!(refused("env.x=1"), "--set env.x=1: 'env' is \"CartPole\": no field 'x'");
    }

    #[test]
    fn malformed_options_are_refused() {
        let form = "expected PATH=VALUE, for example run.seed=2";
        assert_eq!(refused("seed"), format!("--set seed: {form}"));
        assert_eq!(refused("seed="), format!("--set seed=: {form}"));
        let deep = refused(&format!("hidden={}", "[".repeat(100_000)));
        assert!(
            deep.ends_with("…: values are nested more than 128 deep (column 130 of the value)"),
            "{deep}"
        );
        assert!(deep.len() < 600, "{deep}");
        assert_eq!(
            refused("hidden=[(neurons: 2)"),
            "--set hidden=[(neurons: 2): expected ',' or ']' (column 14 of the value)"
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        for value in ["NaN", "inf", "-inf", "1e999"] {
            assert_eq!(
                refused(&format!("strategy.sigma={value}")),
                format!("--set strategy.sigma={value}: {value} is not a finite number")
            );
        }
        assert_eq!(
            refused("strategy.sigma=1e39"),
            "--set strategy.sigma=1e39: strategy.OpenEs.sigma: inf is not a finite number"
        );
    }

    #[test]
    fn merging_keeps_what_the_patch_does_not_name() {
        let base = json!({"es": {"OpenEs": {"sigma": 0.1, "n": 4}}, "run": {"seed": 1, "g": 2}});
        let merged = |patch: Value| {
            let mut out = base.clone();
            merge(&mut out, patch);
            out
        };
        assert_eq!(
            merged(json!({"es": {"OpenEs": {"n": 8}}, "run": {"seed": 3}})),
            json!({"es": {"OpenEs": {"sigma": 0.1, "n": 8}}, "run": {"seed": 3, "g": 2}})
        );
        assert_eq!(merged(json!({"es": {"n": 8}}))["es"], json!({"OpenEs": {"sigma": 0.1, "n": 8}}));
        assert_eq!(merged(json!({"es": {"Cma": {}}}))["es"], json!({"Cma": {}}));
        assert_eq!(merged(json!({"es": "OpenEs"})), base);
        assert_eq!(merged(json!({"es": "Ars"}))["es"], json!("Ars"));
    }
}
