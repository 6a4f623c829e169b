//! What can be wrong with a config file.

use std::path::PathBuf;

use crate::words;

/// Folder under which configs are looked for, relative to the current one.
pub const CONFIG_FOLDER: &str = "configs";

/// How the names of configs end.
const ENDING: &str = ".ron";

/// What is wrong with a config file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("no config '{name}'{}: looked for {}{}", similar(.name, .known), .tried.join(" and "), list_known(.known))]
    Missing {
        /// Name as given.
        name: String,
        /// Paths that were tried.
        tried: Vec<String>,
        /// Configs that exist.
        known: Vec<String>,
    },
    /// The file exists but cannot be read.
    #[error("cannot read config {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a valid config. Display: `file:line:column: message`, the line and a caret.
    #[error("{file}:{line}:{column}: {message}{excerpt}")]
    Invalid {
        /// File name as given.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and what would be valid.
        message: String,
        /// The source line with a caret below, and perhaps a hint, each after a line break.
        excerpt: String,
    },
    /// A number is not finite.
    #[error("{path}: {value} is not a finite number")]
    NotFinite {
        /// Path of the field.
        path: String,
        /// The number as text.
        value: String,
    },
    /// The value cannot be written as RON.
    #[error("cannot write the config as RON: {0}")]
    Write(String),
}

/// Why text is not a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Byte offset of the problem.
    pub offset: usize,
    /// Path of the value that was being read; empty at the top.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// Whether the problem is a number that is not finite (and not the syntax).
    pub non_finite: bool,
}

/// The config that was probably meant, with an ending if the name has one.
fn similar(name: &str, known: &[String]) -> String {
    let bare = name.strip_suffix(ENDING).unwrap_or(name);
    let names = known.iter().filter_map(|config| config.strip_suffix(ENDING));
    let ending = &name[bare.len()..];
    words::meant(bare, names).map_or_else(String::new, |meant| format!(" (did you mean '{meant}{ending}'?)"))
}

fn list_known(known: &[String]) -> String {
    if known.is_empty() {
        format!(" (there are no configs under {CONFIG_FOLDER}/)")
    } else {
        format!(" (configs there: {})", known.join(", "))
    }
}
