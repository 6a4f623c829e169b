//! Membrane readout: the state of a neuron that does not spike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decode::{Decoder, Readout};
use crate::error::SnnError;
use crate::onnx::graph::{Graph, Value};
use crate::real::Real;
use crate::scope::Scope;

/// `action = tanh(r + bias)` with `r` the first state of `model` after the last tick; `li` has
/// `r ← decay·r + (1 − decay)·I`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Membrane {
    /// A neuron model that does not spike, as in a layer. Default `"li"`.
    pub model: String,
    /// Its parameters that differ from the defaults, as in a layer. Default `{}`.
    pub parameters: BTreeMap<String, f64>,
    /// Its evolved parameters, as in a layer. Default `{}`.
    pub evolve: BTreeMap<String, Scope>,
}

impl Default for Membrane {
    fn default() -> Self {
        Self { model: "li".into(), parameters: BTreeMap::new(), evolve: BTreeMap::new() }
    }
}

impl Decoder for Membrane {
    fn check(&self) -> Result<(), SnnError> {
        Ok(())
    }

    fn readout(&self) -> Readout<'_> {
        let Self { model, parameters, evolve } = self;
        Readout { model, parameters, evolve, clear: false, sums: false, fixed: None, width: 1 }
    }

    fn decode<T: Real>(&self, _: usize, readout: &[T], _: &mut [T], out: &mut [T]) {
        out.copy_from_slice(&readout[..out.len()]);
    }

    fn pull<T: Real>(&self, _: usize, _: &[T], out: &[T], _: &mut [T], adjoints: &mut [T]) {
        for (adjoint, &out) in adjoints.iter_mut().zip(out) {
            *adjoint += out;
        }
    }

    fn graph(&self, _: &mut Graph, _: usize, readout: &Value, _: usize) -> Value {
        readout.clone()
    }
}
