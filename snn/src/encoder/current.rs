//! Current injection: the observation is the input, and the first weights are a dense product.

use serde::{Deserialize, Serialize};

use super::signal::{Encoded, Encoder, Moment, Signal};
use crate::error::SnnError;
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};

/// Constant currents, as in most spiking controllers (for example EC-RSNN, arXiv 2305.17650).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Current {
    /// Appends the negative of each observation as a further source. Connections that are 0 or 1 need this,
    /// because they cannot change a sign. Default false.
    pub negated: bool,
}

impl Encoder for Current {
    fn check(&self) -> Result<(), SnnError> {
        Ok(())
    }

    fn width(&self, inputs: usize) -> usize {
        if self.negated { 2 * inputs } else { inputs }
    }

    fn spiking(&self) -> bool {
        false
    }

    fn encode(&self, _: Moment, x: &[f32], _: &mut [f32], signal: &mut Signal) {
        signal.currents.extend_from_slice(x);
        if self.negated {
            signal.currents.extend(x.iter().map(|x| -x));
        }
    }

    fn graph(&self, graph: &mut Graph, x: &Value, _: usize, _: usize) -> Result<Encoded, OnnxError> {
        if !self.negated {
            return Ok(Encoded::Currents(x.clone()));
        }
        let negative = graph.op("Neg", &[x]);
        Ok(Encoded::Currents(graph.concat(&[x, &negative], 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negatives_follow_the_observation() {
        let mut signal = Signal::default();
        let moment = Moment { seed: 0, step: 0, ticks: 1 };
        Current { negated: true }.encode(moment, &[1.0, -2.0], &mut [], &mut signal);
        assert_eq!(signal.currents, [1.0, -2.0, -1.0, 2.0]);
    }
}
