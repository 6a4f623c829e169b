//! What can go wrong in running episodes.

use envs::EnvError;
use snn::BackendError;

use crate::ranks::RanksError;

/// Why episodes cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// The worlds cannot be made.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The graphics adapter refuses, or was lost.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The ranks cannot go on together.
    #[error(transparent)]
    Ranks(#[from] RanksError),
    /// Only spiking networks have a kernel.
    #[error("this controller has no GPU kernel; valid: --backend cpu, or a controller Snn(…)")]
    NoKernel,
    /// Observers need controllers on the CPU.
    #[error("episodes can be observed on the CPU only")]
    NotObservable,
}
