//! Encoders: from an observation to what enters the first layer. To add one: copy `rate.rs`, and
//! list it here, in [`EncoderConfig`] and below it.
//!
//! Encoders run on the host, once per control step, so that every backend gets the same input, and so
//! that training needs nothing of them beyond it.

mod current;
mod delta;
mod latency;
mod population;
mod rate;
mod signal;

use serde::{Deserialize, Serialize};

pub use current::Current;
pub use delta::Delta;
pub use latency::Latency;
pub use population::Population;
pub use rate::Rate;
pub(crate) use signal::{Encoder, Moment, Signal};

/// How the observation enters the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EncoderConfig {
    /// Constant currents: the observation itself.
    Current(Current),
    /// Currents of overlapping receptive fields.
    Population(Population),
    /// Random spikes with a probability that grows with the observation.
    Rate(Rate),
    /// One spike per control step, the earlier the larger the observation.
    Latency(Latency),
    /// Spikes where the observation has changed.
    Delta(Delta),
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self::Current(Current::default())
    }
}

impl EncoderConfig {
    pub(crate) fn encoder(&self) -> &dyn Encoder {
        match self {
            Self::Current(encoder) => encoder,
            Self::Population(encoder) => encoder,
            Self::Rate(encoder) => encoder,
            Self::Latency(encoder) => encoder,
            Self::Delta(encoder) => encoder,
        }
    }
}
