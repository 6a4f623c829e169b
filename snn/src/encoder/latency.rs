//! Latency coding: the larger the observation, the earlier its one spike.

use serde::{Deserialize, Serialize};

use super::signal::{Encoder, Moment, Signal, share};
use crate::error::{SnnError, check};

/// One spike per source and control step, in tick `round((1 − u)·(ticks − 1))` with
/// `u = (x + limit) / (2 · limit)` clamped to [0, 1], as in Spyx's `latency_code`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// Observation whose spike comes first, > 0; its negative comes last. Default 3.
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
