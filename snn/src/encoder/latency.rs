//! Latency coding: the larger the observation, the earlier its one spike.

use serde::{Deserialize, Serialize};

use super::signal::{Encoded, Encoder, Moment, Signal, share, share_in};
use crate::error::{SnnError, check};
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};

/// One spike per source and control step, in tick `round((1 − u)·(ticks − 1))` with
/// `u = (x + limit) / (2 · limit)` clamped to [0, 1], as in Spyx's `latency_code`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// Observation whose spike comes first, > 0; the spike of its negative comes last. Default 3.
    pub limit: f32,
}

impl Default for Latency {
    fn default() -> Self {
        Self { limit: 3.0 }
    }
}

impl Encoder for Latency {
    fn check(&self) -> Result<(), SnnError> {
        check(|| "encoder.limit".into(), self.limit, self.limit > 0.0, "finite and above 0")
    }

    fn width(&self, inputs: usize) -> usize {
        inputs
    }

    fn encode(&self, moment: Moment, x: &[f32], _: &mut [f32], signal: &mut Signal) {
        for (source, &value) in x.iter().enumerate() {
            let late = (1.0 - share(value, self.limit)) * (moment.ticks - 1) as f32;
            signal.spike(x.len(), late.round() as usize, source);
        }
    }

    fn graph(&self, graph: &mut Graph, x: &Value, _: usize, ticks: usize) -> Result<Encoded, OnnxError> {
        let share = share_in(graph, x, self.limit);
        let [one, last, half] = [1.0, (ticks - 1) as f32, 0.5].map(|x| graph.number(x));
        let late = graph.op("Sub", &[&one, &share]);
        let late = graph.op("Mul", &[&late, &last]);
        // Halves go up; a half more is exact in 64 bits.
        let (late, half) = (graph.cast(&late, true), graph.cast(&half, true));
        let late = graph.op("Add", &[&late, &half]);
        let late = graph.op("Floor", &[&late]);
        let late = graph.cast(&late, false);
        let spikes = (0..ticks).map(|tick| {
            let tick = graph.number(tick as f32);
            let fires = graph.op("Equal", &[&late, &tick]);
            graph.cast(&fires, false)
        });
        Ok(Encoded::Spikes(spikes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_is_earlier() {
        let moment = Moment { seed: 0, step: 0, ticks: 5 };
        let mut signal = Signal { spikes: vec![0; 5], ..Signal::default() };
        let x = [9.0, 3.0, 1.5, 0.0, -3.0, -9.0];
        Latency::default().encode(moment, &x, &mut [], &mut signal);
        assert_eq!(signal.spikes, [0b11, 0b100, 0b1000, 0, 0b11_0000]);
    }
}
