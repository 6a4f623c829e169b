//! Quality diversity in a run: what its archive is told, shows and leaves.

use records::checkpoint::Checkpoint;
use strategies::{Archive, Search, StrategyConfig};

use crate::config::Config;
use crate::policy::{check_layout, layout};
use crate::rollout::Episode;
use crate::setup::{Setup, TrainError};
use crate::stored_search::state_of;

/// Columns of the metrics: part of the cells that are filled, Σ (fitness − `qd_offset`) and the highest fitness over them.
pub(crate) const COLUMNS: [&str; 3] = ["coverage", "qd_score", "archive_max"];

/// The strategy of a config; with the task's ranges for its archive, unless it has its own.
pub(crate) fn strategy(config: &Config, setup: &Setup) -> StrategyConfig {
    let search = config.search();
    let own = search.archive().is_none_or(|shape| !shape.ranges.is_empty());
    match &setup.descriptors {
        Some(descriptors) if !own => search.with_ranges(&descriptors.ranges()),
        _ => search.into_owned(),
    }
}

/// The descriptors of each member, `each` of them: means over its `per` episodes.
pub(crate) fn descriptors(episodes: &[Episode], per: usize, each: usize) -> Vec<f64> {
    let mean = |own: &[Episode], k: usize| own.iter().map(|e| e.descriptors[k]).sum::<f64>() / per as f64;
    episodes.chunks(per).flat_map(|own| (0..each).map(move |k| mean(own, k))).collect()
}

/// The cells of the columns.
pub(crate) fn cells(archive: &Archive) -> [f64; 3] {
    let best = archive.best().map_or(f64::NAN, |(_, elite)| elite.fitness);
    [archive.coverage(), archive.qd_score(), best]
}

/// The archive of a checkpoint of a run; none if it has none.
///
/// # Errors
/// A checkpoint that does not fit the config.
pub(crate) fn archive_of(
    checkpoint: &Checkpoint,
    config: &Config,
    setup: &Setup,
) -> Result<Option<Archive>, TrainError> {
    if config.search().archive().is_none() {
        return Ok(None);
    }
    check_layout(checkpoint, &layout(setup.controller.as_ref()))?;
    let x0 = vec![0.0; setup.controller.layout().len()];
    let mut search: Search<f32> = strategy(config, setup).build(&x0, config.run.seed)?;
    search.restore(&state_of(checkpoint)?)?;
    Ok(search.archive().cloned())
}
