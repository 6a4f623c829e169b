//! Where results come from: `provenance.json` of runs and sweeps.

use std::path::Path;

use records::input;
use serde_json::{Map, Value};

use super::html::{self, Cell};
use crate::sweep::journal::{Build, Records};

/// Fields that stand elsewhere on the page.
const ELSEWHERE: [&str; 3] = ["command", "seed", "started"];

/// A folder's provenance; empty if it has none.
pub(super) fn read(folder: &Path) -> Map<String, Value> {
    let text = input::bytes(&folder.join("provenance.json"), input::TEXT).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// A field as text; empty if it is unknown.
pub(super) fn field(origin: &Map<String, Value>, name: &str) -> String {
    match origin.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What is the same in all, and every value where they differ: names and values.
pub(super) fn facts(origins: &[Map<String, Value>]) -> Vec<(String, String)> {
    let Some(first) = origins.iter().find(|origin| !origin.is_empty()) else { return Vec::new() };
    let names = first.keys().filter(|name| !ELSEWHERE.contains(&name.as_str()));
    let fact = |name: &String| {
        let mut values: Vec<String> = origins.iter().map(|origin| field(origin, name)).collect();
        values.sort();
        values.dedup();
        let mut text = values.join(", ");
        if text.is_empty() {
            "unknown".clone_into(&mut text);
        }
        (name.replace('_', " "), text)
    };
    names.map(fact).collect()
}

/// The provenance of each session of a sweep, given that of the first.
pub(super) fn of_sessions(first: Map<String, Value>, records: &Records) -> Vec<Map<String, Value>> {
    let session = |build: &Build| {
        let mut origin = first.clone();
        if let Ok(Value::Object(build)) = serde_json::to_value(build) {
            origin.extend(build);
        }
        origin
    };
    let sessions: Vec<_> = records.sessions.iter().map(session).collect();
    if sessions.is_empty() { vec![first] } else { sessions }
}

/// [`facts`] as a table.
pub(super) fn table(origins: &[Map<String, Value>]) -> String {
    let facts = facts(origins);
    if facts.is_empty() {
        return html::note("There is no provenance.json.");
    }
    let rows: Vec<Vec<Cell>> =
        facts.into_iter().map(|(name, value)| vec![name.into(), value.into()]).collect();
    html::table(&["field", "value"], &rows, false)
}

/// The commit to check out before the commands, as a line of a shell script.
pub(super) fn checkout(origin: &Map<String, Value>) -> String {
    let commit = field(origin, "commit");
    if commit.is_empty() {
        return String::new();
    }
    let changed = if origin.get("dirty") == Some(&Value::Bool(true)) {
        "  # the source had further changes"
    } else {
        ""
    };
    format!("git checkout {commit}{changed}\n")
}
