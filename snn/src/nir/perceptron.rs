//! From a perceptron to a graph: a chain of Affine nodes.
//!
//! NIR has no node for what lies between them. Each node says it in its metadata (`activation`), which
//! [`Executor`](super::Executor) follows.

use super::error::NirError;
use super::graph::{Array, Graph, Metadata, Node, NodeKind, Value};

/// Key of a node's metadata: what is made of its output.
pub(super) const ACTIVATION: &str = "activation";

/// A function of one value that follows a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinearity {
    /// [`tanh`](crate::tanh).
    Tanh,
    /// The larger of x and 0.
    Relu,
}

impl Nonlinearity {
    /// Name in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tanh => "tanh",
            Self::Relu => "relu",
        }
    }

    /// Replaces each value by the function's.
    pub(super) fn apply(self, values: &mut [f32]) {
        match self {
            Self::Tanh => values.iter_mut().for_each(|x| *x = crate::lanes::tanh(*x)),
            Self::Relu => values.iter_mut().for_each(|x| *x = x.max(0.0)),
        }
    }

    /// What the metadata of a node `name` ask for.
    pub(super) fn of(name: &str, node: &Node) -> Result<Option<Self>, NirError> {
        let known = match (&node.kind, node.metadata.get(ACTIVATION)) {
            (NodeKind::Affine { .. } | NodeKind::Linear { .. }, Some(Value::Array(array))) => array.text(),
            _ => None,
        };
        let Some(text) = known else { return Ok(None) };
        match [Self::Tanh, Self::Relu].into_iter().find(|function| function.name() == text) {
            Some(function) => Ok(Some(function)),
            None => {
                let kind = node.kind.name();
                let problem = format!(
                    "node '{name}' ({kind}) has the activation '{text}' in its metadata; valid: tanh, relu"
                );
                Err(NirError::Graph { problem })
            }
        }
    }
}

/// A perceptron.
#[derive(Clone, Debug, PartialEq)]
pub struct Perceptron {
    /// Values of the input.
    pub inputs: usize,
    /// Seconds per run of the graph, above 0.
    pub dt: f64,
    /// From the input to the output, at least one.
    pub layers: Vec<Affine>,
    /// Notes beside `dt` and `producer`.
    pub metadata: Metadata,
}

/// `y = activation(weight·x + bias)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// Name of the node, unique.
    pub name: String,
    /// `[target][source]`.
    pub weight: Vec<f32>,
    /// One per target.
    pub bias: Vec<f32>,
    /// What follows; of the last layer it is left to who runs the file.
    pub activation: Option<Nonlinearity>,
}

/// The graph of a perceptron: `input → hidden_0 → … → readout → output`.
#[must_use]
pub fn graph(perceptron: &Perceptron) -> Graph {
    let mut graph = Graph { metadata: perceptron.metadata.clone(), ..Graph::default() };
    graph.metadata.insert("dt".to_owned(), perceptron.dt.into());
    graph.metadata.insert("producer".to_owned(), concat!("spindle ", env!("CARGO_PKG_VERSION")).into());
    graph.add("input", NodeKind::Input { shape: vec![perceptron.inputs] });
    let (mut from, mut size) = ("input".to_owned(), perceptron.inputs);
    for layer in &perceptron.layers {
        size = layer.bias.len();
        let weight = Array::matrix(size, layer.weight.clone());
        let mut node = Node::from(NodeKind::Affine { weight, bias: layer.bias.clone().into() });
        if let Some(activation) = layer.activation {
            node.metadata.insert(ACTIVATION.to_owned(), activation.name().into());
        }
        graph.nodes.insert(layer.name.clone(), node);
        graph.connect(&from, &layer.name);
        from.clone_from(&layer.name);
    }
    graph.add("output", NodeKind::Output { shape: vec![size] });
    graph.connect(&from, "output");
    graph
}
