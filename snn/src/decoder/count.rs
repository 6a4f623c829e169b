//! Spike count: what arrived within the control step.

use serde::{Deserialize, Serialize};

use super::{Decoder, Readout, sum};
use crate::error::SnnError;

/// `action = tanh(Σ weights of the spikes of this control step / ticks + bias)`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Count {}

impl Decoder for Count {
    fn check(&self) -> Result<(), SnnError> {
        Ok(())
    }

    fn readout(&self) -> Readout<'_> {
        sum()
    }

    fn finish(&self, ticks: usize, values: &mut [f32], _: &mut [f32]) {
        for value in values {
            *value /= ticks as f32;
        }
    }
}
