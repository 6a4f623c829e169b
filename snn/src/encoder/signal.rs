//! What an encoder is, and what it makes of an observation.

use crate::error::SnnError;
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};

/// When an observation is encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Of the episode.
    pub(crate) seed: u64,
    /// Control step of the episode, from 0.
    pub(crate) step: u64,
    /// Ticks per control step.
    pub(crate) ticks: usize,
}

/// What an encoder makes of one observation; only one of the two is used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal {
    /// One current per source, constant over the ticks.
    pub(crate) currents: Vec<f32>,
    /// Bit-packed spikes of the sources: a row of words per tick.
    pub(crate) spikes: Vec<u64>,
}

impl Signal {
    /// Sets the spike of `source` in `tick`, of rows for `width` sources.
    pub(super) fn spike(&mut self, width: usize, tick: usize, source: usize) {
        self.spikes[tick * width.div_ceil(64) + source / 64] |= 1 << (source % 64);
    }
}

/// One way of encoding. `memory` is what it keeps between control steps, all 0 at the start.
pub(crate) trait Encoder {
    /// Checks the fields.
    fn check(&self) -> Result<(), SnnError>;

    /// Number of sources for `inputs` observations.
    fn width(&self, inputs: usize) -> usize;

    /// Whether sources spike, rather than inject currents.
    fn spiking(&self) -> bool {
        true
    }

    /// Values of memory for `inputs` observations.
    fn memory(&self, _inputs: usize) -> usize {
        0
    }

    /// Encodes `x`. `signal.spikes` comes as zeros, `signal.currents` empty.
    fn encode(&self, moment: Moment, x: &[f32], memory: &mut [f32], signal: &mut Signal);

    /// Adds the same to a graph; `x` has `inputs` columns.
    ///
    /// # Errors
    /// If an encoder is random.
    fn graph(&self, graph: &mut Graph, x: &Value, inputs: usize, ticks: usize) -> Result<Encoded, OnnxError>;
}

/// What an encoder adds to a graph.
pub(crate) enum Encoded {
    /// One current per source, `[batch, sources]`.
    Currents(Value),
    /// Spikes of each tick as 1 or 0, `[batch, sources]`.
    Spikes(Vec<Value>),
}

/// Where `x` lies in ±`limit`, in [0, 1]; NaN counts as 0.
pub(super) fn share(x: f32, limit: f32) -> f32 {
    let share = 0.5 + 0.5 * x / limit;
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// [`share`] in a graph.
pub(super) fn share_in(graph: &mut Graph, x: &Value, limit: f32) -> Value {
    let (half, limit) = (graph.number(0.5), graph.number(limit));
    let share = graph.op("Mul", &[&half, x]);
    let share = graph.op("Div", &[&share, &limit]);
    let share = graph.op("Add", &[&half, &share]);
    graph.clip(&share, 0.0, 1.0)
}
