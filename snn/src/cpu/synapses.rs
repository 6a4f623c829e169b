//! What differs between the precisions on the CPU: how weights are stored and summed.

use crate::lanes::Lanes;
use crate::network::{Network, Projection};

/// Spikes of one population in one tick, in two forms.
#[derive(Clone, Copy)]
pub(crate) struct Spikes<'a> {
    /// Ascending indices of the neurons that spiked.
    pub(crate) indices: &'a [u16],
    /// The same, bit-packed.
    pub(crate) words: &'a [u64],
}

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

/// The weights of `slots` individuals.
pub(crate) trait Synapses: Send {
    /// Zero weights.
    fn new(network: &Network, slots: usize) -> Self;

    /// Takes the memory of the weights; called before all else, and not before there is need: whoever only
    /// builds an evaluator, to see whether that goes, is done at once.
    fn claim(&mut self, _network: &Network) {}

    /// Sets the weights of one individual from its θ.
    fn load(&mut self, network: &Network, slot: usize, parameters: &[f32]);

    /// Replaces `out` by the currents that the encoder's `x` (and the bias) make through the
    /// projection with this index.
    fn currents(&mut self, projection: &Projection, slot: usize, index: usize, x: &[f32], out: &mut [Lanes]);

    /// Adds the currents of `spikes` to `out`.
    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: Spikes<'_>, out: &mut [Lanes]);

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
