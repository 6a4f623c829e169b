//! A sweep's folder for readers.

use std::path::Path;

use super::journal::{Journal, JournalError, Records};
use super::{JOURNAL, Plan, SweepError};
use crate::patch;

/// A sweep as its folder has it, for reading; it may be at work.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it does.
    pub plan: Plan,
    /// What it has done.
    pub records: Records,
}

impl Stored {
    /// Whether a folder is that of a sweep.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(JOURNAL).is_file()
    }

    /// Reads a sweep's folder.
    ///
    /// # Errors
    /// If its journal cannot be read.
    pub fn read(folder: &Path) -> Result<Self, SweepError> {
        let path = folder.join(JOURNAL);
        let (sweep, base, records) = Journal::stored(&path)?;
        let other = |message| JournalError::Line { path: path.clone(), line: 1, message };
        let sweep = patch::from_value(sweep).map_err(|error| other(error.describe()))?;
        let base = patch::from_value(base).map_err(|error| other(error.describe()))?;
        let plan = Plan::stored(sweep, base).map_err(other)?;
        Ok(Self { plan, records })
    }
}
