//! The names of the panels.

use serde::{Deserialize, Serialize};

/// A panel that the layout can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pane {
    /// The robot.
    Scene,
    /// Spikes of all neurons.
    Raster,
    /// The membrane of the selected neuron.
    Neuron,
    /// Neurons and their connections.
    Network,
    /// Histograms of the weights.
    Weights,
    /// Observations.
    Observations,
    /// Actions.
    Actions,
    /// Reward terms.
    Rewards,
    /// Any channels in one plot.
    Plot,
    /// Learning curves of the run.
    Run,
    /// The archive or the front of the run.
    Map,
    /// What can be changed by hand.
    Controls,
}

impl Pane {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Scene,
        Self::Raster,
        Self::Neuron,
        Self::Network,
        Self::Weights,
        Self::Observations,
        Self::Actions,
        Self::Rewards,
        Self::Plot,
        Self::Run,
        Self::Map,
        Self::Controls,
    ];

    /// Title of its tab.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Scene => "Scene",
            Self::Raster => "Spikes",
            Self::Neuron => "Neuron",
            Self::Network => "Network",
            Self::Weights => "Weights",
            Self::Observations => "Observations",
            Self::Actions => "Actions",
            Self::Rewards => "Reward",
            Self::Plot => "Plot",
            Self::Run => "Run",
            Self::Map => "Map",
            Self::Controls => "Controls",
        }
    }
}
