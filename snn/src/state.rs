//! What one individual carries from one control step to the next.

use serde::{Deserialize, Serialize};

/// What one individual remembers between control steps. Whoever is given one checks its lengths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkState {
    /// State variables: per population, per variable, per neuron.
    pub states: Vec<f32>,
    /// Bit-packed spikes of the ticks that still matter: per hidden layer, oldest first.
    pub spikes: Vec<u64>,
    /// Memory of the encoder.
    pub encoder: Vec<f32>,
    /// Memory of the decoder.
    pub decoder: Vec<f32>,
    /// Control steps since the reset.
    pub steps: u64,
}
