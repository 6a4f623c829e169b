//! `--set` of a config with stages.

use records::text::from_value;
use records::text::patch::{self, PatchError};
use records::text::value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::resolve::{RUN_FIELDS, laid_over};
use super::stage::{STAGES, Stage};

/// Applies `PATH=VALUE` texts, in order: to the config and to every stage that sets PATH; with
/// `stages.NAME.PATH=VALUE` to one stage alone.
///
/// # Errors
/// The first text that does not apply.
pub fn apply<T: Serialize + DeserializeOwned + Clone>(config: T, sets: &[String]) -> Result<T, PatchError> {
    sets.iter().try_fold(config, apply_one)
}

fn apply_one<T: Serialize + DeserializeOwned + Clone>(config: T, set: &String) -> Result<T, PatchError> {
    let invalid = |message: String| PatchError::Value { set: set.clone(), message };
    let mut whole = serde_json::to_value(&config).map_err(|error| invalid(error.to_string()))?;
    let Some(Value::Array(stages)) = whole.as_object_mut().and_then(|fields| fields.remove(STAGES)) else {
        return patch::apply(config, std::slice::from_ref(set));
    };
    let plain = |value: &Value| from_value::<T>(value).map_err(|error| invalid(error.describe()));
    let mut stages: Vec<Stage> = stages
        .iter()
        .map(|stage| from_value(stage).map_err(|error| invalid(error.describe())))
        .collect::<Result<_, _>>()?;
    let path = parts(set).collect::<Vec<_>>().join(".");
    let path = path.as_str();
    if path == STAGES {
        return patch::apply(config, std::slice::from_ref(set));
    }
    if let Some(rest) = path.strip_prefix("stages.") {
        let (name, rest) = rest.split_once('.').unwrap_or((rest, ""));
        let text = &set[set.find('=').unwrap_or(set.len())..];
        let names = || stages.iter().map(|stage| stage.name.clone()).collect::<Vec<_>>();
        let found = stages.iter().position(|stage| stage.name == name);
        let Some(index) = found.or_else(|| name.parse().ok().filter(|&index| index < stages.len())) else {
            return Err(PatchError::UnknownField { set: set.clone(), field: name.to_owned(), have: names() });
        };
        change(&plain(&laid_over(&whole, &stages[index]))?, &mut stages[index], &format!("{rest}{text}"))
            .map_err(|error| invalid(error.reason()))?;
    } else {
        let outcome = patch::apply(plain(&whole)?, std::slice::from_ref(set));
        let mut reached = outcome.is_ok();
        for stage in stages.iter_mut().filter(|stage| sets_path(&whole, &stage.fields, set)) {
            match change(&plain(&laid_over(&whole, stage))?, stage, set) {
                Ok(()) => reached = true,
                // Another variant may lack it.
                Err(PatchError::UnknownField { .. } | PatchError::Path { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match outcome {
            Ok(config) => {
                whole = serde_json::to_value(&config).map_err(|error| invalid(error.to_string()))?;
            }
            Err(error) if !reached => return Err(error),
            Err(_) => {}
        }
    }
    if let Some(fields) = whole.as_object_mut() {
        let stages = serde_json::to_value(&stages).map_err(|error| invalid(error.to_string()))?;
        fields.insert(STAGES.to_owned(), stages);
    }
    plain(&whole)
}

/// Changes one stage, whose config is `resolved`: the field it is about then holds what it is in full.
fn change<T: Serialize + DeserializeOwned + Clone>(
    resolved: &T,
    stage: &mut Stage,
    set: &str,
) -> Result<(), PatchError> {
    let set = set.to_owned();
    let changed = patch::apply(resolved.clone(), std::slice::from_ref(&set))?;
    let changed = serde_json::to_value(&changed)
        .map_err(|error| PatchError::Value { set: set.clone(), message: error.to_string() })?;
    let mut parts = parts(&set);
    let top = parts.next().unwrap_or_default();
    let field = |of: &Value, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    match parts.next() {
        // The rest of `run` is the whole run's.
        Some(part) if top == "run" => {
            let run = stage.fields.entry(top).or_insert_with(|| Value::Object(Map::new()));
            if let Some(run) = run.as_object_mut() {
                run.insert(part.to_owned(), field(&changed["run"], part));
            }
        }
        None if top == "run" => {
            let own = RUN_FIELDS.iter().filter(|field| !changed[top][**field].is_null());
            let run = own.map(|field| ((*field).to_owned(), changed[top][*field].clone())).collect();
            stage.fields.insert(top.to_owned(), Value::Object(run));
        }
        _ => drop(stage.fields.insert(top.to_owned(), field(&changed, top))),
    }
    Ok(())
}

/// The parts of the path of `PATH=VALUE`.
fn parts(set: &str) -> impl Iterator<Item = &str> {
    set.split('=').next().unwrap_or_default().trim().split(['.', '[']).map(|part| part.trim_end_matches(']'))
}

/// Whether a stage says what stands at the path of `set`: by name, or because a variant takes the place of the config's.
fn sets_path(base: &Value, fields: &Map<String, Value>, set: &str) -> bool {
    let whole = Value::Object(fields.clone());
    let (mut here, mut below) = (Some(&whole), Some(base));
    for part in parts(set) {
        if let (Some(own), Some(other)) = (here.and_then(variant), below.and_then(variant))
            && own.0 != other.0
            && part != own.0
        {
            return true;
        }
        // The name of the config's variant, which the stage leaves out.
        let named = below.and_then(variant).is_some_and(|(name, _)| name == part);
        if named && here.is_some_and(|value| variant(value).is_none()) {
            below = below.and_then(|value| within(value, part));
            continue;
        }
        here = here.and_then(|value| within(value, part));
        below = below.and_then(|value| within(value, part));
        if here.is_none() {
            return false;
        }
    }
    true
}

/// Name and content of a variant, which may have none.
fn variant(value: &Value) -> Option<(&str, &Value)> {
    match value {
        Value::String(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
            Some((name, &Value::Null))
        }
        other => value::variant(other),
    }
}

/// What stands under a name or a number; the name of a variant may be left out.
fn within<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(part).or_else(|| within(variant(value)?.1, part)),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}
