//! Tests through the public interface, in one binary.

#![allow(clippy::disallowed_methods, reason = "tests compare with the system's functions")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod config;
mod instructions;
mod nir;
mod nir_export;
mod nir_graphs;
mod nir_limits;
mod parity;
mod plasticity;
mod reference;
mod watched;

use std::sync::Arc;

use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};
use ron::extensions::Extensions;
use snn::{Controller, ControllerConfig, SnnError};

fn built(text: &str, inputs: usize, outputs: usize) -> Result<Arc<dyn Controller>, SnnError> {
    let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    options.from_str::<ControllerConfig>(text).unwrap().build(inputs, outputs)
}

fn controller(text: &str, inputs: usize, outputs: usize) -> Arc<dyn Controller> {
    built(text, inputs, outputs).unwrap()
}

fn normals(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
