//! Where in its stages a run is, as its checkpoints have it.

use std::path::PathBuf;

use records::checkpoint::{Checkpoint, CheckpointError};
use records::folder::RunFolder;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::gradient::FinetuneError;
use crate::stages::error::StagedError;

/// Fields of a checkpoint's metadata.
pub(super) const STAGE: &str = "stage";
pub(super) const STOPPING: &str = "stopping";
pub(super) const WHOLE: &str = "whole_config";
pub(super) const GENERATION: &str = "generation";

/// Sums over stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) generations: u64,
    pub(super) env_steps: u64,
    pub(super) evaluations: u64,
    pub(super) blow_ups: u64,
}

/// Where a run with stages is, as a checkpoint has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) name: String,
    /// Completed generations of this stage.
    pub(super) generation: u64,
    pub(super) before: Counts,
}

/// Name of the stage that a checkpoint is of; none of a run without stages.
///
/// # Errors
/// If what it says is damaged.
pub fn stage_of(checkpoint: &Checkpoint) -> Result<Option<String>, CheckpointError> {
    place(checkpoint).map(|place| place.map(|place| place.name))
}

/// The file with the last checkpoint of a run in a stage.
///
/// # Errors
/// If the run has not been in it, or its last checkpoint cannot be read.
pub fn stage_file(folder: &RunFolder, name: &str) -> Result<PathBuf, StagedError> {
    let (ended, last) = (folder.stage(name), folder.last());
    let checkpoint = Checkpoint::load(&last).map_err(FinetuneError::from)?;
    match stage_of(&checkpoint).map_err(FinetuneError::from)? {
        Some(stage) if stage == name => Ok(last),
        _ if ended.is_file() => Ok(ended),
        stage => {
            let (run, name) = (folder.path().display().to_string(), name.to_owned());
            Err(StagedError::NotThere { run, name, stage })
        }
    }
}

/// The config of the whole run that a checkpoint of a run with stages is of.
///
/// # Errors
/// If what it says is damaged.
pub fn whole_config(checkpoint: &Checkpoint) -> Result<Option<Config>, CheckpointError> {
    checkpoint.meta.contains_key(WHOLE).then(|| checkpoint.meta(WHOLE)).transpose()
}

/// Where in its stages a run was.
pub(super) fn place(checkpoint: &Checkpoint) -> Result<Option<Place>, CheckpointError> {
    checkpoint.meta.contains_key(STAGE).then(|| checkpoint.meta(STAGE)).transpose()
}
