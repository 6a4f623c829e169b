//! What can be wrong with a plot.

use std::io;
use std::path::PathBuf;

use records::MetricsError;
use records::folder::RunFolderError;

/// What is wrong with a plot.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// A folder is no run.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// A metrics file cannot be read.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A run's config cannot be read.
    #[error("cannot read {path}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A run has no generation yet.
    #[error("{path} has no finished generation to plot yet")]
    Empty {
        /// The metrics file.
        path: PathBuf,
    },
    /// Not as many names as lines.
    #[error("there are {labels} labels for {} lines: {}", .lines.len(), .lines.join("; "))]
    Labels {
        /// How many names were given.
        labels: usize,
        /// What the lines would be called.
        lines: Vec<String>,
    },
    /// Processor time is not known.
    #[error("processor time is not known: provenance.json of a run does not say how many threads it had")]
    Threads,
    /// The file's ending is neither.
    #[error("cannot plot to {path}: the name must end in .svg or .png")]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot plot to {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Drawing failed.
    #[error("cannot plot to {path}: {reason}")]
    Draw {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
