//! Filtered rate: the spike count, smoothed over control steps.

use serde::{Deserialize, Serialize};

use super::decode::{Decoder, Readout, sum};
use crate::error::{SnnError, check};
use crate::onnx::graph::{Graph, Value};
use crate::real::Real;

/// `rate ← decay·rate + (1 − decay)·count / ticks` once per control step, `action = tanh(rate + bias)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilteredRate {
    /// Share of the old rate that is kept per control step, in [0, 1). Default 0.5.
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

    fn decode<T: Real>(&self, ticks: usize, readout: &[T], memory: &mut [T], out: &mut [T]) {
        let (count, decay) = (T::of(ticks as f64), T::of(f64::from(self.decay)));
        for ((out, &sum), rate) in out.iter_mut().zip(readout).zip(memory) {
            *rate = decay * *rate + (T::ONE - decay) * (sum / count);
            *out = *rate;
        }
    }

    fn pull<T: Real>(&self, ticks: usize, _: &[T], out: &[T], memory: &mut [T], adjoints: &mut [T]) {
        let (count, decay) = (T::of(ticks as f64), T::of(f64::from(self.decay)));
        for ((adjoint, &out), memory) in adjoints.iter_mut().zip(out).zip(memory) {
            let rate = out + *memory;
            *adjoint += (T::ONE - decay) / count * rate;
            *memory = decay * rate;
        }
    }

    fn graph(&self, graph: &mut Graph, ticks: usize, readout: &Value, outputs: usize) -> Value {
        let rate = graph.state("decoder.rate", &[outputs], vec![0.0]);
        let [decay, share, ticks] = [self.decay, 1.0 - self.decay, ticks as f32].map(|x| graph.number(x));
        let old = graph.op("Mul", &[&decay, &rate]);
        let new = graph.op("Div", &[readout, &ticks]);
        let new = graph.op("Mul", &[&share, &new]);
        let rate = graph.op("Add", &[&old, &new]);
        graph.next("decoder.rate", &rate);
        rate
    }
}
