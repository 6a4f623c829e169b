//! How far the solver's sweeps are from the forces that they look for: for those who look on, not for the engine.

use std::sync::Arc;

use super::dynamics::Group;
use super::table::Tables;
use super::work::{Run, Shared, Work};
use crate::{Model, StepOptions};

/// [`Worlds::solver_residual`](crate::Worlds::solver_residual) of the world in a lane: what one sweep more changes.
pub(super) fn residual<V: Run>(
    model: &Arc<Model>,
    options: StepOptions,
    group: &Group<V>,
    lane: usize,
) -> f32 {
    let forces = [0, 1].map(|more| {
        let options = StepOptions { substeps: 1, iterations: options.iterations + more, ..options };
        let tables = Tables::new(model, options);
        let mut work = Work::new(&tables, false, 0, 0);
        let shared = Shared { model: Arc::clone(model), tables, gauges: Vec::new(), touched: Vec::new() };
        let mut group = group.clone();
        V::step(&shared, &mut group, &mut work);
        [group.contact, group.limit, group.loss].map(|forces| of_lane(&forces, lane))
    });
    let [before, after] = &forces;
    before.iter().zip(after).map(|(before, after)| change(before, after)).fold(0.0, f32::max)
}

fn of_lane<V: Run>(forces: &[V], lane: usize) -> Vec<f32> {
    forces.iter().map(|force| force.lanes()[lane]).collect()
}

/// The largest change over the largest force.
fn change(before: &[f32], after: &[f32]) -> f32 {
    let most = |sizes: &mut dyn Iterator<Item = f32>| sizes.fold(0.0, f32::max);
    let largest = most(&mut after.iter().map(|force| force.abs()));
    let change = most(&mut before.iter().zip(after).map(|(a, b)| (a - b).abs()));
    if change > 0.0 { change / largest.max(f32::MIN_POSITIVE) } else { 0.0 }
}
