//! What can go wrong in a training with stages.

use crate::gradient::FinetuneError;
use crate::stages::resolve::StageError;

/// Why a training with stages cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum StagedError {
    /// A stage is not what it must be.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// There is no such stage.
    #[error("no stage '{name}' (valid: {})", .valid.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        valid: Vec<String>,
    },
    /// A run has not been in a stage.
    #[error("{run} has no stage '{name}' yet; {}", now(.stage.as_deref()))]
    NotThere {
        /// The run.
        run: String,
        /// The stage.
        name: String,
        /// The one that it is in, if it has stages.
        stage: Option<String>,
    },
    /// A stage cannot be trained.
    #[error("stage '{name}': {source}")]
    In {
        /// The stage.
        name: String,
        /// Why not.
        source: Box<FinetuneError>,
    },
    /// The training cannot be done.
    #[error(transparent)]
    Learner(Box<FinetuneError>),
}

impl From<FinetuneError> for StagedError {
    fn from(error: FinetuneError) -> Self {
        Self::Learner(Box::new(error))
    }
}

fn now(stage: Option<&str>) -> String {
    stage.map_or_else(|| "it has no stages".to_owned(), |stage| format!("it is in '{stage}'"))
}
