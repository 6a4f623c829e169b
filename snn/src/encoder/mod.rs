//! Encoders: from an observation to what enters the first layer. To add one: copy `latency.rs`, and
//! list it here: a line each for `mod`, `pub use`, [`EncoderConfig`], and a word for `encoders!`.
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
pub(crate) use signal::{Encoded, Encoder, Moment, Signal};

/// How the observation enters the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EncoderConfig {
    /// Constant currents: the observation itself.
    Current(Current),
    /// Currents of overlapping receptive fields.
    Population(Population),
    /// Random spikes with a probability that grows with the observation.
    Rate(Rate),
    /// One spike per control step; the larger the observation, the earlier the spike.
    Latency(Latency),
    /// Spikes when the observation changes.
    Delta(Delta),
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self::Current(Current::default())
    }
}

macro_rules! encoders {
    ($($variant:ident),*) => {
        impl EncoderConfig {
            /// One of each, with its defaults.
            #[cfg(test)]
            pub(crate) fn all() -> Vec<Self> {
                vec![$(Self::$variant(Default::default())),*]
            }

            pub(crate) fn encoder(&self) -> &dyn Encoder {
                match self {
                    $(Self::$variant(encoder) => encoder),*
                }
            }
        }
    };
}

encoders!(Current, Population, Rate, Latency, Delta);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn all_encoders_fill_their_sources_and_nothing_else() {
        let (x, ticks) = ([0.4, -2.0, 0.0, 9.0, -0.3], 6);
        for config in EncoderConfig::all() {
            let encoder = config.encoder();
            encoder.check().unwrap();
            let (width, words) = (encoder.width(x.len()), encoder.width(x.len()).div_ceil(64));
            let encode = |seed| {
                let mut memory = vec![0.0; encoder.memory(x.len())];
                let mut all = Vec::new();
                for step in 0..3 {
                    let rows = if encoder.spiking() { ticks * words } else { 0 };
                    let mut signal = Signal { spikes: vec![0; rows], ..Signal::default() };
                    encoder.encode(Moment { seed, step, ticks }, &x, &mut memory, &mut signal);
                    let currents = if encoder.spiking() { 0 } else { width };
                    assert_eq!((signal.currents.len(), signal.spikes.len()), (currents, rows), "{config:?}");
                    for row in signal.spikes.chunks(words) {
                        let used = width - (words - 1) * 64;
                        assert!(used == 64 || row[words - 1] >> used == 0, "{config:?}");
                    }
                    all.push((signal.currents, signal.spikes));
                }
                (all, memory)
            };
            assert_eq!(encode(4), encode(4), "{config:?}");
        }
    }
}
