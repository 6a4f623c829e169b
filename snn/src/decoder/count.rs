//! Spike count: what arrived within the control step.

use serde::{Deserialize, Serialize};

use super::decode::{Decoder, Readout, sum};
use crate::error::SnnError;
use crate::onnx::graph::{Graph, Value};
use crate::real::Real;

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

    fn decode<T: Real>(&self, ticks: usize, readout: &[T], _: &mut [T], out: &mut [T]) {
        let count = T::of(ticks as f64);
        for (out, &sum) in out.iter_mut().zip(readout) {
            *out = sum / count;
        }
    }

    fn pull<T: Real>(&self, ticks: usize, _: &[T], out: &[T], _: &mut [T], adjoints: &mut [T]) {
        let count = T::of(ticks as f64);
        for (adjoint, &out) in adjoints.iter_mut().zip(out) {
            *adjoint += out / count;
        }
    }

    fn graph(&self, graph: &mut Graph, ticks: usize, readout: &Value, _: usize) -> Value {
        let ticks = graph.number(ticks as f32);
        graph.op("Div", &[readout, &ticks])
    }
}
