//! What would fail in a worker, found before any is started.

use super::SweepError;
use super::plan::Plan;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::patch;
use crate::trainer::{Setup, TrainError, Which, start_from};

/// Combinations that are built before the start; each takes some milliseconds.
const BUILT_MAX: usize = 1000;

/// Builds what a run is made of, but for its worlds and the state of its search.
///
/// # Errors
/// Whatever is out of range, does not fit together, or does not go with the checkpoint to start from.
pub(super) fn config(config: &Config, init: Option<&Checkpoint>) -> Result<(), TrainError> {
    let setup = Setup::new(config)?;
    config.strategy.validate()?;
    if let Some(checkpoint) = init {
        start_from(checkpoint, &setup, Which::Mean, config)?;
    }
    Ok(())
}

impl Plan {
    /// Checks the combinations of values that are known before the first result, at most [`BUILT_MAX`].
    ///
    /// # Errors
    /// The first trial that cannot run, and why.
    pub fn check(&self, init: Option<&Checkpoint>) -> Result<(), SweepError> {
        for trial in self.known().into_iter().take(BUILT_MAX) {
            let base = self.bases[trial.base].config.clone();
            let failed = |message| SweepError::Trial { trial: super::trial_name(trial.number), message };
            let changed = patch::apply(base, &trial.sets).map_err(|error| failed(error.to_string()))?;
            config(&changed, init).map_err(|error| {
                let sets = trial.sets.join(", ");
                failed(if sets.is_empty() { error.to_string() } else { format!("with {sets}: {error}") })
            })?;
        }
        Ok(())
    }
}
