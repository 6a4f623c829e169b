//! Looking a run folder over: what is whole, what is damaged.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::disk;
use crate::folder::{RunFolder, RunFolderError, read_file};
use crate::hashes::{HASHES, Hashes, Verdict};
use crate::metrics::Metrics;
use crate::rows::{RowsMark, has_rows};

/// How a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// As it was written.
    Whole,
    /// It can be read, but carries no hash: it is of an earlier version.
    Unchecked,
    /// Not as it was written, or missing, or it cannot be read; why.
    Damaged(String),
    /// Half-written by a process that was killed; whoever goes on in the folder deletes it.
    Leftover,
}

/// A file and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// How it is.
    pub condition: Condition,
}

/// A checkpoint or recording.
#[must_use]
pub fn container(path: &Path) -> Finding {
    let condition = match Checkpoint::load(path) {
        Ok(checkpoint) if checkpoint.warning().is_some() => Condition::Unchecked,
        Ok(_) => Condition::Whole,
        Err(error) => Condition::Damaged(error.to_string()),
    };
    Finding { path: path.to_owned(), condition }
}

/// Every file of a run folder on which its results rest, in a fixed order. A run that is being trained may change
/// meanwhile.
///
/// # Errors
/// If it is no run folder or cannot be listed.
pub fn run(path: &Path) -> Result<Vec<Finding>, RunFolderError> {
    let folder = RunFolder::open(path)?;
    let mut findings = Vec::new();
    let mut note = |path: PathBuf, condition| findings.push(Finding { path, condition });
    let hashes = Hashes::read(path);
    if let Err(error) = &hashes {
        note(path.join(HASHES), Condition::Damaged(error.to_string()));
    }
    let hashes = hashes.unwrap_or_default();
    let optional = [folder.summary(), path.join("confusion.csv")].into_iter().filter(|file| file.exists());
    for file in [folder.config(), folder.provenance()].into_iter().chain(optional) {
        let condition = match read_file(&file) {
            Ok(Some(bytes)) if hashes.verdict(&file, &bytes) == Verdict::Unknown => Condition::Unchecked,
            Ok(Some(_)) => Condition::Whole,
            Ok(None) => Condition::Damaged("it is missing".to_owned()),
            Err(error) => Condition::Damaged(error.to_string()),
        };
        note(file, condition);
    }
    note(folder.metrics(), metrics(&folder, &hashes));
    for place in [path.to_owned(), folder.checkpoints()] {
        for file in list(&place)? {
            if disk::is_leftover(&file) {
                note(file, Condition::Leftover);
            } else if file.extension().is_some_and(|extension| extension == "safetensors") {
                let condition = container(&file).condition;
                note(file, condition);
            }
        }
    }
    Ok(findings)
}

/// What processes that were killed have left half-written in a folder.
///
/// # Errors
/// If it cannot be listed.
pub fn leftovers(folder: &Path) -> Result<Vec<Finding>, RunFolderError> {
    let files = list(folder)?.into_iter().filter(|file| disk::is_leftover(file));
    Ok(files.map(|path| Finding { path, condition: Condition::Leftover }).collect())
}

/// The table of a run: its own hash, and that which the last checkpoint has of its rows.
fn metrics(folder: &RunFolder, hashes: &Hashes) -> Condition {
    let path = folder.metrics();
    // Before the table, which may be growing.
    let mark = Checkpoint::load(&folder.last()).ok().and_then(|last| {
        Some((last.meta::<RowsMark>("metrics").ok()?, last.meta::<u64>("generation").ok()?))
    });
    if let Err(error) = Metrics::read(&path) {
        return Condition::Damaged(error.to_string());
    }
    let Ok(text) = fs::read_to_string(&path) else {
        return Condition::Damaged("it cannot be read".to_owned());
    };
    match mark.map(|(mark, generation)| has_rows(&path, &text, generation, &mark)) {
        Some(Ok(false)) => Condition::Damaged("its rows do not match the last checkpoint".to_owned()),
        Some(Err(error)) => Condition::Damaged(error.to_string()),
        _ if hashes.verdict_of_growing(&path, text.as_bytes()) == Verdict::Unknown => Condition::Unchecked,
        _ => Condition::Whole,
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, RunFolderError> {
    let failed = |source| RunFolderError::Read { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut files: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>().map_err(failed)?;
    files.sort();
    Ok(files)
}
