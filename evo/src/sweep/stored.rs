//! A sweep's folder for readers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use records::examine::{self, Condition, Finding};
use records::folder::{RunFolder, RunFolderError};

use super::error::SweepError;
use super::journal::{Header, JournalError, Records};
use super::journals;
use super::names::{JOURNAL, own_folders};
use super::plan::Plan;

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

    /// Its journals, each by itself, and the first also as what all say together.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub fn journals(folder: &Path) -> Result<Vec<Finding>, SweepError> {
        let condition = |wrong: Option<String>| wrong.map_or(Condition::Whole, Condition::Damaged);
        let found = journals::examined(folder)?.into_iter();
        let mut found: Vec<Finding> = found
            .map(|(path, wrong)| Finding { path, condition: condition(wrong.map(|error| error.to_string())) })
            .collect();
        if found.iter().all(|finding| finding.condition == Condition::Whole)
            && let Some(first) = found.first_mut()
        {
            first.condition = condition(Self::read(folder).err().map(|error| error.to_string()));
        }
        Ok(found)
    }

    /// The folders of the runs in it, in order; a run that was not put together to its end is none.
    ///
    /// # Errors
    /// If one of the folders cannot be listed.
    pub fn runs_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
        let list = |folder: &Path| -> io::Result<Vec<PathBuf>> {
            let entries = fs::read_dir(folder)?;
            let mut paths: Vec<PathBuf> =
                entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
            paths.retain(|path| path.is_dir());
            paths.sort();
            Ok(paths)
        };
        let trials = list(&folder.join("trials"))?;
        let mut runs: Vec<PathBuf> =
            trials.iter().map(|trial| list(trial)).collect::<io::Result<Vec<_>>>()?.concat();
        runs.retain(|run| RunFolder::open(run).is_ok());
        Ok(runs)
    }

    /// What processes that were killed have left half-written in it, beside its runs.
    ///
    /// # Errors
    /// If one of its folders cannot be listed.
    pub fn leftovers(folder: &Path) -> Result<Vec<Finding>, RunFolderError> {
        let found: Result<Vec<_>, _> = own_folders(folder).map(|place| examine::leftovers(&place)).collect();
        Ok(found?.concat())
    }

    /// Reads a sweep's folder.
    ///
    /// # Errors
    /// If its journal cannot be read.
    pub fn read(folder: &Path) -> Result<Self, SweepError> {
        let path = folder.join(JOURNAL);
        let (Header { sweep, bases }, records) = journals::stored(folder)?;
        let other = |message| JournalError::Line { path: path.clone(), line: 1, message };
        let plan = Plan::stored(sweep, bases).map_err(other)?;
        Ok(Self { plan, records })
    }

    /// The parts whose trials are compared with each other: the trials of each task, with its name.
    #[must_use]
    pub fn by_task(&self) -> Vec<(String, Self)> {
        let part = |(task, name)| {
            let is_of = |trial| {
                let point = self.records.points.get(&trial);
                point.is_some_and(|point| self.plan.base(point).task == task)
            };
            (name, Self { plan: self.plan.clone(), records: self.records.of_trials(is_of) })
        };
        self.plan.tasks().into_iter().enumerate().map(part).collect()
    }
}
