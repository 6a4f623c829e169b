//! What a path leads to.

use std::path::{Path, PathBuf};

use records::checkpoint::{Checkpoint, CheckpointError};
use records::folder::{RunFolder, RunFolderError};
use records::text::{self, ConfigError};

use crate::data::rollout_file::is_rollout;

/// Something that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A run folder.
    Run(PathBuf),
    /// A recorded file.
    Rollout(PathBuf),
    /// A checkpoint.
    Checkpoint(PathBuf),
    /// A config: its robot, with an untrained controller.
    Config(PathBuf),
}

/// Why a path cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing is there.
    #[error("{path} does not exist; give a run folder, a recording, a checkpoint or a config")]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A folder without a run.
    #[error(transparent)]
    Run(#[from] RunFolderError),
    /// A damaged, newer or foreign file.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// A config that does not exist.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Source {
    /// Finds out what is at `path`, and reads it if it is a recording or a checkpoint; configs are also
    /// looked for by their name.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub fn detect(path: &Path) -> Result<(Self, Option<Checkpoint>), SourceError> {
        if path.is_dir() {
            return Ok((Self::Run(RunFolder::open(path)?.path().to_owned()), None));
        }
        if path.extension().is_some_and(|extension| extension == "ron") {
            return Ok((Self::Config(text::find(path)?), None));
        }
        if !path.exists() {
            return Err(SourceError::Missing { path: path.to_owned() });
        }
        let file = Checkpoint::load(path)?.told();
        Ok((Self::of(&file, path), Some(file)))
    }

    /// What a file that has been read from `path` is.
    #[must_use]
    pub fn of(file: &Checkpoint, path: &Path) -> Self {
        let path = path.to_owned();
        if is_rollout(file) { Self::Rollout(path) } else { Self::Checkpoint(path) }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        let (Self::Run(path) | Self::Rollout(path) | Self::Checkpoint(path) | Self::Config(path)) = self;
        path
    }

    /// What it is, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Rollout(_) => "recording",
            Self::Checkpoint(_) => "checkpoint",
            Self::Config(_) => "config",
        }
    }
}
