//! Which parameters are evolved.

use serde::{Deserialize, Serialize};

/// How a neuron parameter varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// It does not vary: the value of the config.
    Fixed,
    /// One evolved value for the layer.
    Layer,
    /// One evolved value for each neuron.
    Neuron,
}
