//! Delta coding: spikes tell how much the observation has changed.

use serde::{Deserialize, Serialize};

use super::signal::{Encoded, Encoder, Moment, Signal};
use crate::error::{SnnError, check};
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};

/// Two sources per observation (send-on-delta). The first spikes once for each `threshold` by which the
/// observation has risen above a reference, and the second once for each by which it has fallen. The
/// reference moves by the same amount. The spikes of a control step come in its first ticks, at most one per
/// tick. The rest is left for the next control step. The reference starts at 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delta {
    /// Change per spike, > 0. Default 0.1.
    pub threshold: f32,
}

impl Default for Delta {
    fn default() -> Self {
        Self { threshold: 0.1 }
    }
}

impl Encoder for Delta {
    fn check(&self) -> Result<(), SnnError> {
        check(|| "encoder.threshold".into(), self.threshold, self.threshold > 0.0, "finite and above 0")
    }

    fn width(&self, inputs: usize) -> usize {
        2 * inputs
    }

    fn memory(&self, inputs: usize) -> usize {
        inputs
    }

    fn encode(&self, moment: Moment, x: &[f32], memory: &mut [f32], signal: &mut Signal) {
        for (source, (&value, reference)) in x.iter().zip(memory).enumerate() {
            let change = value - *reference;
            let count = ((change.abs() / self.threshold) as usize).min(moment.ticks);
            let off = usize::from(change < 0.0);
            for tick in 0..count {
                signal.spike(2 * x.len(), tick, 2 * source + off);
            }
            *reference += count as f32 * self.threshold.copysign(change);
        }
    }

    fn graph(&self, graph: &mut Graph, x: &Value, inputs: usize, ticks: usize) -> Result<Encoded, OnnxError> {
        let reference = graph.state("encoder.reference", &[inputs], vec![0.0]);
        let change = graph.op("Sub", &[x, &reference]);
        let [threshold, most, zero] = [self.threshold, ticks as f32, 0.0].map(|x| graph.number(x));
        let count = graph.op("Abs", &[&change]);
        let count = graph.op("Div", &[&count, &threshold]);
        let count = graph.op("Floor", &[&count]);
        let count = graph.op("Min", &[&count, &most]);
        let fallen = graph.op("Less", &[&change, &zero]);
        let risen = graph.op("Not", &[&fallen]);
        let down = graph.op("Neg", &[&threshold]);
        let by = graph.op("Where", &[&fallen, &down, &threshold]);
        let by = graph.op("Mul", &[&count, &by]);
        let reference = graph.op("Add", &[&reference, &by]);
        graph.next("encoder.reference", &reference);
        let spikes = (0..ticks).map(|tick| {
            let tick = graph.number(tick as f32);
            let fires = graph.op("Less", &[&tick, &count]);
            let [up, down] = [&risen, &fallen].map(|side| {
                let fires = graph.op("And", &[&fires, side]);
                let fires = graph.cast(&fires, false);
                graph.unsqueeze(&fires, 2)
            });
            // Sources of one observation follow each other.
            let pairs = graph.concat(&[&up, &down], 2);
            graph.flatten(&pairs)
        });
        Ok(Encoded::Spikes(spikes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_add_up_to_the_observation() {
        let (encoder, mut memory) = (Delta { threshold: 0.25 }, [0.0; 2]);
        let mut sums = [0.0; 2];
        for (step, x) in [[0.6, -3.0], [0.6, -3.0], [-0.3, 0.1], [-0.3, 0.1], [-0.3, 0.1]].iter().enumerate()
        {
            let mut signal = Signal { spikes: vec![0; 4], ..Signal::default() };
            let moment = Moment { seed: 0, step: step as u64, ticks: 4 };
            encoder.encode(moment, x, &mut memory, &mut signal);
            for row in &signal.spikes {
                for (source, sum) in sums.iter_mut().enumerate() {
                    *sum += 0.25 * ((row >> (2 * source) & 1) as f32 - (row >> (2 * source + 1) & 1) as f32);
                }
            }
            assert_eq!(sums, memory);
        }
        assert!((memory[0] + 0.3).abs() < 0.25 && (memory[1] - 0.1).abs() < 0.25, "{memory:?}");
        // A NaN neither spikes nor panics.
        let mut signal = Signal { spikes: vec![0; 4], ..Signal::default() };
        encoder.encode(Moment { seed: 0, step: 9, ticks: 4 }, &[f32::NAN, 0.1], &mut memory, &mut signal);
        assert_eq!(signal.spikes, [0; 4]);
    }
}
