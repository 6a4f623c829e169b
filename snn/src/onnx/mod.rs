//! ONNX: whole policies as files that other runtimes read.
//!
//! A [`Graph`] is built value by value. A [`Controller`](crate::Controller) adds itself between an observation and an
//! action; what persists from one control step to the next becomes inputs and outputs of the file ([`State`]). All
//! nodes are of the standard operators of version [`OPSET`]. They compute what an evaluator computes, in the same order
//! where the order matters, so that a runtime that rounds each operation by itself gives the same spikes.

pub(crate) mod error;
pub(crate) mod functions;
pub(crate) mod graph;
mod neurons;
mod proto;
pub(crate) mod spiking;
mod synapses;

pub use error::OnnxError;
pub use graph::{Graph, OPSET, State, Value};
