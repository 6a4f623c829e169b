//! What differs between the precisions on the CPU: how weights are stored and summed.

use std::ops::Range;

use super::plan::{Plan, Row};
use crate::lanes::Lanes;
use crate::network::{Network, Projection};
use crate::vector::Vector;

/// What the sources of a projection did in a tick.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Currents(&'a [f32]),
    /// Ascending indices of those that spiked.
    Spikes(&'a [u16]),
}

/// What both ends of a projection did in a tick.
#[derive(Clone, Copy)]
pub(crate) struct Activities<'a> {
    pub(crate) source: Source<'a>,
    /// Spikes as 0 or 1, or values, with 0 in the padding.
    pub(crate) targets: &'a [Lanes],
}

/// The weights of `slots` individuals, laid out by a [`Plan`].
pub(crate) trait Synapses: Send {
    /// Rows are padded to multiples of so many columns.
    const PAD: usize;

    /// Zero weights.
    fn new(network: &Network, plan: &Plan, slots: usize) -> Self;

    /// Takes the memory of the weights; called before all else, and not before there is need: whoever only
    /// builds an evaluator, to see whether that goes, is done at once.
    fn claim(&mut self, _network: &Network) {}

    /// Sets the weights of one individual from its θ.
    fn load(&mut self, network: &Network, plan: &Plan, slot: usize, parameters: &[f32]);

    /// Replaces `out` by the currents that the encoder's `x` (and the bias) make through the
    /// projection with this index.
    fn currents<V: Vector>(
        &mut self,
        projection: &Projection,
        slot: usize,
        index: usize,
        x: &[f32],
        out: &mut [Lanes],
    );

    /// Adds the currents of `spikes`, ascending indices of the sources that spiked, to `out`.
    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: &[u16], out: &mut [Lanes]);

    /// Replaces some columns of `sums` by `start` and the sum of the rows of the neurons in `spikes`. Columns up to the
    /// next multiple of [`PAD`](Self::PAD) may change, too.
    fn sum<V: Vector>(
        &self,
        slot: usize,
        row: &Row,
        columns: Range<usize>,
        spikes: &[u64],
        start: &[Lanes],
        sums: &mut [Lanes],
    );

    /// Whether currents of up to `largest` before any spike can be summed in any order.
    fn any_order(&self, _slot: usize, _largest: f32) -> bool {
        true
    }

    /// Begins an episode of one individual.
    fn reset(&mut self, _network: &Network, _slot: usize) {}

    /// Changes the weights at the beginning of a control step; `modulators` as
    /// [`Rewards`](crate::plasticity::Rewards) gives them. Returns whether a change was infinite or no
    /// number.
    fn learn(&mut self, _network: &Network, _slot: usize, _modulators: &[f32]) -> bool {
        false
    }

    /// Takes note of what both ends of plastic projection `index` did in a tick.
    fn observe(&mut self, _network: &Network, _slot: usize, _index: usize, _seen: Activities<'_>) {}

    /// Connections out of each neuron of population `source`, where that is not the same for all
    /// individuals; else leaves `out` as it is.
    fn fan_out(&self, _network: &Network, _slot: usize, _source: usize, _out: &mut [u32]) {}
}
