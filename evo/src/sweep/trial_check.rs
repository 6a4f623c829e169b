//! Trials that would fail, found before any is started.

use records::checkpoint::Checkpoint;
use training::gradient::Teachers;
use training::stages;

use super::check;
use super::error::SweepError;
use super::names::trial_name;
use super::plan::Plan;

/// Combinations that are built before the start; each takes some milliseconds.
const BUILT_MAX: usize = 1000;

/// Checks the combinations of values that are known before the first result, at most `BUILT_MAX`.
///
/// # Errors
/// The first trial that cannot run, and why.
pub fn check_trials(
    plan: &Plan,
    init: Option<&Checkpoint>,
    teachers: &mut Teachers,
) -> Result<(), SweepError> {
    for trial in plan.known().into_iter().take(BUILT_MAX) {
        let base = plan.bases[trial.base].config.clone();
        let failed = |message| SweepError::Trial { trial: trial_name(trial.number), message };
        let changed = stages::apply(base, &trial.sets).map_err(|error| failed(error.to_string()))?;
        check::config(&changed, init, teachers).map_err(|error| {
            let sets = trial.sets.join(", ");
            failed(if sets.is_empty() { error.to_string() } else { format!("with {sets}: {error}") })
        })?;
    }
    Ok(())
}
