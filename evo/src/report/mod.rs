//! One page about runs or a sweep that needs nothing else: tables, plots, configs, provenance and the
//! commands that make it all again. The same folders give the same page.

mod error;
mod html;
mod labels;
mod markdown;
mod numbers;
mod origin;
mod pictures;
mod raster;
mod results;
mod robot;
mod runs;
mod sweep;

use std::path::Path;

use records::disk::write_atomic;

pub use error::ReportError;
pub use labels::of_classifiers;
pub use markdown::write_markdown;
pub(crate) use numbers::number;
pub use pictures::{Kind, write_picture};
pub(crate) use raster::{Layer, Raster};
pub(crate) use robot::{Pictures, Robot};
pub(crate) use runs::of_runs;
pub(crate) use sweep::of_sweep;

/// Writes a page. It appears complete or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, page: &str) -> Result<(), ReportError> {
    write_atomic(path, page.as_bytes()).map_err(|source| ReportError::Write { path: path.to_owned(), source })
}
