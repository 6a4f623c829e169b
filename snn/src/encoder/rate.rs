//! Rate coding: independent random spikes.

use serde::{Deserialize, Serialize};

use super::signal::{Encoded, Encoder, Moment, Signal, share};
use crate::error::{SnnError, check};
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};
use crate::wiring::uniform;

/// In each tick a source spikes with probability `rate · (x + limit) / (2 · limit)`, clamped to [0, rate]:
/// Bernoulli spikes as in snnTorch's `spikegen.rate`. Draws depend only on the episode's seed, the tick and
/// the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rate {
    /// Probability at `limit` and above, in (0, 1]. Default 0.75.
    pub rate: f32,
    /// Observation at which the rate is full, > 0; at its negative, a source is silent. Default 3.
    pub limit: f32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { rate: 0.75, limit: 3.0 }
    }
}

impl Encoder for Rate {
    fn check(&self) -> Result<(), SnnError> {
        let valid = self.rate > 0.0 && self.rate <= 1.0;
        check(|| "encoder.rate".into(), self.rate, valid, "above 0 and at most 1")?;
        check(|| "encoder.limit".into(), self.limit, self.limit > 0.0, "finite and above 0")
    }

    fn width(&self, inputs: usize) -> usize {
        inputs
    }

    fn encode(&self, moment: Moment, x: &[f32], _: &mut [f32], signal: &mut Signal) {
        for tick in 0..moment.ticks {
            let stream = moment.step * moment.ticks as u64 + tick as u64;
            for (source, &value) in x.iter().enumerate() {
                let probability = self.rate * share(value, self.limit);
                if uniform(moment.seed, stream, source as u64) < f64::from(probability) {
                    signal.spike(x.len(), tick, source);
                }
            }
        }
    }

    fn graph(&self, _: &mut Graph, _: &Value, _: usize, _: usize) -> Result<Encoded, OnnxError> {
        Err(OnnxError::new(
            "the encoder 'Rate'",
            "it draws its spikes from a random stream of the episode; those that draw nothing can be carried: \
             Current, Population, Latency, Delta",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_spikes_is_the_probability() {
        let encoder = Rate { rate: 0.8, limit: 2.0 };
        let (x, mut counts) = ([-2.0, 0.0, 1.0, 5.0, f32::NAN], [0_u32; 5]);
        for step in 0..2000 {
            let mut signal = Signal { spikes: vec![0; 4], ..Signal::default() };
            encoder.encode(Moment { seed: 3, step, ticks: 4 }, &x, &mut [], &mut signal);
            for row in &signal.spikes {
                for (source, count) in counts.iter_mut().enumerate() {
                    *count += (row >> source & 1) as u32;
                }
            }
        }
        for (count, rate) in counts.into_iter().zip([0.0, 0.4, 0.6, 0.8, 0.0]) {
            assert!((f64::from(count) / 8000.0 - rate).abs() < 0.02, "{count} of 8000 for {rate}");
        }
    }
}
