//! What can go wrong in this crate.

use std::path::PathBuf;

/// Errors of models and worlds.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A model file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A model is not valid MJCF, or not one that we accept. Display: `file:line:column: message`.
    #[error("{file}:{line}:{column}: {message}")]
    Mjcf {
        /// File name as given.
        file: String,
        /// Line, from 1.
        line: u32,
        /// Column, from 1.
        column: u32,
        /// What is wrong and what would be valid.
        message: String,
    },
    /// The engine cannot do something that the model asks for.
    #[error("engine {engine} cannot simulate model '{model}': {}", .missing.join("; "))]
    Unsupported {
        /// Engine name.
        engine: &'static str,
        /// Model name.
        model: String,
        /// What is missing, one entry each.
        missing: Vec<String>,
    },
    /// A physics setting is out of range.
    #[error("physics setting {setting} = {value}: {expected}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// Its value.
        value: f64,
        /// What would be valid.
        expected: &'static str,
    },
    /// A state or control array has the wrong length.
    #[error("{what} has {got} entries, expected {expected}")]
    Length {
        /// Which array.
        what: &'static str,
        /// Given length.
        got: usize,
        /// Expected length.
        expected: usize,
    },
}
