//! What a decoder is.

use std::collections::BTreeMap;

use crate::error::SnnError;
use crate::onnx::graph::{Graph, Value};
use crate::real::Real;
use crate::scope::Scope;

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
    /// Whether its state is a sum over the ticks, which the range of states must not cut off.
    pub(crate) sums: bool,
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

    /// From the values of the readout to one value per action; see [`DecoderConfig::decode`](super::DecoderConfig::decode).
    fn decode<T: Real>(&self, ticks: usize, readout: &[T], memory: &mut [T], out: &mut [T]);

    /// The derivatives of [`decode`](Self::decode); see [`DecoderConfig::pull`](super::DecoderConfig::pull).
    fn pull<T: Real>(&self, ticks: usize, readout: &[T], out: &[T], memory: &mut [T], adjoints: &mut [T]);

    /// Adds [`decode`](Self::decode) to a graph, for so many actions.
    fn graph(&self, graph: &mut Graph, ticks: usize, readout: &Value, outputs: usize) -> Value;

    /// Whether `tanh(value + bias)` follows; else values are actions in [−1, 1] already.
    fn squash(&self) -> bool {
        true
    }
}

pub(crate) static NO_PARAMETERS: BTreeMap<String, f64> = BTreeMap::new();
pub(crate) static NO_SCOPES: BTreeMap<String, Scope> = BTreeMap::new();

/// The readout of decoders that sum over the ticks.
pub(super) fn sum() -> Readout<'static> {
    let (parameters, evolve) = (&NO_PARAMETERS, &NO_SCOPES);
    Readout { model: SUM, parameters, evolve, clear: true, sums: true, fixed: None, width: 1 }
}
