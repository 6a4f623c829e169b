//! Filtered rate: the spike count, smoothed over control steps.

use serde::{Deserialize, Serialize};

use super::{Decoder, Readout, sum};
use crate::error::{SnnError, check};

/// `rate ← decay·rate + (1 − decay)·count / ticks` once per control step, `action = tanh(rate + bias)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilteredRate {
    /// Share of the old rate that stays per control step, in [0, 1). Default 0.5.
    pub decay: f32,
}

impl Default for FilteredRate {
    fn default() -> Self {
        Self { decay: 0.5 }
    }
}

impl Decoder for FilteredRate {
    fn check(&self) -> Result<(), SnnError> {
        let valid = (0.0..1.0).contains(&self.decay);
        check(|| "decoder.decay".into(), self.decay, valid, "at least 0 and below 1")
    }

    fn readout(&self) -> Readout<'_> {
        sum()
    }

    fn finish(&self, ticks: usize, values: &mut [f32], memory: &mut [f32]) {
        for (value, rate) in values.iter_mut().zip(memory) {
            *rate = self.decay * *rate + (1.0 - self.decay) * (*value / ticks as f32);
            *value = *rate;
        }
    }
}
