//! Decoders: from the spikes of the last layer to actions. To add one: copy `count.rs`, and list it
//! here: a line each for `mod`, `pub use`, [`DecoderConfig`], and a word for `decoders!`.
//!
//! A decoder has two parts. In the network the *readout* is a population of neurons that do not
//! spike, driven by the last hidden layer like any other; its first state is the value that leaves
//! the network. What follows once per control step runs on the host, and so do its derivatives.

mod count;
mod decode;
mod membrane;
mod population;
mod rate;

use serde::{Deserialize, Serialize};

use crate::error::SnnError;
use crate::onnx::graph::{Graph, Value};
use crate::real::Real;

pub use count::Count;
use decode::{Decoder as _, Readout};
pub use membrane::Membrane;
pub use population::PopulationVector;
pub use rate::FilteredRate;

/// How the spikes of the last hidden layer become actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DecoderConfig {
    /// One leaky neuron per action: its membrane potential after the last tick.
    Membrane(Membrane),
    /// Weighted firing rate, filtered from one control step to the next.
    Rate(FilteredRate),
    /// Weighted number of spikes in the control step.
    Count(Count),
    /// Mean preferred value of the neurons that spiked, without weights.
    Population(PopulationVector),
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self::Membrane(Membrane::default())
    }
}

macro_rules! decoders {
    ($($variant:ident),*) => {
        impl DecoderConfig {
            /// One of each, with its defaults.
            #[cfg(test)]
            pub(crate) fn all() -> Vec<Self> {
                vec![$(Self::$variant(Default::default())),*]
            }

            /// Checks the fields.
            pub(crate) fn check(&self) -> Result<(), SnnError> {
                match self {
                    $(Self::$variant(decoder) => decoder.check()),*
                }
            }

            /// What the network computes.
            pub(crate) fn readout(&self) -> Readout<'_> {
                match self {
                    $(Self::$variant(decoder) => decoder.readout()),*
                }
            }

            /// Whether `tanh(value + bias)` follows; else values are actions in [−1, 1] already.
            pub(crate) fn squash(&self) -> bool {
                match self {
                    $(Self::$variant(decoder) => decoder.squash()),*
                }
            }

            /// From the values of the readout to one value per action, before bias and tanh. `memory` has
            /// one value per action, 0 at the start of an episode.
            pub(crate) fn decode<T: Real>(
                &self,
                ticks: usize,
                readout: &[T],
                memory: &mut [T],
                out: &mut [T],
            ) {
                match self {
                    $(Self::$variant(decoder) => decoder.decode(ticks, readout, memory, out)),*
                }
            }

            /// Adds [`decode`](Self::decode) to a graph, for so many actions.
            pub(crate) fn graph(
                &self,
                graph: &mut Graph,
                ticks: usize,
                readout: &Value,
                outputs: usize,
            ) -> Value {
                match self {
                    $(Self::$variant(decoder) => decoder.graph(graph, ticks, readout, outputs)),*
                }
            }

            /// Adds to the `adjoints` of `readout` what those of the values that [`decode`](Self::decode)
            /// made of it (`out`) ask for. `memory` holds the adjoints of the memory after the step,
            /// replaced by those before it.
            pub(crate) fn pull<T: Real>(
                &self,
                ticks: usize,
                readout: &[T],
                out: &[T],
                memory: &mut [T],
                adjoints: &mut [T],
            ) {
                match self {
                    $(Self::$variant(decoder) => decoder.pull(ticks, readout, out, memory, adjoints)),*
                }
            }
        }
    };
}

decoders!(Membrane, Rate, Count, Population);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn derivatives_agree_with_differences() {
        let (readout, memory, weights) = ([0.3, -0.5, 0.8, 0.25], [0.1, 0.2], [0.7, -1.3]);
        for decoder in DecoderConfig::all() {
            decoder.check().unwrap();
            // The loss: outputs by `weights`, memory by 0.5 and -0.25.
            let loss = |readout: &[f64; 4], memory: [f64; 2]| {
                let (mut memory, mut out) = (memory, [0.0; 2]);
                decoder.decode(3, readout, &mut memory, &mut out);
                out[0] * weights[0] + out[1] * weights[1] + 0.5 * memory[0] - 0.25 * memory[1]
            };
            let (mut adjoints, mut before) = ([0.0; 4], [0.5, -0.25]);
            decoder.pull(3, &readout, &weights, &mut before, &mut adjoints);
            for i in 0..6 {
                let moved = |by: f64| {
                    let (mut readout, mut memory) = (readout, memory);
                    match i {
                        0..4 => readout[i] += by,
                        _ => memory[i - 4] += by,
                    }
                    loss(&readout, memory)
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let found = if i < 4 { adjoints[i] } else { before[i - 4] };
                assert!((found - expected).abs() < 1e-8, "{decoder:?}, {i}: {found}, not {expected}");
            }
        }
    }
}
