//! Population coding: each observation is seen by a row of sources with Gaussian receptive fields.

use serde::{Deserialize, Serialize};

use super::signal::{Encoded, Encoder, Moment, Signal};
use crate::error::{SnnError, check};
use crate::onnx::error::OnnxError;
use crate::onnx::functions::exp;
use crate::onnx::graph::{Graph, Value};

/// Source `k` of an observation gives the current `exp(−½·((x − centre(k)) / σ)²)`, with centres evenly
/// spaced in ±`limit` and `σ = width · spacing`, as in Tang, Kumar, Yoo and Michmizos, "Deep reinforcement
/// learning with population-coded spiking neural network for continuous control" (CoRL 2020). The sources of
/// one observation are next to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Population {
    /// Sources per observation, 2 to 64. Default 8.
    pub fields: usize,
    /// Largest observation that still has a centre, > 0. Default 3.
    pub limit: f32,
    /// Width σ of a field in units of the spacing, > 0. Default 1.
    pub width: f32,
}

impl Default for Population {
    fn default() -> Self {
        Self { fields: 8, limit: 3.0, width: 1.0 }
    }
}

impl Encoder for Population {
    fn check(&self) -> Result<(), SnnError> {
        let fields = (2..=64).contains(&self.fields);
        check(|| "encoder.fields".into(), self.fields as f32, fields, "2 to 64")?;
        check(|| "encoder.limit".into(), self.limit, self.limit > 0.0, "finite and above 0")?;
        check(|| "encoder.width".into(), self.width, self.width > 0.0, "finite and above 0")
    }

    fn width(&self, inputs: usize) -> usize {
        inputs * self.fields
    }

    fn spiking(&self) -> bool {
        false
    }

    fn encode(&self, _: Moment, x: &[f32], _: &mut [f32], signal: &mut Signal) {
        let spacing = 2.0 * self.limit / (self.fields - 1) as f32;
        for x in x {
            signal.currents.extend((0..self.fields).map(|field| {
                let distance = (x + self.limit - field as f32 * spacing) / (self.width * spacing);
                libm::expf(-0.5 * distance * distance)
            }));
        }
    }

    fn graph(&self, graph: &mut Graph, x: &Value, _: usize, _: usize) -> Result<Encoded, OnnxError> {
        let spacing = 2.0 * self.limit / (self.fields - 1) as f32;
        let centres: Vec<f32> = (0..self.fields).map(|field| field as f32 * spacing).collect();
        let [limit, sigma, half] = [self.limit, self.width * spacing, -0.5].map(|x| graph.number(x));
        let x = graph.unsqueeze(x, 2);
        let x = graph.op("Add", &[&x, &limit]);
        let centres = graph.numbers(&centres);
        let distance = graph.op("Sub", &[&x, &centres]);
        let distance = graph.op("Div", &[&distance, &sigma]);
        let exponent = graph.op("Mul", &[&half, &distance]);
        let exponent = graph.op("Mul", &[&exponent, &distance]);
        let currents = exp(graph, &exponent);
        // Sources of one observation follow each other.
        Ok(Encoded::Currents(graph.flatten(&currents)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_field_answers_most() {
        let encoder = Population { fields: 5, limit: 2.0, width: 1.0 };
        let moment = Moment { seed: 0, step: 0, ticks: 1 };
        for (x, nearest) in [(-9.0, 0), (-2.0, 0), (-0.9, 1), (0.2, 2), (1.1, 3), (2.0, 4)] {
            let mut signal = Signal::default();
            encoder.encode(moment, &[x], &mut [], &mut signal);
            let most = signal.currents.iter().copied().fold(0.0, f32::max);
            assert_eq!(signal.currents.iter().position(|&c| c == most), Some(nearest), "{x}");
            assert!(signal.currents.iter().all(|c| (0.0..=1.0).contains(c)));
        }
        let mut signal = Signal::default();
        encoder.encode(moment, &[1.0], &mut [], &mut signal);
        assert_eq!(signal.currents[3], 1.0);
        assert_eq!(signal.currents[2], libm::expf(-0.5));
    }
}
