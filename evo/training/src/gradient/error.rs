//! What can go wrong in training by gradient.

use envs::EnvError;
use records::checkpoint::CheckpointError;
use snn::gradient::GradientError;
use snn::{BackendError, SnnError};

use crate::field::InvalidField;
#[cfg(not(target_arch = "wasm32"))]
use crate::gradient::labels::data::DataError;
use crate::rollout::RolloutError;
use crate::setup::TrainError;

/// A training that cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum FinetuneError {
    /// A config value is out of range.
    #[error(transparent)]
    Config(#[from] InvalidField),
    /// The data set cannot be had.
    #[cfg(not(target_arch = "wasm32"))]
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network has no gradient, or something is not finite.
    #[error(transparent)]
    Gradient(#[from] GradientError),
    /// The critic has no gradient, or a setting of it is wrong.
    #[error("critic: {0}")]
    Critic(GradientError),
    /// The controller cannot be built.
    #[error(transparent)]
    Controller(#[from] SnnError),
    /// Task, physics or checkpoint do not fit.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A checkpoint lacks something.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The worlds cannot be made.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// Episodes cannot be run.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// The graphics adapter was lost; never on the CPU.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The teacher does not fit the student's world.
    #[error("teacher {path}: {reason}")]
    Teacher {
        /// Run, checkpoint or recording.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A data set that the network does not fit.
    #[error("{0}")]
    Shape(String),
}

impl From<FinetuneError> for TrainError {
    fn from(error: FinetuneError) -> Self {
        match error {
            FinetuneError::Config(error) => Self::Config(error),
            other => Self::Refine(Box::new(other)),
        }
    }
}
