//! A controller in the terms of NIR, of either kind.

use super::error::NirError;
use super::graph::{Graph, Metadata, Value};
use super::perceptron::Perceptron;
use super::{export, perceptron};

/// A controller in the terms of NIR.
#[derive(Clone, Debug, PartialEq)]
pub enum Exported {
    /// A spiking network.
    Spiking(export::Network),
    /// A perceptron.
    Perceptron(Perceptron),
    /// A network in continuous time, for a time step that its metadata have.
    Events(Graph),
}

impl Exported {
    /// Notes of the graph.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::Spiking(network) => &network.metadata,
            Self::Perceptron(perceptron) => &perceptron.metadata,
            Self::Events(graph) => &graph.metadata,
        }
    }

    /// Adds a note.
    pub fn note(&mut self, key: &str, value: Value) {
        let metadata = match self {
            Self::Spiking(network) => &mut network.metadata,
            Self::Perceptron(perceptron) => &mut perceptron.metadata,
            Self::Events(graph) => &mut graph.metadata,
        };
        metadata.insert(key.to_owned(), value);
    }

    /// The graph.
    ///
    /// # Errors
    /// As [`export::export`].
    pub fn graph(&self) -> Result<Graph, NirError> {
        match self {
            Self::Spiking(network) => export::export(network),
            Self::Perceptron(perceptron) => Ok(perceptron::graph(perceptron)),
            Self::Events(graph) => Ok(graph.clone()),
        }
    }
}
