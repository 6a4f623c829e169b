//! Decoders: from the spikes of the last layer to actions. To add one: copy `count.rs`, and list it
//! in [`DecoderConfig`] and below it.
//!
//! A decoder has two parts. In the network the *readout* is a population of neurons that do not
//! spike, driven by the last hidden layer like any other; its first state is the value that leaves
//! the network. What follows once per control step runs on the host.

mod count;
mod membrane;
mod population;
mod rate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::SnnError;
use crate::scope::Scope;

pub use count::Count;
pub use membrane::Membrane;
pub use population::PopulationVector;
pub use rate::FilteredRate;

/// How the spikes of the last hidden layer become actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DecoderConfig {
    /// Membrane potential of a leaky neuron per action after the last tick.
    Membrane(Membrane),
    /// Weighted firing rate, filtered from one control step to the next.
    Rate(FilteredRate),
    /// Weighted number of spikes in the control step.
    Count(Count),
    /// Mean preferred value of the neurons that spiked, without weights.
    Population(PopulationVector),
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self::Membrane(Membrane::default())
    }
}

impl DecoderConfig {
    pub(crate) fn decoder(&self) -> &dyn Decoder {
        match self {
            Self::Membrane(decoder) => decoder,
            Self::Rate(decoder) => decoder,
            Self::Count(decoder) => decoder,
            Self::Population(decoder) => decoder,
        }
    }
}

/// Sums its input over the ticks of a control step.
pub(crate) const SUM: &str = "model sum \"sum of the input\"\nstate r = 0 \"sum\"\nr = r + I\n";

/// The readout population that a decoder wants.
pub(crate) struct Readout<'a> {
    /// Name or text of a model that does not spike.
    pub(crate) model: &'a str,
    pub(crate) parameters: &'a BTreeMap<String, f64>,
    pub(crate) evolve: &'a BTreeMap<String, Scope>,
    /// Whether its state starts anew with each control step.
    pub(crate) clear: bool,
    /// Weights `[neurons of the last layer][outputs of the readout]` that are not evolved; then there
    /// is no bias either.
    pub(crate) fixed: Option<fn(usize, usize) -> Vec<f32>>,
    /// Readout neurons per action.
    pub(crate) width: usize,
}

/// One way of decoding.
pub(crate) trait Decoder {
    /// Checks the fields.
    fn check(&self) -> Result<(), SnnError>;

    /// What the network computes.
    fn readout(&self) -> Readout<'_>;

    /// Turns the readout's values of one individual into one value per action, in place at the front.
    /// `memory` has one value per action, 0 at the start of an episode.
    fn finish(&self, ticks: usize, values: &mut [f32], memory: &mut [f32]);

    /// Whether `tanh(value + bias)` follows; else values are actions in [−1, 1] already.
    fn squash(&self) -> bool {
        true
    }
}

pub(crate) static NO_PARAMETERS: BTreeMap<String, f64> = BTreeMap::new();
pub(crate) static NO_SCOPES: BTreeMap<String, Scope> = BTreeMap::new();

/// The readout of decoders that sum over the ticks.
fn sum() -> Readout<'static> {
    Readout { model: SUM, parameters: &NO_PARAMETERS, evolve: &NO_SCOPES, clear: true, fixed: None, width: 1 }
}
