//! One page about runs or a sweep that needs nothing else: tables, plots, configs, provenance and the
//! commands that make it all again. The same folders give the same page.

mod html;
mod labels;
mod markdown;
mod origin;
mod pictures;
mod results;
mod runs;
mod sweep;

use std::io;
use std::path::{Path, PathBuf};

use records::atomic::write_atomic;

pub use labels::of_classifiers;
pub use markdown::write_markdown;
pub use pictures::{Kind, write_picture};
pub use runs::of_runs;
pub use sweep::of_sweep;

use crate::plot::PlotError;
use crate::sweep::SweepError;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A run cannot be read.
    #[error(transparent)]
    Run(#[from] PlotError),
    /// A sweep cannot be read.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A picture cannot be drawn.
    #[error("cannot draw a picture of the report: {0}")]
    Draw(String),
    /// The page cannot be written.
    #[error("cannot write report {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<String> for ReportError {
    fn from(reason: String) -> Self {
        Self::Draw(reason)
    }
}

/// Writes a page. It appears complete or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, page: &str) -> Result<(), ReportError> {
    write_atomic(path, page.as_bytes()).map_err(|source| ReportError::Write { path: path.to_owned(), source })
}

/// What a page says where run folders are gone.
const MISSING: &str = "The run folders are not all there.";

/// Whether runs that are done have no folder, or no longer a whole one.
fn is_missing(error: &ReportError) -> bool {
    matches!(error, ReportError::Run(PlotError::Folder(_) | PlotError::Metrics(_) | PlotError::Empty { .. }))
}

/// A return or another value, with one decimal, or more if it is small.
fn number(value: f64) -> String {
    match value.abs() {
        x if x == 0.0 || x >= 10.0 => format!("{value:.1}"),
        x if x >= 1.0 => format!("{value:.2}"),
        x if x >= 0.001 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}
