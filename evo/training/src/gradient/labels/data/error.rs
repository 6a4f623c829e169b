//! What can be wrong with a data set.

use std::path::PathBuf;

use records::npy::NpyError;

use crate::field::InvalidField;

/// What is wrong with a data set.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A field of the config is out of range.
    #[error(transparent)]
    Config(#[from] InvalidField),
    /// An array cannot be read.
    #[error(transparent)]
    Array(#[from] NpyError),
    /// A file cannot be read or is something else.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two arrays that do not go together.
    #[error("{first} has {found}, but {second} has {expected}")]
    Mismatch {
        /// One.
        first: String,
        /// What it has.
        found: String,
        /// The other.
        second: String,
        /// What it has.
        expected: String,
    },
    /// A label that is no class.
    #[error("{path}: label {label} of sample {sample} is out of range; valid: 0 to {last}")]
    Label {
        /// The file.
        path: String,
        /// Label.
        label: f64,
        /// Number of the sample, from 0.
        sample: usize,
        /// Largest valid label.
        last: usize,
    },
    /// A data set of the other kind than the task's.
    #[error("{0}")]
    Kind(String),
    /// Nothing is left to train with.
    #[error("the data set has {0} samples, and none of them is left for training")]
    Empty(usize),
}
