//! Where results come from: `provenance.json` of runs and sweeps.

use std::path::Path;

use serde_json::{Map, Value};

use super::html::{self, Cell};

/// Fields that stand elsewhere on the page.
const ELSEWHERE: [&str; 3] = ["command", "seed", "started"];

/// A folder's provenance; empty if it has none.
pub(super) fn read(folder: &Path) -> Map<String, Value> {
    let text = std::fs::read(folder.join("provenance.json")).unwrap_or_default();
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

/// A table of what is the same in all, and of every value where they differ.
pub(super) fn table(origins: &[Map<String, Value>]) -> String {
    let Some(first) = origins.iter().find(|origin| !origin.is_empty()) else {
        return html::note("There is no provenance.json.");
    };
    let rows: Vec<Vec<Cell>> = first
        .keys()
        .filter(|name| !ELSEWHERE.contains(&name.as_str()))
        .map(|name| {
            let mut values: Vec<String> = origins.iter().map(|origin| field(origin, name)).collect();
            values.sort();
            values.dedup();
            let mut text = values.join("\n, ");
            if text.is_empty() {
                "unknown".clone_into(&mut text);
            }
            vec![name.replace('_', " ").into(), text.into()]
        })
        .collect();
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
