//! Why there is no page.

use std::io;
use std::path::PathBuf;

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

/// What a page says where run folders are gone.
pub(super) const MISSING: &str = "The run folders are not all there.";

/// Whether runs that are done have no folder, or no longer a whole one.
pub(super) fn is_missing(error: &ReportError) -> bool {
    matches!(error, ReportError::Run(PlotError::Folder(_) | PlotError::Metrics(_) | PlotError::Empty { .. }))
}
