//! All journals of a sweep's folder: that of the command by itself, and one of each worker of several, so that no two
//! processes write one file.

use std::path::{Path, PathBuf};

use super::journal::{Header, Journal, JournalError, Records, read};
use super::names::{JOURNAL, WORKERS};

/// End of the names of the workers' journals.
const ENDING: &str = "jsonl";

/// The journal of a worker.
pub(super) fn of_worker(sweep: &Path, number: usize) -> PathBuf {
    sweep.join(WORKERS).join(format!("{number}.{ENDING}"))
}

/// Numbers of the workers that have journals, in order.
///
/// # Errors
/// If their folder cannot be listed.
pub(super) fn workers(sweep: &Path) -> Result<Vec<usize>, JournalError> {
    let path = sweep.join(WORKERS);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| JournalError::File { action: "read", path: path.clone(), source };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let is_journal = file.extension().is_some_and(|ending| ending == ENDING);
        let number: Option<usize> = file.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        numbers.extend(number.filter(|_| is_journal));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// What a sweep's journals are about and say together. Processes may be writing them.
///
/// # Errors
/// If there is none, or one is damaged, of another sweep or cannot be read.
pub(super) fn stored(sweep: &Path) -> Result<(Header, Records), JournalError> {
    let (header, mut records) = Journal::stored(&sweep.join(JOURNAL))?;
    for number in workers(sweep)? {
        let path = of_worker(sweep, number);
        let (its, more, _) = read(&path)?;
        if its.is_some_and(|its| its != header) {
            let message = format!("it is about another sweep than {JOURNAL}");
            return Err(JournalError::Line { path, line: 1, message });
        }
        records.merge(more);
    }
    Ok((header, records))
}

/// Every journal with what is wrong with it by itself, if anything is.
///
/// # Errors
/// If the folder of the workers cannot be listed.
pub(super) fn examined(sweep: &Path) -> Result<Vec<(PathBuf, Option<JournalError>)>, JournalError> {
    let own = sweep.join(JOURNAL);
    let own = (own.clone(), Journal::stored(&own).err());
    let of = |number| {
        let path = of_worker(sweep, number);
        let wrong = read(&path).err();
        (path, wrong)
    };
    Ok([own].into_iter().chain(workers(sweep)?.into_iter().map(of)).collect())
}
