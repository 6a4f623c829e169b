//! The front of a run with several objectives: what it shows and leaves.

use records::checkpoint::Checkpoint;
use strategies::{Front, Search};

use crate::config::Config;
use crate::policy::{check_layout, layout};
use crate::setup::{Setup, TrainError};
use crate::stored_search::state_of;

/// Columns of the metrics: members that no other dominates, and the volume that they dominate.
pub(crate) const COLUMNS: [&str; 2] = ["front", "hypervolume"];

/// The cells of the columns.
pub(crate) fn cells(front: &Front) -> [f64; 2] {
    [front.points.len() as f64, front.hypervolume()]
}

/// The front of a checkpoint of a run; none if its strategy has one objective.
///
/// # Errors
/// A checkpoint that does not fit the config.
pub(crate) fn front_of(
    checkpoint: &Checkpoint,
    config: &Config,
    setup: &Setup,
) -> Result<Option<Front>, TrainError> {
    if setup.objectives.is_none() {
        return Ok(None);
    }
    check_layout(checkpoint, &layout(setup.controller.as_ref()))?;
    let strategy = config.search();
    let x0 = strategy.start(vec![0.0; setup.controller.layout().len()]);
    let mut search: Search<f32> = strategy.build(&x0, config.run.seed)?;
    search.restore(&state_of(checkpoint)?)?;
    Ok(search.front())
}
